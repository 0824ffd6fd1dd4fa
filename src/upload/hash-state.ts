/**
 * SHA-256 that can be put away and taken up again, since a large original comes in over many requests and processes.
 * node:crypto is eight times as fast and cannot: it is used wherever all bytes are at hand.
 */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { createSHA256 } from 'hash-wasm'

export interface ResumableSha256 {
  /** Lets other work run every few milliseconds. */
  update(chunks: readonly Uint8Array[]): Promise<void>
  /** What `resumeSha256` takes; at most a few hundred bytes. */
  save(): Buffer
  digest(): Buffer
}

const sliceBytes = 512 * 1024

export async function resumeSha256(state: Buffer | null): Promise<ResumableSha256> {
  const hash = await createSHA256()
  if (state) hash.load(state)
  else hash.init()
  return {
    update: async chunks => {
      let sinceYieldBytes = 0
      for (const chunk of chunks) {
        for (let start = 0; start < chunk.byteLength; start += sliceBytes) {
          const slice = chunk.subarray(start, start + sliceBytes)
          hash.update(slice)
          sinceYieldBytes += slice.byteLength
          if (sinceYieldBytes < sliceBytes) continue
          sinceYieldBytes = 0
          await setImmediate()
        }
      }
    },
    save: () => Buffer.from(hash.save()),
    digest: () => Buffer.from(hash.digest('binary')),
  }
}

/** Where all bytes are at hand. */
export function hashOf(chunks: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest()
}
