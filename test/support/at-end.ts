/** Cleaning up when this process ends, by whatever way but SIGKILL: what it started must not outlive it. */

/** `clean` runs once, has to be synchronous, and is called off by the returned function. */
export function atEnd(clean: () => void): () => void {
  cleanings.add(clean)
  return () => cleanings.delete(clean)
}

const cleanings = new Set<() => void>()

/** Last come, first cleaned: a folder is removed after the processes that use it are gone. */
function cleanAll(): void {
  for (const clean of [...cleanings].reverse()) clean()
  cleanings.clear()
}

process.on('exit', cleanAll)
// A test worker whose vitest is gone ends without an 'exit' event.
process.once('disconnect', cleanAll)
// A signal's default action runs no 'exit' listener, and it is by SIGTERM that vitest ends its workers.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.prependOnceListener(signal, () => {
    cleanAll()
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  })
}
