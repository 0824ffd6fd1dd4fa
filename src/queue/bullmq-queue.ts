/**
 * The queue on BullMQ: Redis (ioredis) in production, Postgres where there is none. One BullMQ queue for each kind of job,
 * so that each is paced, counted and drained by itself.
 */
import { createPostgresBackend, Queue, type QueueOptions } from 'bullmq'
import { Redis } from 'ioredis'
import { AppError } from '../core/errors.js'
import { CalmClient } from '../db/calm-client.js'
import { type Job, type JobName, jobId, jobNames, parseJob } from './jobs.js'
import type { JobCounts, JobQueue, QueueConnection } from './queue.js'

/** Braces keep a queue's keys in one slot of a Redis Cluster. */
export const redisPrefix = '{photosync}'

/** Postgres: connections of one queue. Each kind of job has a queue, and so a pool, of its own. */
const postgresConnectionsMax = 2

/** What is handed over in one call, so that each is answered well within the deadline: Postgres takes about 1,000 a second. */
const batchJobs = 500
const answerDeadlineMs = 10_000

const jobOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
  // Ended jobs go at once: the tables say what is done, and an id that has gone may be queued again.
  removeOnComplete: true,
  removeOnFail: true,
} as const

/** Touches nothing yet: `check` proves that the store can be used. `onError` hears of connections that break. */
export function openQueue(connection: QueueConnection, onError: (error: unknown) => void): JobQueue {
  // Why the store can't be reached, for calls that can only wait for it.
  let trouble: unknown
  const complain = (error: unknown) => {
    trouble = error
    onError(error)
  }
  const redis = 'redisUrl' in connection ? openProducerRedis(connection.redisUrl, complain) : undefined
  redis?.on('ready', () => {
    trouble = undefined
  })
  const queues = new Map<JobName, Queue>(jobNames.map(name => [name, open(name)]))

  function open(name: JobName): Queue {
    const queue = redis
      ? new Queue(name, {
          connection: redis as unknown as QueueOptions['connection'],
          prefix: redisPrefix,
          defaultJobOptions: jobOptions,
        })
      : new Queue(
          name,
          {
            connection: bullPostgres((connection as { databaseUrl: string }).databaseUrl, postgresConnectionsMax),
            defaultJobOptions: jobOptions,
          },
          createPostgresBackend,
        )
    // Queues that share a connection all repeat its errors.
    if (!redis) queue.on('error', complain)
    else queue.on('error', () => {})
    return queue as Queue
  }

  const ask = async <T>(question: Promise<T>): Promise<T> => {
    try {
      return await withDeadline(question, answerDeadlineMs, () => trouble)
    } catch (cause) {
      throw new AppError('unavailable', 'The queue does not answer', { cause, retryAfterSeconds: 2 })
    }
  }

  return {
    add: async (jobs: readonly Job[]) => {
      const parsed = jobs.map(parseJob)
      for (const [name, queue] of queues) {
        const entries = parsed
          .filter(job => job.name === name)
          .map(job => ({ name, data: job.data, opts: { jobId: jobId(job) } }))
        for (let at = 0; at < entries.length; at += batchJobs) {
          await ask(queue.addBulk(entries.slice(at, at + batchJobs)))
        }
      }
    },
    counts: async (name: JobName): Promise<JobCounts> => {
      const queue = queues.get(name)
      if (!queue) throw new TypeError(`no queue ${name}`)
      const counts = await ask(queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed'))
      const of = (state: string) => counts[state] ?? 0
      return {
        waiting: of('waiting') + of('prioritized'),
        active: of('active'),
        delayed: of('delayed'),
        failed: of('failed'),
      }
    },
    check: async () => {
      await ask(Promise.all([...queues.values()].map(queue => queue.getJobCounts('waiting'))))
    },
    close: async () => {
      await Promise.allSettled([...queues.values()].map(queue => queue.close()))
      redis?.disconnect()
    },
  }
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
