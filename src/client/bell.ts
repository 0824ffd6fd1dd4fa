/** Waits with an end: by time, by whoever rings, by a signal. Runs wherever there are timers. */

export interface Bell {
  /** Ends the wait that is on, or the next one at once. */
  ring(): void
  /** Resolves when it rings, or after so many milliseconds; rejects with the signal's reason once that aborts. */
  wait(ms: number): Promise<void>
}

/** For one waiter at a time. */
export function makeBell(signal: AbortSignal): Bell {
  let rung = false
  let wake = () => {}
  return {
    ring() {
      rung = true
      wake()
    },
    async wait(ms) {
      signal.throwIfAborted()
      if (!rung) {
        await new Promise<void>(resolve => {
          const timer = setTimeout(done, ms)
          function done() {
            clearTimeout(timer)
            signal.removeEventListener('abort', done)
            wake = () => {}
            resolve()
          }
          wake = done
          signal.addEventListener('abort', done, { once: true })
        })
      }
      signal.throwIfAborted()
      rung = false
    },
  }
}

/** Milliseconds until the next attempt after so many failures in a row (from 1): doubled each time, half of it left to chance. */
export function backOffMs(failures: number, firstMs: number, maxMs: number, random: () => number): number {
  const ceilingMs = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30))
  return ceilingMs * (0.5 + 0.5 * random())
}
