/** Randomness of a test: its seed is printed when the test fails, and PHOTOSYNC_SEED replays it. */
import { onTestFailed } from 'vitest'

export interface SeededRandom {
  readonly seed: number
  /** 0 ≤ x < 1. */
  next(): number
  /** Whole, min ≤ x ≤ max. */
  between(min: number, max: number): number
  bytes(length: number): Buffer
}

export function seededRandom(seed = Number(process.env.PHOTOSYNC_SEED ?? Date.now() % 1_000_000)): SeededRandom {
  onTestFailed(() => console.error(`seed ${seed}: PHOTOSYNC_SEED=${seed} replays it`))
  // mulberry32
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    seed,
    next,
    between: (min, max) => min + Math.floor(next() * (max - min + 1)),
    bytes: length => {
      const bytes = Buffer.alloc(length)
      for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(Math.floor(next() * 2 ** 32), i)
      return bytes
    },
  }
}
