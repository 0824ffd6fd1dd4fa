/** Trying again, bounded: exponential back-off with full jitter, a limit on attempts, and an end by signal at any moment. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface RetryOptions {
  /** Calls in all, the first included. */
  attemptsMax: number
  firstDelayMs: number
  delayMaxMs?: number
  signal?: AbortSignal
  /** Whether another attempt can help; default: always. */
  retryable?: (error: unknown) => boolean
  random?: () => number
}

/** The value of the first call that succeeds, or the error of the last one. Throws the signal's reason once it aborts. */
export async function retry<T>(fn: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const {
    attemptsMax,
    firstDelayMs,
    delayMaxMs = 10_000,
    signal,
    retryable = () => true,
    random = Math.random,
  } = options
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await fn(attempt)
    } catch (error) {
      signal?.throwIfAborted()
      if (attempt >= attemptsMax || !retryable(error)) throw error
      const ceilingMs = Math.min(delayMaxMs, firstDelayMs * 2 ** (attempt - 1))
      await sleep(ceilingMs * random(), undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
    }
  }
}
