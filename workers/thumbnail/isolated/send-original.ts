/** Streams an original to a decoder process, as fast as that takes it and no faster: nothing is gathered on this side. */
import type { Writable } from 'node:stream'
import { AppError } from '../../../src/core/errors.js'
import { frameOf } from './frames.js'
import type { Stop } from './stop.js'
import type { Asked } from './wire.js'

export interface SentOriginal {
  readonly body: AsyncIterable<Uint8Array>
  /** Of the whole body: neither less nor more is sent. */
  readonly sizeBytes: number
  readonly now: Date
}

/** How long the decoder may leave the channel full; the body may take its time. */
export interface Patience {
  readonly timeoutMs: number
  readonly late: () => Error
}

/**
 * Resolves once the body has ended. Rejects with what the body fails with, with the stop's reason, and with AppError
 * `checksum_mismatch` when the body is shorter or longer than was said. A body that isn't wanted any more is returned.
 */
export async function sendOriginal(
  channel: Writable,
  { body, sizeBytes, now }: SentOriginal,
  { timeoutMs, late }: Patience,
  stop: Stop,
): Promise<void> {
  const asked: Asked = { sizeBytes, nowMs: now.getTime() }
  channel.write(frameOf(asked))
  const chunks = body[Symbol.asyncIterator]()
  let sentBytes = 0
  try {
    for (;;) {
      const { value, done } = await stop.orStop(chunks.next())
      if (done) break
      sentBytes += value.byteLength
      if (sentBytes > sizeBytes) break
      if (channel.write(value)) continue
      await stop.within(timeoutMs, late, new Promise<void>(resolve => channel.once('drain', resolve)))
    }
    if (sentBytes !== sizeBytes) throw wrongSize(sentBytes, sizeBytes)
  } catch (error) {
    // Not waited for: a generator returns only after what it waits for itself.
    chunks.return?.().catch(() => {})
    throw error
  }
}

function wrongSize(sentBytes: number, sizeBytes: number): AppError {
  const found = sentBytes > sizeBytes ? 'more' : `only ${sentBytes}`
  return new AppError('checksum_mismatch', `The file should have ${sizeBytes} bytes and has ${found}`)
}
