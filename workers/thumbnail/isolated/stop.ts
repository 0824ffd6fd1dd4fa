/**
 * The end of a piece of work that has several things to end it: the caller's signal, a limit of time, a failure elsewhere. Whoever
 * waits through it is let go at once, with the first reason that came; what was waited for settles on its own.
 */

export interface Stop {
  abort(reason: unknown): void
  /** What `wait` settles with, or the reason. */
  orStop<T>(wait: Promise<T>): Promise<T>
  /** The same, and `late()` is the reason after `timeoutMs`. */
  within<T>(timeoutMs: number, late: () => Error, wait: Promise<T>): Promise<T>
  /** Lets go of the caller's signal; nothing waits any more. */
  release(): void
}

export function makeStop(signal: AbortSignal): Stop {
  const stop = new AbortController()
  const onAbort = () => stop.abort(signal.reason)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })

  // A race with one long promise would hold every outcome in memory for as long as that promise lives; so each has its own.
  const orStop = async <T>(wait: Promise<T>): Promise<T> => {
    let onStop = () => {}
    const stopped = new Promise<never>((_, reject) => {
      onStop = () => reject(stop.signal.reason)
      if (stop.signal.aborted) onStop()
      else stop.signal.addEventListener('abort', onStop, { once: true })
    })
    try {
      return await Promise.race([stopped, wait])
    } finally {
      stop.signal.removeEventListener('abort', onStop)
    }
  }

  return {
    abort: reason => stop.abort(reason),
    orStop,
    within: async (timeoutMs, late, wait) => {
      const timer = setTimeout(() => stop.abort(late()), timeoutMs)
      try {
        return await orStop(wait)
      } finally {
        clearTimeout(timer)
      }
    },
    release: () => signal.removeEventListener('abort', onAbort),
  }
}
