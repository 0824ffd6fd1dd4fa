/** The contract of the queue (src/queue/queue.ts) and of those who take jobs from it (workers/run.ts), for every store. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { newId } from '../../../src/core/ids.js'
import { openLog } from '../../../src/observe/log.js'
import { openQueue } from '../../../src/queue/bullmq-queue.js'
import type { Job } from '../../../src/queue/jobs.js'
import type { JobQueue, QueueConnection } from '../../../src/queue/queue.js'
import { type Handler, type Runner, type RunOptions, runJobs } from '../../../workers/run.js'
import { spawnNode } from '../../support/services.js'
import { waitUntil } from '../../support/wait-until.js'

export interface QueueStore {
  connection: QueueConnection
  /** Puts a job into the store behind the queue's back, as another version or a person could. */
  addRaw(name: string, id: string, data: unknown): Promise<void>
  close(): Promise<void>
}

/** Of all workers here: how often the store is looked through is a matter between them. */
const stallMs = 2_000

export const silent = openLog({ name: 'test', level: 'silent' })
export const newJob = (): Job => ({ name: 'thumbnail', data: { photo: newId() } })
const photoOf = (job: Job): string => Object.values(job.data)[0] ?? ''

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

    test('a drain lets what runs end, and takes nothing new', async () => {
      const ended: string[] = []
      let begun = 0
      const runner = await run(
        async ({ photo }) => {
          begun += 1
          await sleep(500)
          ended.push(photo)
        },
        { concurrency: 1 },
      )
      const jobs = [newJob(), newJob()]
      await queue.add(jobs)
      await waitUntil(async () => begun === 1, { what: 'the first runs', deadlineMs: 10_000, intervalMs: 5 })
      await runner.drain(10_000)
      expect([begun, ended.length]).toEqual([1, 1])
      expect(await queue.counts('thumbnail')).toMatchObject({ waiting: 1, active: 0 })
      await run(async ({ photo }) => void ended.push(photo))
      await idle()
      expect(ended.sort()).toEqual(jobs.map(photoOf).sort())
    })

    test('a drain aborts what takes too long, which is run again by another', async () => {
      const reasons: string[] = []
      const runner = await run(async (_, signal) => {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        reasons.push(signal.reason.message)
        throw signal.reason
      })
      await queue.add([newJob()])
      await waitUntil(async () => (await queue.counts('thumbnail')).active === 1, {
        what: 'it runs',
        deadlineMs: 10_000,
      })
      const beganMs = performance.now()
      await runner.drain(300)
      expect(performance.now() - beganMs).toBeLessThan(3_000)
      expect(reasons).toEqual(['the worker is shutting down'])
      let again = 0
      await run(async () => void again++)
      await idle()
      expect(again).toBe(1)
    })

    test('a drain ends even when a job does not heed its signal', async () => {
      let runs = 0
      const ignoring = await run(() => {
        runs += 1
        return runs === 1 ? new Promise(() => {}) : Promise.resolve()
      })
      await queue.add([newJob()])
      await waitUntil(async () => runs === 1, { what: 'it runs', deadlineMs: 10_000 })
      const beganMs = performance.now()
      await ignoring.drain(100)
      expect(performance.now() - beganMs).toBeLessThan(8_000)
      await run(async () => void runs++)
      await idle()
      expect(runs).toBe(2)
    })

    test('what is no job is refused with a clear error, and nothing of it is added', async () => {
      const unknown = { name: 'sing', data: { photo: newId() } } as unknown as Job
      await expect(queue.add([newJob(), unknown])).rejects.toThrow('There is no job sing; there are thumbnail, reap')
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
