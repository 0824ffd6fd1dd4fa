/**
 * The queue on BullMQ: Redis (ioredis) in production, Postgres where there is none. One BullMQ queue for each kind of job,
 * so that each is paced, counted and drained by itself.
 */
import { createPostgresBackend, Queue, type QueueOptions } from 'bullmq'
import { Redis } from 'ioredis'
import { AppError } from '../core/errors.js'
import { type Job, type JobName, jobId, jobNames } from './jobs.js'
import type { JobCounts, JobQueue, QueueConnection } from './queue.js'

/** Braces keep a queue's keys in one slot of a Redis Cluster. */
export const redisPrefix = '{photosync}'

/** Postgres: all queues of the process share these few connections' worth of work. */
const postgresConnectionsMax = 2

const jobOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
  // Ended jobs go at once: the tables say what is done, and an id that has gone may be queued again.
  removeOnComplete: true,
  removeOnFail: true,
} as const

export function openQueue(connection: QueueConnection, onError: (error: unknown) => void): JobQueue {
  const redis = 'redisUrl' in connection ? openProducerRedis(connection.redisUrl, onError) : undefined
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
            connection: {
              connectionString: (connection as { databaseUrl: string }).databaseUrl,
              migrate: true,
              max: postgresConnectionsMax,
            },
            defaultJobOptions: jobOptions,
          },
          createPostgresBackend,
        )
    queue.on('error', onError)
    return queue as Queue
  }

  const ask = async <T>(question: Promise<T>): Promise<T> => {
    try {
      return await withDeadline(question, 10_000)
    } catch (cause) {
      throw new AppError('unavailable', 'The queue does not answer', { cause, retryAfterSeconds: 2 })
    }
  }

  return {
    add: async (jobs: readonly Job[]) => {
      for (const [name, queue] of queues) {
        const entries = jobs
          .filter(job => job.name === name)
          .map(job => ({ name, data: job.data, opts: { jobId: jobId(job) } }))
        if (entries.length > 0) await ask(queue.addBulk(entries))
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

async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
