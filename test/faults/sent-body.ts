/** Bodies of requests as a handset's network brings them: whole, cut off, hanging, too short or too long. */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from './random.js'

/** `short` ends properly before its time; `excess` brings more than it may. */
export type BodyKind = 'whole' | 'cut' | 'hang' | 'short' | 'excess'

/** What Node reads from a connection at once. */
const chunkMax = 64 * 1024

export const excess = Buffer.from('and more than was announced')

/** All of `bytes` or, if it breaks, somewhere on the way there. */
export function sentBody(bytes: Buffer, kind: BodyKind, random: Random): Readable {
  const isWhole = kind === 'whole' || kind === 'excess'
  const comes = isWhole ? bytes : bytes.subarray(0, random.between(0, bytes.length))
  return Readable.from(pieces(comes, kind, random), { objectMode: false })
}

async function* pieces(bytes: Buffer, kind: BodyKind, random: Random): AsyncGenerator<Buffer> {
  const sizeMax = Math.min(random.pick([1 + Math.ceil(bytes.length / 3), 1 + Math.ceil(bytes.length / 7)]), chunkMax)
  for (let at = 0; at < bytes.length; ) {
    // Large ones come in large pieces, or it would take long.
    const sizeMin = bytes.length > 20 * chunkMax ? chunkMax / 2 : 1
    const size = Math.min(random.between(sizeMin, sizeMax), bytes.length - at)
    yield bytes.subarray(at, at + size)
    at += size
    if (random.chance(sizeMin > 1 ? 0.01 : 0.1)) await sleep(random.between(0, 5))
  }
  if (kind === 'excess') yield excess
  if (kind === 'cut') throw new Error('the connection broke')
  if (kind === 'hang') await sleep(random.between(20, 400)).then(() => Promise.reject(new Error('broke at last')))
}
