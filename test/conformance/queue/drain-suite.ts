/** The contract of a drain (workers/run.ts), part of the suite for every store: what runs ends, what waits stays, nothing is lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { JobQueue } from '../../../src/queue/queue.js'
import type { Handler, Runner, RunOptions } from '../../../workers/run.js'
import { type NodeProcess, spawnNode } from '../../support/services.js'
import { waitUntil } from '../../support/wait-until.js'
import type { QueueStore } from './queue-suite.js'
import { newJob, photoOf } from './suite-support.js'

export interface DrainScene {
  queue(): JobQueue
  store(): QueueStore
  run(handler: Handler<'thumbnail'>, options?: Partial<RunOptions>): Promise<Runner>
  /** Resolves when the queue is empty. */
  idle(): Promise<void>
}

export function drainTests({ queue, store, run, idle }: DrainScene): void {
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
    await queue().add(jobs)
    await waitUntil(async () => begun === 1, { what: 'the first runs', deadlineMs: 10_000, intervalMs: 5 })
    await runner.drain(10_000)
    expect([begun, ended.length]).toEqual([1, 1])
    expect(await queue().counts('thumbnail')).toMatchObject({ waiting: 1, active: 0 })
    await run(async ({ photo }) => void ended.push(photo))
    await idle()
    expect(ended.sort()).toEqual(jobs.map(photoOf).sort())
  })

  test('processes told to end one after another lose no job and run none twice', async () => {
    const jobs: ReturnType<typeof newJob>[] = []
    const program = fileURLToPath(new URL('../../../dist/test/conformance/queue/drained-worker.js', import.meta.url))
    const args = [JSON.stringify(store().connection), '120']
    const workers: NodeProcess[] = []
    const start = async () => {
      const worker = await spawnNode(program, { args })
      onTestFinished(worker.kill9)
      workers.push(worker)
      await worker.waitForLine(/^ready/, 20_000)
      // Only now: those before it may have been through with all that was there.
      const more = Array.from({ length: 20 }, newJob)
      jobs.push(...more)
      await queue().add(more)
      await worker.waitForLine(/^began /, 20_000)
      return worker
    }
    // A rolling restart: the next one is there before the last one is told to end, in the middle of its jobs.
    let running = await start()
    for (let restarts = 0; restarts < 3; restarts++) {
      const next = await start()
      process.kill(running.pid, 'SIGTERM')
      await running.endsWith(0, 20_000)
      running = next
    }
    await idle()
    const said = (word: string) =>
      workers.flatMap(worker => [...worker.stdout().matchAll(new RegExp(`^${word} (.+)$`, 'gm'))].map(([, id]) => id))
    expect(said('ended').sort()).toEqual(jobs.map(photoOf).sort())
    expect(said('began').sort()).toEqual(said('ended').sort())
  })

  test('a drain aborts what takes too long, which is run again by another', async () => {
    const reasons: string[] = []
    const runner = await run(async (_, signal) => {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      reasons.push(signal.reason.message)
      throw signal.reason
    })
    await queue().add([newJob()])
    await waitUntil(async () => (await queue().counts('thumbnail')).active === 1, {
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
    await queue().add([newJob()])
    await waitUntil(async () => runs === 1, { what: 'it runs', deadlineMs: 10_000 })
    const beganMs = performance.now()
    await ignoring.drain(100)
    expect(performance.now() - beganMs).toBeLessThan(8_000)
    await run(async () => void runs++)
    await idle()
    expect(runs).toBe(2)
  })
}
