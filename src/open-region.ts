/**
 * Opens everything a region's process needs, and proves that it answers: the database with its schema, the directory, the
 * bucket, the queue, signals. What can't be reached is one sentence that says what to do; what was opened is closed again.
 */
import type { Config } from './config.js'
import { AppError } from './core/errors.js'
import { type Database, openDatabase } from './db/database.js'
import { migrate } from './db/migrate.js'
import type { Log } from './observe/log.js'
import type { Metrics } from './observe/metrics.js'
import { makeBucketMetrics } from './observe/work-metrics.js'
import { openQueue } from './queue/bullmq-queue.js'
import { gatheredSignals } from './queue/gathered-signals.js'
import { openSignals } from './queue/open-signals.js'
import type { JobQueue, QueueConnection } from './queue/queue.js'
import type { Signals } from './queue/signals.js'
import { type Directory, makeDirectory } from './regions/directory.js'
import type { Bucket } from './storage/bucket.js'
import { meteredBucket } from './storage/metered-bucket.js'
import { openBucket } from './storage/open-bucket.js'

export interface OpenRegion {
  db: Database
  directory: Directory
  bucket: Bucket
  queue: JobQueue
  signals: Signals
  /** For /readyz: each rejects while its part doesn't answer. */
  checks: Record<'database' | 'bucket' | 'queue', (signal: AbortSignal) => Promise<unknown>>
  close(): Promise<void>
}

export const queueConnection = ({ redisUrl, databaseUrl }: Config): QueueConnection =>
  redisUrl === undefined ? { databaseUrl } : { redisUrl }

export async function openRegion(
  config: Config,
  { log, metrics }: { log: Log; metrics: Metrics },
): Promise<OpenRegion> {
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer().catch(error => log.warn({ err: error }, 'closing'))
  }
  // Until all is open, what goes wrong is told once, by the error that this ends with.
  let opened = false
  const complain = (error: unknown) => log[opened ? 'warn' : 'debug']({ err: error }, 'a connection broke')
  try {
    const { db, directory, close: closeDatabases } = await openDatabases(config, complain)
    closers.push(closeDatabases)
    const bucket = meteredBucket(openBucket(config.bucket), makeBucketMetrics(metrics.registry))
    closers.push(() => bucket.close())
    await checkBucket(bucket, config)

    const queue = openQueue(queueConnection(config), complain)
    closers.push(() => queue.close())
    await reach(() => queue.check(), config.redisUrl, 'REDIS_URL')
    const signals = gatheredSignals(await openSignals(queueConnection(config), complain))
    closers.push(() => signals.close())

    const checks = {
      database: () => db.query('select 1'),
      bucket: (signal: AbortSignal) => bucket.head('ready', { signal }),
      queue: () => queue.check(),
    }
    opened = true
    return { db, directory, bucket, queue, signals, checks, close }
  } catch (error) {
    await close()
    throw error
  }
}

export interface OpenDatabases {
  db: Database
  directory: Directory
  close(): Promise<void>
}

/** The region's database and the directory, brought up to date. */
export async function openDatabases(
  { databaseUrl, directoryDatabaseUrl }: Config,
  onIdleError: (error: unknown) => void,
): Promise<OpenDatabases> {
  await reach(() => migrate(databaseUrl, 'region'), databaseUrl, 'DATABASE_URL')
  await reach(() => migrate(directoryDatabaseUrl, 'directory'), directoryDatabaseUrl, 'DIRECTORY_DATABASE_URL')
  const db = openDatabase({ url: databaseUrl, onIdleError })
  const directoryDb = openDatabase({ url: directoryDatabaseUrl, connectionsMax: 2, onIdleError })
  const close = async () => {
    await Promise.all([db.close(), directoryDb.close()])
  }
  return { db, directory: makeDirectory(directoryDb), close }
}

const bucketDeadlineMs = 20_000

/** A bucket says itself what to do, but for one that never answers. */
async function checkBucket(bucket: Bucket, { bucket: config }: Config): Promise<void> {
  const signal = AbortSignal.timeout(bucketDeadlineMs)
  try {
    await bucket.check({ signal })
  } catch (cause) {
    if (cause !== signal.reason) throw cause
    const [place, variable] =
      config.kind === 'disk' ? [config.dir, 'BUCKET_DIR'] : [config.endpoint ?? 'S3', 'S3_ENDPOINT']
    const message = `${place} does not answer within ${bucketDeadlineMs / 1_000} s. Start it, or correct ${variable}`
    throw new AppError('unavailable', message, { cause })
  }
}

/** Names the server without its credentials, and the variable that says where it is. */
async function reach(work: () => Promise<void>, url: string | undefined, variable: string): Promise<void> {
  try {
    await work()
  } catch (cause) {
    if (url === undefined) throw cause
    const { protocol, host } = new URL(url)
    throw new AppError(
      'unavailable',
      `${protocol}//${host} cannot be used (${why(cause)}). Start it, or correct ${variable}`,
      { cause },
    )
  }
}

/** The innermost sentence: the one that names the trouble. */
function why(error: unknown): string {
  let inner = error
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause
  if (inner instanceof AggregateError) inner = inner.errors[0]
  return inner instanceof Error ? inner.message : 'no answer'
}
