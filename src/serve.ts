/**
 * A process that serves until it is told to end: reads the environment, starts, says that it is ready, and stops cleanly on
 * SIGTERM or SIGINT, or when the parent that started it is gone. What stops it from starting is one sentence and status 1.
 */
import { type Config, readConfig } from './config.js'
import { isAppError } from './core/errors.js'
import { type Log, openLog } from './observe/log.js'

/** What a parent process is told once we serve. */
export interface Ready {
  url?: string
  opsUrl: string
}

export type Start = (config: Config, log: Log) => Promise<Ready & { stop(): Promise<void> }>

const stopDeadlineMs = 40_000

export async function serve(name: string, start: Start): Promise<void> {
  // A log that nobody reads any more is no reason to end.
  process.stderr.on('error', () => {})
  let log: Log | undefined
  try {
    const config = readConfig()
    log = openLog({ name, level: config.logLevel })
    const { stop, ...ready } = await start(config, log)
    const end = stopOnce(stop, log)
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end)
    if (process.send) {
      process.once('disconnect', end)
      process.send({ ready })
    }
    log.info({ ...ready, region: config.region.id }, 'ready')
  } catch (error) {
    if (!isAppError(error)) throw error
    process.stderr.write(`photosync ${name}: ${error.message}\n`)
    process.exit(1)
  }
}

function stopOnce(stop: () => Promise<void>, log: Log): () => void {
  let stopping = false
  return () => {
    if (stopping) return
    stopping = true
    const timer = setTimeout(() => {
      log.error('stopping took too long')
      process.exit(1)
    }, stopDeadlineMs)
    stop().then(
      () => {
        clearTimeout(timer)
        process.exit(0)
      },
      error => {
        log.error({ err: error }, 'stopping failed')
        process.exit(1)
      },
    )
  }
}
