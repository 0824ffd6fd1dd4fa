/** The contract of the queue (src/queue/queue.ts) and of those who take jobs from it (workers/run.ts), for every store. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../../src/core/errors.js'
import { newId } from '../../../src/core/ids.js'
import { openQueue } from '../../../src/queue/bullmq-queue.js'
import { type Job, jobNames } from '../../../src/queue/jobs.js'
import { backgroundPriority, type JobQueue, type QueueConnection } from '../../../src/queue/queue.js'
import { type Handler, type Runner, type RunOptions, runJobs } from '../../../workers/run.js'
import { spawnNode } from '../../support/services.js'
import { waitUntil } from '../../support/wait-until.js'
import { drainTests } from './drain-suite.js'
import { newJob, photoOf, silent } from './suite-support.js'

export interface QueueStore {
  connection: QueueConnection
  /** Puts a job into the store behind the queue's back, as another version or a person could. */
  addRaw(name: string, id: string, data: unknown): Promise<void>
  close(): Promise<void>
}

/** Of all workers here: how often the store is looked through is a matter between them. */
const stallMs = 2_000

export function queueSuite(name: string, openStore: () => Promise<QueueStore>): void {
  describe(`${name}: the contract of the queue`, () => {
    let store: QueueStore
    let queue: JobQueue
    beforeAll(async () => {
      store = await openStore()
      queue = openQueue(store.connection, () => {})
      await queue.check()
    })
    afterAll(async () => {
      await queue.close()
      await store.close()
    })
    beforeEach(async () => {
      // Each test finds the queue empty, whatever the one before left.
      const rest = await queue.counts('thumbnail')
      expect(rest).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0 })
    })

    const run = async (handler: Handler<'thumbnail'>, options: Partial<RunOptions> = {}): Promise<Runner> => {
      const defaults = { concurrency: 2, deadlineMs: 60_000, stallMs, log: silent, observe: () => {} }
      const runner = await runJobs('thumbnail', handler, { connection: store.connection, ...defaults, ...options })
      onTestFinished(() => runner.drain(0))
      return runner
    }

    const idle = () =>
      waitUntil(async () => Object.values(await queue.counts('thumbnail')).every(count => count === 0), {
        what: 'the queue is empty',
        deadlineMs: 20_000,
      })

    test('what is added is run once, and gone', async () => {
      const jobs = Array.from({ length: 20 }, newJob)
      const ran: string[] = []
      await run(async ({ photo }) => void ran.push(photo))
      await queue.add(jobs)
      await idle()
      expect(ran.sort()).toEqual(jobs.map(photoOf).sort())
    })

    test('the same job again while it waits is one job, also of two who add it at once', async () => {
      const job = newJob()
      await queue.add([job, job])
      await Promise.all([queue.add([job]), queue.add([job])])
      expect(await queue.counts('thumbnail')).toEqual({ waiting: 1, active: 0, delayed: 0, failed: 0 })
      const ran: string[] = []
      await run(async ({ photo }) => void ran.push(photo))
      await idle()
      expect(ran).toEqual([photoOf(job)])
    })

    test('the same job again while it runs is left as it is; once it has ended, it runs again', async () => {
      const job = newJob()
      let runs = 0
      let end = () => {}
      await run(async () => {
        runs += 1
        await new Promise<void>(resolve => {
          end = resolve
        })
      })
      await queue.add([job])
      await waitUntil(async () => runs === 1, { what: 'it runs', deadlineMs: 10_000 })
      await queue.add([job])
      expect(await queue.counts('thumbnail')).toMatchObject({ waiting: 0, active: 1 })
      end()
      await idle()
      await queue.add([job])
      await waitUntil(async () => runs === 2, { what: 'it runs again', deadlineMs: 10_000 })
      end()
      await idle()
    })

    test('a job that fails is tried again later each time, and leaves the queue in the end', async () => {
      const beganMs: number[] = []
      const outcomes: string[] = []
      await run(
        () => {
          beganMs.push(performance.now())
          return Promise.reject(new Error('it does not work'))
        },
        { observe: (_, outcome) => outcomes.push(outcome) },
      )
      await queue.add([newJob()])
      await waitUntil(async () => beganMs.length === 1, { what: 'the first attempt', deadlineMs: 10_000 })
      await waitUntil(async () => (await queue.counts('thumbnail')).delayed === 1, {
        what: 'it waits',
        deadlineMs: 5_000,
      })
      await waitUntil(async () => beganMs.length === 5, { what: 'five attempts', deadlineMs: 40_000 })
      await idle()
      const pausesMs = beganMs.slice(1).map((ms, i) => ms - (beganMs[i] ?? 0))
      // 1, 2, 4 and 8 s, each shortened by chance to a half at most.
      const leastMs = [500, 1_000, 2_000, 4_000]
      for (const [i, ms] of pausesMs.entries()) expect(ms).toBeGreaterThan((leastMs[i] ?? 0) - 50)
      expect(outcomes).toEqual(Array.from({ length: 5 }, () => 'failed'))
    })

    test('a job whose attempt takes too long is told to end', async () => {
      const reasons: string[] = []
      await run(
        async (_, signal) => {
          if (reasons.length > 0) return
          await sleep(20_000, undefined, { signal }).catch(() => reasons.push(signal.reason.name))
          signal.throwIfAborted()
        },
        { deadlineMs: 200 },
      )
      await queue.add([newJob()])
      await waitUntil(async () => reasons.length === 1, { what: 'the deadline', deadlineMs: 10_000 })
      await idle()
      expect(reasons).toEqual(['TimeoutError'])
    })

    test('a job whose worker is killed is run by another', async () => {
      const job = newJob()
      const program = fileURLToPath(new URL('../../../dist/test/conformance/queue/queue-worker.js', import.meta.url))
      const killed = await spawnNode(program, { args: [JSON.stringify(store.connection), String(stallMs)] })
      onTestFinished(killed.kill9)
      await queue.add([job])
      await killed.waitForLine(new RegExp(`^began ${photoOf(job)}$`), 20_000)
      const ran: string[] = []
      await run(async ({ photo }) => void ran.push(photo))
      await killed.kill9()
      const killedMs = performance.now()
      await waitUntil(async () => ran.length > 0, { what: 'another runs it', deadlineMs: 3 * stallMs })
      await idle()
      expect(ran).toEqual([photoOf(job)])
      // Not while its worker might still have lived.
      expect(performance.now() - killedMs).toBeGreaterThan(stallMs / 4)
    })

    test('two workers share the jobs, each of which is run once', async () => {
      const jobs = Array.from({ length: 100 }, newJob)
      const ran: [string[], string[]] = [[], []]
      for (const mine of ran) {
        await run(async ({ photo }) => {
          mine.push(photo)
          await sleep(5)
        })
      }
      await queue.add(jobs)
      await idle()
      expect(ran.flat().sort()).toEqual(jobs.map(photoOf).sort())
      for (const mine of ran) expect(mine.length).toBeGreaterThan(0)
    })

    drainTests({ queue: () => queue, store: () => store, run, idle })

    test('of those that wait the lowest priority begins first, of equals the one added first, and before all those without', async () => {
      const [background, none, ...ranked] = Array.from({ length: 6 }, newJob) as [Job, Job, Job, Job, Job, Job]
      const [third, first, second, fourth] = ranked as [Job, Job, Job, Job]
      await queue.add([
        { ...background, priority: backgroundPriority },
        { ...third, priority: 2 },
        { ...first, priority: 1 },
        { ...second, priority: 1 },
        { ...fourth, priority: 50_000 },
      ])
      await queue.add([none])
      // One that is there keeps the priority it has.
      await queue.add([{ ...fourth, priority: 1 }])
      expect(await queue.counts('thumbnail')).toMatchObject({ waiting: 6 })
      expect(await queue.countAt('thumbnail', 1)).toBe(2)
      expect(await queue.countAt('thumbnail', backgroundPriority)).toBe(1)
      expect(await queue.oldest('thumbnail')).toBeInstanceOf(Date)
      const ran: string[] = []
      await run(async ({ photo }) => void ran.push(photo), { concurrency: 1 })
      await idle()
      expect(ran).toEqual([none, first, second, third, fourth, background].map(photoOf))
      expect(await queue.oldest('thumbnail')).toBeUndefined()
    })

    test('a priority that the store would not know is refused', async () => {
      for (const priority of [0, -1, 1.5, backgroundPriority + 1]) {
        await expect(queue.add([{ ...newJob(), priority }])).rejects.toThrow(TypeError)
      }
      expect((await queue.counts('thumbnail')).waiting).toBe(0)
    })

    test('of an attempt that failed its kind is told', async () => {
      const failures: unknown[] = []
      const errors = [new AppError('unavailable', 'The bucket does not answer'), new Error('unexpected')]
      await run(
        async () => {
          const error = errors.shift()
          if (error) throw error
        },
        { observe: (_name, outcome, _seconds, failure) => failures.push([outcome, failure]) },
      )
      await queue.add([newJob()])
      await waitUntil(async () => failures.length === 3, { what: 'three attempts', deadlineMs: 20_000 })
      await idle()
      expect(failures).toEqual([
        ['failed', 'unavailable'],
        ['failed', 'internal'],
        ['done', undefined],
      ])
    })

    test('what is no job is refused with a clear error, and nothing of it is added', async () => {
      const unknown = { name: 'sing', data: { photo: newId() } } as unknown as Job
      await expect(queue.add([newJob(), unknown])).rejects.toThrow(
        `There is no job sing; there are ${jobNames.join(', ')}`,
      )
      const wrong = { name: 'thumbnail', data: { photo: 'IMG_1.jpg' } } as Job
      await expect(queue.add([newJob(), wrong])).rejects.toThrow(
        'A job thumbnail cannot be made of this (photo: must be an id)',
      )
      expect((await queue.counts('thumbnail')).waiting).toBe(0)
    })

    test('data that got there in another way fails once, and leaves the queue', async () => {
      const errors: unknown[] = []
      const log = { ...silent, warn: ({ err }: { err: unknown }) => errors.push(err) } as unknown as RunOptions['log']
      let runs = 0
      await run(async () => void runs++, { log })
      await store.addRaw('thumbnail', 'thumbnail-strange', { photo: 7 })
      await waitUntil(async () => errors.length > 0, { what: 'it fails', deadlineMs: 10_000 })
      await idle()
      expect(runs).toBe(0)
      expect(errors).toEqual([
        expect.objectContaining({
          message: 'A job thumbnail cannot be made of this (photo: Invalid input: expected string, received number)',
        }),
      ])
    })

    test('20,000 jobs can be added at once', async () => {
      const jobs = Array.from({ length: 20_000 }, newJob)
      await queue.add(jobs)
      expect((await queue.counts('thumbnail')).waiting).toBe(20_000)
      await queue.add(jobs.slice(0, 1_000))
      expect((await queue.counts('thumbnail')).waiting).toBe(20_000)
      await store.close()
      await queue.close()
      store = await openStore()
      queue = openQueue(store.connection, () => {})
    }, 120_000)
  })
}
