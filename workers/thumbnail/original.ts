/**
 * An original on its way past: one read of the bucket's object, hashed as it comes, its first bytes known before the rest is asked
 * for. Whoever needs all of it iterates `bytes`; what nobody took is read to its end by `finish`, for the hash.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'

export interface Original {
  /** The first bytes, enough to tell what it is; all of them if there are fewer. */
  readonly head: Buffer
  readonly sizeBytes: number
  /** From the first byte to the last, once. */
  readonly bytes: AsyncIterable<Buffer>
  /** SHA-256 of all of it, read to its end. */
  finish(): Promise<Buffer>
  /** Reads no more. */
  drop(): void
}

/** Enough for every kind that is told by its first bytes. */
const headBytes = 4_096

/** `sizeBytes` of the whole object. Rejects with what the body fails with. */
export async function openOriginal(body: Readable, sizeBytes: number): Promise<Original> {
  const hash = createHash('sha256')
  const source = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const first: Buffer[] = []
  for (let size = 0; size < headBytes; ) {
    const { value, done } = await source.next()
    if (done) break
    first.push(value)
    size += value.byteLength
  }
  const head = Buffer.concat(first)

  async function* all(): AsyncGenerator<Buffer> {
    hash.update(head)
    if (head.byteLength > 0) yield head
    for (;;) {
      const { value, done } = await source.next()
      if (done) return
      hash.update(value)
      yield value
    }
  }
  const bytes = all()
  // A loop that is left early would end the generator; the rest is still needed for the hash.
  const kept: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => ({ next: () => bytes.next() }) }
  return {
    head: head.subarray(0, headBytes),
    sizeBytes,
    bytes: kept,
    finish: async () => {
      for await (const _ of kept);
      return hash.digest()
    },
    drop: () => void body.destroy(),
  }
}
