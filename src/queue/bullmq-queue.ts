/**
 * The queue on BullMQ: Redis (ioredis) in production, Postgres where there is none. One BullMQ queue for each kind of job,
 * so that each is paced, counted and drained by itself.
 */
import { createPostgresBackend, Queue, type QueueOptions } from 'bullmq'
import { Redis } from 'ioredis'
import { AppError } from '../core/errors.js'
import { CalmClient } from '../db/calm-client.js'
import { type JobName, jobId, jobNames, parseJob } from './jobs.js'
import { backgroundPriority, type JobCounts, type JobQueue, type QueueConnection, type QueuedJob } from './queue.js'

/** Braces keep a queue's keys in one slot of a Redis Cluster. */
export const redisPrefix = '{photosync}'

/** Postgres: connections of one queue. Each kind of job has a queue, and so a pool, of its own. */
const postgresConnectionsMax = 2

/** What is handed over in one call, so that each is answered well within the deadline: either store takes some thousands a second. */
const batchJobs = 500
const answerDeadlineMs = 10_000

/**
 * How long the queue is patient with all that a job needs (a bucket, a database, a decoder) before the job leaves it, to be found
 * again by the tables. It judges no photo: how often one broke its decoder or its worker is counted in its row (limits.photoBreaks,
 * limits.photoAttempts), over all of its jobs. More attempts than photoBreaks let a photo that breaks decoders get its verdict in
 * one stay here; no outage of the bucket, however long, brings a photo one.
 */
const jobOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
  // Ended jobs go at once: the tables say what is done, and an id that has gone may be queued again.
  removeOnComplete: true,
  removeOnFail: true,
} as const

/** What BullMQ itself offers of each kind, for a board that shows it. `onError` hears of connections that break. */
export interface BullQueues {
  queues: ReadonlyMap<JobName, Queue>
  close(): Promise<void>
}

export function openBullQueues(
  connection: QueueConnection,
  onError: (error: unknown) => void,
  onReady: () => void = () => {},
): BullQueues {
  const redis = 'redisUrl' in connection ? openProducerRedis(connection.redisUrl, onError) : undefined
  redis?.on('ready', onReady)
  const open = (name: JobName): Queue => {
    if (!redis) {
      const { databaseUrl } = connection as { databaseUrl: string }
      const options = { connection: bullPostgres(databaseUrl, postgresConnectionsMax), defaultJobOptions: jobOptions }
      const queue = new Queue(name, options, createPostgresBackend)
      queue.on('error', onError)
      return queue as unknown as Queue
    }
    const queue = new Queue(name, {
      connection: redis as unknown as QueueOptions['connection'],
      prefix: redisPrefix,
      defaultJobOptions: jobOptions,
    })
    // Queues that share a connection all repeat its errors.
    queue.on('error', () => {})
    return queue
  }
  const queues = new Map(jobNames.map(name => [name, open(name)]))
  return {
    queues,
    close: async () => {
      await Promise.allSettled([...queues.values()].map(queue => queue.close()))
      redis?.disconnect()
    },
  }
}

/** Touches nothing yet: `check` proves that the store can be used. `onError` hears of connections that break. */
export function openQueue(connection: QueueConnection, onError: (error: unknown) => void): JobQueue {
  // Why the store can't be reached, for calls that can only wait for it.
  let trouble: unknown
  const complain = (error: unknown) => {
    trouble = error
    onError(error)
  }
  const { queues, close } = openBullQueues(connection, complain, () => {
    trouble = undefined
  })
  const queueOf = (name: JobName): Queue => {
    const queue = queues.get(name)
    if (!queue) throw new TypeError(`no queue ${name}`)
    return queue
  }

  const ask = async <T>(question: Promise<T>): Promise<T> => {
    try {
      return await withDeadline(question, answerDeadlineMs, () => trouble)
    } catch (cause) {
      throw new AppError('unavailable', 'The queue does not answer', { cause, retryAfterSeconds: 2 })
    }
  }

  return {
    add: async (jobs: readonly QueuedJob[]) => {
      const parsed = jobs.map(asQueued)
      for (const [name, queue] of queues) {
        const entries = parsed
          .filter(job => job.name === name)
          .map(({ priority = 0, ...job }) => ({ name, data: job.data, opts: { jobId: jobId(job), priority } }))
        for (let at = 0; at < entries.length; at += batchJobs) {
          await ask(queue.addBulk(entries.slice(at, at + batchJobs)))
        }
      }
    },
    counts: async (name: JobName): Promise<JobCounts> => {
      const counts = await ask(queueOf(name).getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed'))
      const of = (state: string) => counts[state] ?? 0
      return {
        waiting: of('waiting') + of('prioritized'),
        active: of('active'),
        delayed: of('delayed'),
        failed: of('failed'),
      }
    },
    countAt: async (name, priority) => {
      const counts = await ask(queueOf(name).getCountsPerPriority([priority]))
      return counts[priority] ?? 0
    },
    oldest: async name => {
      const [job] = await ask(queueOf(name).getJobs(['waiting'], 0, 0, true))
      return job && new Date(job.timestamp)
    },
    check: async () => {
      await ask(Promise.all([...queues.values()].map(queue => queue.getJobCounts('waiting'))))
    },
    close,
  }
}

/** Throws a TypeError for what is no job, and for a priority that BullMQ doesn't know. */
function asQueued({ priority, ...job }: QueuedJob): QueuedJob {
  if (priority === undefined) return parseJob(job)
  if (!Number.isInteger(priority) || priority < 1 || priority > backgroundPriority) {
    throw new TypeError(`A priority is a whole number from 1 to ${backgroundPriority}, not ${priority}`)
  }
  return { ...parseJob(job), priority }
}

/** What BullMQ connects to Postgres with; its tables are in a schema of their own, which it makes and brings up to date. */
export function bullPostgres(databaseUrl: string, connectionsMax: number) {
  return { connectionString: databaseUrl, migrate: true, max: connectionsMax, Client: CalmClient }
}

/** A producer fails at once when Redis is away, instead of piling jobs up in memory: the outbox keeps them. */
function openProducerRedis(url: string, onError: (error: unknown) => void): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
    lazyConnect: false,
  })
  redis.on('error', onError)
  return redis
}

async function withDeadline<T>(work: Promise<T>, deadlineMs: number, cause: () => unknown): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`, { cause: cause() })), deadlineMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
