/** Something done again and again until it is told to end: at an interval, and at once when woken. */
import type { Log } from '../src/observe/log.js'

export interface Loop {
  /** Does it soon, without waiting for the interval. */
  wake(): void
  /** Resolves when the round under way has ended. */
  stop(): Promise<void>
}

export interface LoopOptions {
  name: string
  intervalMs: number
  log: Log
}

/** A round that rejects is logged and tried again at the next interval. Rounds never overlap. */
export function startLoop(round: () => Promise<void>, { name, intervalMs, log }: LoopOptions): Loop {
  let stopped = false
  let woken = false
  let endWait: () => void = () => {}

  const run = async () => {
    while (!stopped) {
      woken = false
      await round().catch(error => log.warn({ err: error }, `${name} failed`))
      if (woken || stopped) continue
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, intervalMs)
        endWait = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  const running = run()
  return {
    wake: () => {
      woken = true
      endWait()
    },
    stop: () => {
      stopped = true
      endWait()
      return running
    },
  }
}
