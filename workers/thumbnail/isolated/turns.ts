/** Turns at something of which there are only so many: first come, first served. */

export interface Turns {
  /** Resolves when it is the caller's turn, who then owes a `give`; rejects with the signal's reason, owing nothing. */
  take(signal: AbortSignal): Promise<void>
  give(): void
}

export function makeTurns(count: number): Turns {
  let free = count
  const waiting = new Set<() => void>()

  const wait = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const onTurn = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = () => {
        waiting.delete(onTurn)
        reject(signal.reason)
      }
      waiting.add(onTurn)
      signal.addEventListener('abort', onAbort, { once: true })
    })

  return {
    take: async signal => {
      signal.throwIfAborted()
      if (free === 0) return await wait(signal)
      free--
    },
    give: () => {
      const [next] = waiting
      if (next === undefined) {
        free++
        return
      }
      waiting.delete(next)
      next()
    },
  }
}
