/**
 * Runs one kind of job: BullMQ takes it from the queue, the handler does it, with a deadline for each attempt, and a drain
 * that has an end. A failed attempt is repeated with back-off (queue/bullmq-queue.ts); what still fails then leaves the
 * queue, and the reconciler finds it again by the tables.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Job as BullJob, createPostgresBackend, UnrecoverableError, Worker } from 'bullmq'
import type { Log } from '../src/observe/log.js'
import { redisPrefix } from '../src/queue/bullmq-queue.js'
import { type JobData, type JobName, parseJob } from '../src/queue/jobs.js'
import type { QueueConnection } from '../src/queue/queue.js'

/** How long an aborted job may take to notice. */
const heedMs = 5_000

export type Handler<Name extends JobName> = (data: JobData<Name>, signal: AbortSignal) => Promise<void>

export interface RunOptions {
  connection: QueueConnection
  /** Jobs of this kind at once in this process. */
  concurrency: number
  /** Of one attempt. */
  deadlineMs: number
  /** How long a job lies still after its worker was killed, until another runs it: at most about 1½ times this. Default 20 s. */
  stallMs?: number
  log: Log
  observe: (name: JobName, outcome: 'done' | 'failed', seconds: number) => void
}

export interface Runner {
  /**
   * Takes no new jobs, lets running ones end, and after `graceMs` aborts them; what was aborted is run again by another. A
   * job that doesn't heed its signal is left behind a little later: it counts as stalled.
   */
  drain(graceMs: number): Promise<void>
}

export async function runJobs<Name extends JobName>(
  name: Name,
  handler: Handler<Name>,
  options: RunOptions,
): Promise<Runner> {
  const { connection, concurrency, deadlineMs, stallMs = 20_000, log, observe } = options
  const shutdown = new AbortController()

  const process = async (job: BullJob): Promise<void> => {
    const startedMs = performance.now()
    let outcome: 'done' | 'failed' = 'failed'
    try {
      const data = readData(name, job)
      await handler(data, AbortSignal.any([shutdown.signal, AbortSignal.timeout(deadlineMs)]))
      outcome = 'done'
    } catch (error) {
      log.warn({ err: error, job: job.id, attempt: job.attemptsMade + 1 }, 'a job failed')
      throw error
    } finally {
      observe(name, outcome, (performance.now() - startedMs) / 1_000)
    }
  }

  // A process that was killed in mid-job stalls it. How often a photo may do that is counted in its row, not here.
  const common = { concurrency, maxStalledCount: 100, stalledInterval: stallMs / 2, lockDuration: stallMs }
  const worker =
    'redisUrl' in connection
      ? new Worker(name, process, {
          ...common,
          prefix: redisPrefix,
          connection: { url: connection.redisUrl, maxRetriesPerRequest: null },
        })
      : new Worker(
          name,
          process,
          { ...common, connection: { connectionString: connection.databaseUrl, migrate: true, max: concurrency + 1 } },
          createPostgresBackend,
        )
  worker.on('error', error => log.warn({ err: error, queue: name }, 'the queue complains'))
  await worker.waitUntilReady()

  return {
    drain: async graceMs => {
      const abort = setTimeout(() => shutdown.abort(new Error('the worker is shutting down')), graceMs)
      const leave = new AbortController()
      const left = sleep(graceMs + heedMs, undefined, { signal: leave.signal }).catch(() => {})
      await Promise.race([worker.close(), left])
      clearTimeout(abort)
      leave.abort()
    },
  }
}

/** What the job carries. Data that is wrong stays wrong, so the job isn't tried again. */
function readData<Name extends JobName>(name: Name, job: BullJob): JobData<Name> {
  try {
    return parseJob({ name, data: job.data }).data as JobData<Name>
  } catch (error) {
    throw new UnrecoverableError(error instanceof Error ? error.message : 'not a job')
  }
}
