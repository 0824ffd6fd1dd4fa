/**
 * The budget of upload bytes that one process holds in memory, counted in bytes and not in requests: a slow client holds
 * what it sent and nothing else. Nobody waits for it. Whoever finds it spent makes what they hold durable early.
 */
export interface HeldBytes {
  /** Counts them as held, whether they fit or not. Returns whether the budget is spent. */
  add(sizeBytes: number): boolean
  release(sizeBytes: number): void
  readonly total: number
}

export function makeHeldBytes(budgetBytes: number): HeldBytes {
  let total = 0
  return {
    add: sizeBytes => {
      total += sizeBytes
      return total >= budgetBytes
    },
    release: sizeBytes => {
      total -= sizeBytes
    },
    get total() {
      return total
    },
  }
}
