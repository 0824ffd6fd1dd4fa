/** Goal: the queue keeps its contract on Redis, and stays usable, with clear and timely errors, when Redis goes and comes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { isAppError } from '../../../src/core/errors.js'
import { openLog } from '../../../src/observe/log.js'
import { openQueue, redisPrefix } from '../../../src/queue/bullmq-queue.js'
import type { JobQueue } from '../../../src/queue/queue.js'
import { runJobs } from '../../../workers/run.js'
import { type RedisServer, startRedis } from '../../support/redis.js'
import { describeWith, freePort, useRedis } from '../../support/services.js'
import { waitUntil } from '../../support/wait-until.js'
import { type QueueStore, queueSuite } from './queue-suite.js'
import { newJob } from './suite-support.js'

describeWith('redis', 'on Redis', () => {
  queueSuite('redis', openRedisStore)

  test('a store that is not there is unavailable, with the reason, in bounded time', async () => {
    const queue = open(`redis://127.0.0.1:${await freePort()}`)
    const asks = [() => queue.check(), () => queue.add([newJob()]), () => queue.counts('thumbnail')]
    for (const error of await Promise.all(asks.map(ask => failure(ask, 12_000)))) {
      expect(error).toMatchObject({ message: 'The queue does not answer', retryAfterSeconds: 2 })
      expect(causes(error).join('; ')).toContain('ECONNREFUSED')
    }
  })

  test('a store that comes later is used from then on', async () => {
    const port = await freePort()
    const queue = open(`redis://127.0.0.1:${port}`)
    await failure(() => queue.add([newJob()]), 12_000)
    await ownRedis(port)
    await waitUntil(() => queue.add([newJob()]).then(() => true), { what: 'it is there', deadlineMs: 30_000 })
    expect((await queue.counts('thumbnail')).waiting).toBeGreaterThan(0)
  })

  test('a store that is killed is unavailable at once, and used again when it is back, with all it had', async () => {
    const redis = await ownRedis()
    const queue = open(redis.url)
    await queue.add([newJob(), newJob()])
    await redis.kill9()
    await failure(() => queue.check(), 5_000)
    await failure(() => queue.add([newJob()]), 5_000)
    await redis.restart()
    await waitUntil(() => queue.check().then(() => true), { what: 'it is back', deadlineMs: 20_000 })
    expect((await queue.counts('thumbnail')).waiting).toBe(2)
  })

  test('a store that hangs is unavailable in bounded time, and used again when it goes on', async () => {
    const redis = await ownRedis()
    const queue = open(redis.url)
    await queue.check()
    redis.pause()
    await Promise.all([failure(() => queue.check(), 12_000), failure(() => queue.add([newJob()]), 12_000)])
    redis.resume()
    await queue.check()
  })

  test('a drain ends though the store hangs and a job is at work', async () => {
    const redis = await ownRedis()
    const queue = open(redis.url)
    await queue.add([newJob()])
    let begin = () => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    const untilAborted = (_: unknown, signal: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        begin()
      })
    const log = openLog({ name: 'drained', level: 'silent' })
    const options = { connection: { redisUrl: redis.url }, concurrency: 1, deadlineMs: 60_000, log, observe: () => {} }
    const runner = await runJobs('thumbnail', untilAborted, options)
    await begun
    redis.pause()
    const beganMs = performance.now()
    await runner.drain(500)
    expect(performance.now() - beganMs).toBeLessThan(500 + 7_000 + 2_000)
    redis.resume()
  }, 30_000)
})

async function openRedisStore(): Promise<QueueStore> {
  // The shared Redis is not emptied: a database number of one's own is.
  const url = new URL(useRedis())
  url.pathname = '/7'
  const redis = new Redis(url.href, { maxRetriesPerRequest: null })
  await redis.flushdb()
  return {
    connection: { redisUrl: url.href },
    addRaw: async (name, jobId, data) => {
      const queue = new Queue(name, { connection: redis as never, prefix: redisPrefix })
      await queue.add(name, data, { jobId, attempts: 5, removeOnFail: true, removeOnComplete: true })
      await queue.close()
    },
    close: async () => {
      await redis.flushdb()
      redis.disconnect()
    },
  }
}

function open(url: string): JobQueue {
  const queue = openQueue({ redisUrl: url }, () => {})
  onTestFinished(() => queue.close())
  return queue
}

async function ownRedis(port?: number): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'photosync-queue-'))
  const redis = await startRedis({ dir: folder, ...(port !== undefined && { port }) })
  onTestFinished(async () => {
    redis.resume()
    await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return redis
}

async function failure(ask: () => Promise<unknown>, withinMs: number): Promise<Error> {
  const beganMs = performance.now()
  const error = await ask().then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(performance.now() - beganMs).toBeLessThan(withinMs)
  expect(isAppError(error, 'unavailable')).toBe(true)
  return error as Error
}

function causes(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...causes(error.cause)] : []
}
