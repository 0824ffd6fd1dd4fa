/**
 * Bytes on their way in and out of a bucket: checked against what their sender said, and ended by a signal. Touches nothing
 * outside.
 */
import { createHash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import { AppError } from '../core/errors.js'
import type { Replayable } from './bucket.js'

export interface ReadOptions {
  /** Lower-case hex that the bytes must have. */
  sha256?: string | undefined
  signal?: AbortSignal | undefined
  /** Told the bytes' SHA-256 before the last chunk comes out. */
  onSha256?: (hex: string) => void
}

/**
 * One pass over the bytes. The last chunk comes out only when size and hash have proved right, so that whoever passes
 * chunks on as they come has never passed on the whole of something wrong. Throws `invalid` for wrong bytes, the signal's
 * reason, or the source's own error.
 */
export async function* checkedChunks(body: Replayable, options: ReadOptions = {}): AsyncGenerator<Uint8Array, void> {
  const { sha256, signal, onSha256 } = options
  const hash = sha256 !== undefined || onSha256 ? createHash('sha256') : undefined
  let seenBytes = 0
  let held: Uint8Array | undefined
  for await (const chunk of untilAborted(body.open(), signal)) {
    if (chunk.byteLength === 0) continue
    seenBytes += chunk.byteLength
    if (seenBytes > body.sizeBytes) throw wrongSize(body.sizeBytes)
    hash?.update(chunk)
    if (held) yield held
    held = chunk
  }
  signal?.throwIfAborted()
  if (seenBytes !== body.sizeBytes) throw wrongSize(body.sizeBytes)
  const digest = hash?.digest('hex')
  if (sha256 !== undefined && digest !== sha256) {
    throw new AppError('invalid', "The bytes don't have the SHA-256 that was announced for them")
  }
  if (digest !== undefined) onSha256?.(digest)
  if (held) yield held
}

/** All the bytes in memory, checked; not copied when the source gives them in one piece. */
export async function collect(body: Replayable, options: ReadOptions = {}): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of checkedChunks(body, options)) chunks.push(chunk)
  const [first] = chunks
  if (first && chunks.length === 1) return Buffer.from(first.buffer, first.byteOffset, first.byteLength)
  return Buffer.concat(chunks, body.sizeBytes)
}

/** The promise's outcome, or the signal's reason if that comes first; what the promise then does is nobody's concern. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    const settled = () => signal.removeEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(settled)
  })
}

/** The body is destroyed with the signal's reason once that aborts. */
export function endOnAbort<T extends Readable>(body: T, signal: AbortSignal | undefined): T {
  if (!signal) return body
  const onAbort = () => body.destroy(signal.reason)
  if (signal.aborted) onAbort()
  else {
    signal.addEventListener('abort', onAbort, { once: true })
    body.once('close', () => signal.removeEventListener('abort', onAbort))
  }
  return body
}

/** The same bytes, looked at as they pass; an error of the source ends them translated, and destroying them destroys the source. */
export function relay(
  source: Readable,
  { onChunk, translate = error => error }: { onChunk?: (chunk: Buffer) => void; translate?: (error: Error) => Error },
): Readable {
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      onChunk?.(chunk)
      done(null, chunk)
    },
  })
  const broken = () => {
    if (!source.readableEnded && !body.destroyed) body.destroy(translate(new Error('The bytes ended before their end')))
  }
  source.on('error', error => body.destroy(translate(error)))
  source.on('close', broken)
  body.on('close', () => source.destroy())
  // One that broke before anybody looked tells nobody any more.
  if (source.destroyed) broken()
  return source.pipe(body)
}

async function* untilAborted(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  if (Symbol.iterator in source) {
    for (const chunk of source) {
      signal?.throwIfAborted()
      yield chunk
    }
    return
  }
  const iterator = source[Symbol.asyncIterator]()
  let ended = false
  try {
    for (;;) {
      const next = await orAborted(iterator.next(), signal)
      if (next.done) {
        ended = true
        return
      }
      yield next.value
    }
  } finally {
    // Not awaited: a source that hangs in next() hangs in return() too. Its error has no one left to concern.
    if (!ended) iterator.return?.().catch(() => undefined)
  }
}

export function wrongSize(announcedBytes: number): AppError {
  return new AppError('invalid', `The bytes are not the ${announcedBytes} that were announced`)
}
