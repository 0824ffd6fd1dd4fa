/**
 * Has a thread of its own look after a decoder process: it ends the process when a photo takes too much memory, or when the worker
 * is gone while the main thread is too busy to notice. By signals, which work however stuck the rest is.
 */
import { Worker } from 'node:worker_threads'

export interface WatchdogOptions {
  workerPid: number
  memoryBytes: number
}

export interface Watchdog {
  /** A photo is being developed. */
  watch(): void
  /** Nothing is: whatever memory is left over from the last one is nobody's fault. */
  rest(): void
}

/** What the thread is told, and waits on. */
export const resting = 0
export const watching = 1

/** Resolves when the thread is up. */
export async function openWatchdog(options: WatchdogOptions): Promise<Watchdog> {
  const state = new Int32Array(new SharedArrayBuffer(4))
  const thread = new Worker(new URL('./watchdog-thread.js', import.meta.url), {
    workerData: { ...options, state },
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
  })
  await new Promise<void>((resolve, reject) => {
    thread.once('online', resolve)
    thread.once('error', reject)
  })
  thread.unref()
  const turn = (to: number) => {
    Atomics.store(state, 0, to)
    Atomics.notify(state, 0)
  }
  return { watch: () => turn(watching), rest: () => turn(resting) }
}
