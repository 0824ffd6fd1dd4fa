/**
 * Goal: with one person's thousands in the queue, a single photo of another is among the next that begin, and so is one that
 * its owner takes now, on both stores, by the relay and by real workers.
 */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { openLog } from '../../src/observe/log.js'
import { openQueue } from '../../src/queue/bullmq-queue.js'
import type { QueueConnection } from '../../src/queue/queue.js'
import { makeRank } from '../../workers/relay/ranks.js'
import { makeReconcile } from '../../workers/relay/reconcile.js'
import { makeRelay } from '../../workers/relay/relay.js'
import { runJobs } from '../../workers/run.js'
import { startRegion } from '../http/region.js'
import { describeWith, freshDatabase, useRedis } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'
import { storePhotos } from './stored-photos.js'

/** At once in the worker, as by default. */
const concurrency = 3
/** Of one person's photos as many share a rank at most. */
const bands = 6

function fairnessSuite(openStore: () => Promise<QueueConnection>): void {
  const begin = async () => {
    const here = await startRegion()
    onTestFinished(() => here.close())
    const connection = await openStore()
    const queue = openQueue(connection, () => {})
    onTestFinished(() => queue.close())
    const rank = makeRank(here.db, here.clock)
    const relay = makeRelay(here.db, queue, rank)
    const reconcile = makeReconcile(here.db, queue, here.clock, rank)
    /** Works until `count` have begun, each of which takes no time; the order they began in. */
    const work = async (count: number): Promise<string[]> => {
      const began: string[] = []
      const handler = async ({ photo }: { photo: string }) => {
        began.push(photo)
        await here.db.query(`update photos set state = 'ready' where id = $1`, [photo])
      }
      const log = openLog({ name: 'test', level: 'silent' })
      const options = { connection, concurrency, deadlineMs: 60_000, log, observe: () => {} }
      const runner = await runJobs('thumbnail', handler, options)
      await waitUntil(async () => began.length >= count, { what: `${count} have begun`, deadlineMs: 30_000 })
      await runner.drain(10_000)
      return began
    }
    return { here, queue, relay, reconcile, work, ana: await here.addPerson(), ben: await here.addPerson() }
  }

  test('a single photo of another does not wait behind 5,000', async () => {
    const { here, relay, work, ana, ben } = await begin()
    const hers = await storePhotos(here, ana, 5_000, { inOutbox: true })
    await relay()
    await work(200)
    here.clock.advance(1_000)
    const [his = ''] = await storePhotos(here, ben, 1, { inOutbox: true })
    await relay()
    const began = await work(50)
    expect(began.indexOf(his)).toBeGreaterThanOrEqual(0)
    expect(began.indexOf(his)).toBeLessThan(bands + concurrency)
    expect(hers).toContain(began.at(-1))
  })

  test('two who sync at once take turns, whoever came first and however many they have', async () => {
    const { here, relay, work, ana, ben } = await begin()
    await storePhotos(here, ana, 2_000, { inOutbox: true })
    await relay()
    here.clock.advance(1_000)
    const his = new Set(await storePhotos(here, ben, 100, { inOutbox: true }))
    await relay()
    const began = (await work(200 + concurrency)).slice(0, 200)
    const hisShare = began.filter(photo => his.has(photo)).length
    expect(hisShare).toBeGreaterThanOrEqual(100 - concurrency)
    const inFirstHalf = began.slice(0, 100).filter(photo => his.has(photo)).length
    expect(Math.abs(inFirstHalf - 50)).toBeLessThanOrEqual(concurrency)
  })

  test('a photo taken now goes ahead of its owner’s old ones', async () => {
    const { here, relay, work, ana } = await begin()
    await storePhotos(here, ana, 2_000, { inOutbox: true })
    await relay()
    here.clock.advance(1_000)
    const [now = ''] = await storePhotos(here, ana, 1, { shownAt: here.clock.now(), inOutbox: true })
    await relay()
    const began = await work(20)
    expect(began.indexOf(now)).toBeGreaterThanOrEqual(0)
    expect(began.indexOf(now)).toBeLessThan(bands + concurrency)
  })

  test('what a store forgot comes back in the same order', async () => {
    const { here, reconcile, work, ana, ben } = await begin()
    await storePhotos(here, ana, 3_000)
    here.clock.advance(1_000)
    const [his = ''] = await storePhotos(here, ben, 1)
    here.clock.advance(30_000)
    await reconcile()
    const began = await work(20)
    expect(began.indexOf(his)).toBeGreaterThanOrEqual(0)
    expect(began.indexOf(his)).toBeLessThan(bands + concurrency)
  })
}

describeWith([], 'on Postgres', () => {
  fairnessSuite(async () => {
    const database = await freshDatabase()
    onTestFinished(database.drop)
    return { databaseUrl: database.url }
  })
})

describeWith('redis', 'on Redis', () => {
  fairnessSuite(async () => {
    // The shared Redis is not emptied: a database number of one's own is.
    const url = new URL(useRedis())
    url.pathname = '/9'
    const redis = new Redis(url.href)
    onTestFinished(() => redis.disconnect())
    await redis.flushdb()
    return { redisUrl: url.href }
  })
})
