/** Chance from a seed: the same seed draws the same numbers. */
import { createHash } from 'node:crypto'

export interface Random {
  /** From 0, below 1. */
  next(): number
  /** A whole number, both ends included. */
  between(min: number, max: number): number
  chance(share: number): boolean
  pick<T>(items: readonly [T, ...T[]]): T
  bytes(sizeBytes: number): Buffer
  /** Another stream of numbers, independent of how many are drawn from this one. */
  fork(name: string): Random
}

export function seededRandom(seed: string): Random {
  let state = createHash('sha256').update(seed).digest().readUInt32LE(0)
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return {
    next,
    between,
    chance: share => next() < share,
    pick: items => items[between(0, items.length - 1)] as (typeof items)[number],
    bytes: sizeBytes => {
      const bytes = Buffer.alloc(sizeBytes)
      // Large ones repeat a random stretch, each time with its number, so that no two places are alike.
      const stretch = Buffer.from(Array.from({ length: Math.min(sizeBytes, 4096) }, () => between(0, 255)))
      for (let at = 0; at < sizeBytes; at += stretch.length) {
        stretch.copy(bytes, at)
        if (at + 4 <= sizeBytes) bytes.writeUInt32LE(at, at)
      }
      return bytes
    },
    fork: name => seededRandom(`${seed}/${name}`),
  }
}
