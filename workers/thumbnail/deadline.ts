/**
 * A bound on work that cannot be interrupted: libvips computes on its own threads and takes no AbortSignal. The caller is
 * let go at once when the signal aborts or the time is up; what was begun ends by itself, and its result is dropped.
 */

export interface Deadline {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** What to reject with when the time is up. */
  readonly late: () => Error
}

/**
 * The work's outcome; or the signal's reason once it aborts; or `late()` after `timeoutMs`. `check` throws the same
 * errors between two steps of the work, so that no step begins after the end.
 */
export async function withDeadline<T>(deadline: Deadline, work: (check: () => void) => Promise<T>): Promise<T> {
  const { signal, timeoutMs, late } = deadline
  signal.throwIfAborted()
  const ended = new AbortController()
  const onAbort = () => ended.abort(signal.reason)
  const timer = setTimeout(() => ended.abort(late()), timeoutMs)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work(() => ended.signal.throwIfAborted()), rejection(ended.signal)])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
