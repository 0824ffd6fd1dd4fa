/** The watchdog's thread; see watchdog.ts. */
import { workerData } from 'node:worker_threads'
import { resting, type WatchdogOptions, watching } from './watchdog.js'
import { memorySignal } from './wire.js'

/** libvips can take a gigabyte in a second: an overshoot of one interval has to fit on the machine. */
const intervalMs = 50

const { workerPid, memoryBytes, state } = workerData as WatchdogOptions & { state: Int32Array }
for (;;) {
  // While it rests the main thread is idle, and sees by itself that the worker is gone.
  Atomics.wait(state, 0, resting)
  if (process.memoryUsage.rss() > memoryBytes) process.kill(process.pid, memorySignal)
  if (process.ppid !== workerPid) process.kill(process.pid, 'SIGKILL')
  Atomics.wait(state, 0, watching, intervalMs)
}
