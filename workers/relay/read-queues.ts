/**
 * What waits, for metrics: by the queue how many, by the tables since when, where they know. A photo waits since its commit,
 * however often it was handed over, whichever queue it is in, and a job with priority doesn't tell its age by its place.
 */
import type { Clock } from '../../src/core/clock.js'
import type { Database } from '../../src/db/database.js'
import { measureWaiting } from '../../src/library/waiting-sql.js'
import type { QueueReading } from '../../src/observe/queue-metrics.js'
import { type JobName, jobNames } from '../../src/queue/jobs.js'
import { countOutbox } from '../../src/queue/outbox-sql.js'
import type { JobQueue } from '../../src/queue/queue.js'

export function makeReadQueues(db: Database, queue: JobQueue, clock: Clock): () => Promise<QueueReading[]> {
  const oldestOf = async (job: JobName): Promise<Date | undefined> =>
    job === 'thumbnail' ? ((await measureWaiting(db, clock.now())).oldest ?? undefined) : queue.oldest(job)

  return async () => {
    const outbox = await countOutbox(db)
    return Promise.all(
      jobNames.map(async job => {
        const [counts, oldest] = await Promise.all([queue.counts(job), oldestOf(job)])
        const oldestSeconds = oldest && Math.max(0, (clock.now().getTime() - oldest.getTime()) / 1_000)
        return { job, depths: { ...counts, outbox: outbox.get(job) ?? 0 }, oldestSeconds }
      }),
    )
  }
}
