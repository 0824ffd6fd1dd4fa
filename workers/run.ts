/**
 * Runs one kind of job: BullMQ takes it from the queue, the handler does it, with a deadline for each attempt, and a drain
 * that has an end. A failed attempt is repeated with back-off (queue/bullmq-queue.ts); what still fails then leaves the
 * queue, and the reconciler finds it again by the tables.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Job as BullJob, createPostgresBackend, UnrecoverableError, Worker } from 'bullmq'
import { isAppError } from '../src/core/errors.js'
import type { Log } from '../src/observe/log.js'
import { bullPostgres, redisPrefix } from '../src/queue/bullmq-queue.js'
import { type JobData, type JobName, parseJob } from '../src/queue/jobs.js'
import type { QueueConnection } from '../src/queue/queue.js'

/** How long an aborted attempt may take to notice. After that it has failed, and what it still does is its own. */
const heedMs = 5_000
/** How long the store may take to hear how the last jobs ended. */
const farewellMs = 2_000

export type Handler<Name extends JobName> = (data: JobData<Name>, signal: AbortSignal) => Promise<void>

export interface RunOptions {
  connection: QueueConnection
  /** Jobs of this kind at once in this process. */
  concurrency: number
  /** Of one attempt. */
  deadlineMs: number
  /** How long a job lies still after its worker was killed, until another runs it: at most twice this. Default 20 s. */
  stallMs?: number
  log: Log
  /** `failure`: the kind of error that an attempt failed with, of few. */
  observe: (name: JobName, outcome: 'done' | 'failed', seconds: number, failure?: string) => void
  /** The kind of an error that is known to this job alone; undefined: it isn't. */
  failureKind?: (error: unknown) => string | undefined
}

export interface Runner {
  /**
   * Takes no new jobs, lets running ones end, and after `graceMs` aborts them; what was aborted is run again by another. Ends
   * within 5 s of that, also when a job doesn't heed its signal, and within 7 s when the store is away.
   */
  drain(graceMs: number): Promise<void>
}

export async function runJobs<Name extends JobName>(
  name: Name,
  handler: Handler<Name>,
  options: RunOptions,
): Promise<Runner> {
  const { connection, concurrency, deadlineMs, stallMs = 20_000, log, observe, failureKind } = options
  const shutdown = new AbortController()

  const process = async (job: BullJob): Promise<void> => {
    const startedMs = performance.now()
    let failure: string | undefined = 'internal'
    try {
      const data = readData(name, job)
      const signal = AbortSignal.any([shutdown.signal, AbortSignal.timeout(deadlineMs)])
      await heeding(handler(data, signal), signal)
      failure = undefined
    } catch (error) {
      failure = failureKind?.(error) ?? kindOf(error, shutdown.signal)
      log.warn({ err: error, job: job.id, attempt: job.attemptsMade + 1 }, 'a job failed')
      throw error
    } finally {
      observe(name, failure === undefined ? 'done' : 'failed', (performance.now() - startedMs) / 1_000, failure)
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
          { ...common, connection: bullPostgres(connection.databaseUrl, concurrency + 1) },
          createPostgresBackend,
        )
  worker.on('error', error => log.warn({ err: error, queue: name }, 'the queue complains'))
  await worker.waitUntilReady()

  return {
    drain: async graceMs => {
      const abort = setTimeout(() => shutdown.abort(new Error('the worker is shutting down')), graceMs)
      const ended = new AbortController()
      // A store that is away takes no farewell. Whoever was at work there is missed by it, as if killed.
      const late = sleep(graceMs + heedMs + farewellMs, undefined, { signal: ended.signal }).then(
        () => void worker.disconnect().catch(() => {}),
        () => {},
      )
      await Promise.race([worker.close(), late])
      ended.abort()
      clearTimeout(abort)
    },
  }
}

/** An AppError says its kind. What was aborted failed of that, whatever it then said. */
function kindOf(error: unknown, shutdown: AbortSignal): string {
  if (shutdown.aborted) return 'shutdown'
  if (isAppError(error)) return error.kind
  if (error instanceof UnrecoverableError) return 'no_job'
  return error instanceof DOMException && error.name === 'TimeoutError' ? 'timeout' : 'internal'
}

/** The work's outcome; or the signal's reason, when the work goes on for `heedMs` after it aborted. */
async function heeding(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const settled = new AbortController()
  const unheeded = new Promise<never>((_, reject) => {
    const wait = () =>
      void sleep(heedMs, undefined, { signal: settled.signal }).then(
        () => reject(signal.reason),
        () => {},
      )
    if (signal.aborted) wait()
    else signal.addEventListener('abort', wait, { once: true, signal: settled.signal })
  })
  try {
    await Promise.race([work, unheeded])
  } finally {
    settled.abort()
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
