/**
 * Limits how often something may fail, by key, in a window that starts with the first failure. In this process's memory: with
 * n API processes the limit is up to n times as high, and a restart forgets it.
 */
import type { Clock } from '../core/clock.js'
import { AppError } from '../core/errors.js'

export interface Attempts {
  /**
   * Counts one attempt for every key, or rejects with `too_many` and counts none. It counts before the outcome is known, so
   * that many at once can't all pass while the first still runs.
   */
  take(keys: readonly string[]): void
  /** The attempt succeeded: it counts as no failure. */
  giveBack(keys: readonly string[]): void
}

export interface AttemptsOptions {
  attemptsMax: number
  windowMs: number
  clock: Clock
  /** Keys remembered at once; beyond it the oldest are forgotten. Default 100,000. */
  keysMax?: number
}

interface Window {
  count: number
  endsAtMs: number
}

export function makeAttempts({ attemptsMax, windowMs, clock, keysMax = 100_000 }: AttemptsOptions): Attempts {
  // In the order of their starts, hence of their ends.
  const windows = new Map<string, Window>()

  function dropOld(nowMs: number): void {
    for (const [key, { endsAtMs }] of windows) {
      if (endsAtMs > nowMs && windows.size <= keysMax) return
      windows.delete(key)
    }
  }

  return {
    take(keys) {
      const nowMs = clock.now().getTime()
      dropOld(nowMs)
      for (const key of keys) {
        const window = windows.get(key)
        if (window && window.count >= attemptsMax) {
          const retryAfterSeconds = Math.max(1, Math.ceil((window.endsAtMs - nowMs) / 1000))
          throw new AppError('too_many', 'Too many failed attempts. Wait a few minutes, then try again', {
            retryAfterSeconds,
          })
        }
      }
      for (const key of keys) {
        const window = windows.get(key)
        if (window) window.count++
        else windows.set(key, { count: 1, endsAtMs: nowMs + windowMs })
      }
    },
    giveBack(keys) {
      for (const key of keys) {
        const window = windows.get(key)
        if (!window) continue
        window.count--
        if (window.count <= 0) windows.delete(key)
      }
    },
  }
}
