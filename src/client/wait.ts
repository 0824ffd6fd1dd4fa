/** Waiting, the same in Node and in browsers: for a time, with an end by signal at any moment; and how long before another attempt. */

/** What timers can hold, 24.8 days; they take more for nothing at all. */
const timerMaxMs = 2 ** 31 - 1

/** Resolves after that time; rejects with the signal's reason as soon as it aborts. */
export async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms > timerMaxMs) {
    await wait(timerMaxMs, signal)
    return wait(ms - timerMaxMs, signal)
  }
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

export interface BackOffOptions {
  /** Attempts in all, the first included; default 7. */
  attemptsMax?: number
  /** Before the second attempt, doubled for each further one; default 500. */
  firstDelayMs?: number
  /** Default 8,000. */
  delayMaxMs?: number
  random?: () => number
}

/** Milliseconds before the second, third… attempt, each its nominal length ± half, so that many clients do not come back at once. */
export function backOff(options: BackOffOptions = {}): number[] {
  const { attemptsMax = 7, firstDelayMs = 500, delayMaxMs = 8_000, random = Math.random } = options
  return Array.from(
    { length: attemptsMax - 1 },
    (_, attempt) => Math.min(delayMaxMs, firstDelayMs * 2 ** attempt) * (0.5 + random()),
  )
}
