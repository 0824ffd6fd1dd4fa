/**
 * The rest of a body that nobody reads any more. It is read away, so that the answer arrives and the connection can be used
 * again; where that would take long the connection is ended instead, by when the answer has had its time to arrive.
 */
import type { IncomingMessage } from 'node:http'
import { limits } from '../../core/limits.js'

const deadlineMs = 10_000

/** Call it before the response ends. Does nothing when the body was read to its end or broke off. */
export function readAway(req: IncomingMessage): void {
  if (req.readableEnded || req.destroyed) return
  let leftBytes: number = limits.smallUploadBytes
  const timer = setTimeout(() => req.destroy(), deadlineMs)
  for (const end of ['end', 'close']) req.once(end, () => clearTimeout(timer))
  req.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.byteLength
    if (leftBytes < 0) req.destroy()
  })
  req.resume()
}
