/** Goal: whatever a queue forgets, the reconciler finds by the tables, and what it has not forgotten isn't done twice. */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { recipe } from '../src/core/renditions.js'
import { openLog } from '../src/observe/log.js'
import { openQueue } from '../src/queue/bullmq-queue.js'
import { backgroundPriority, type JobQueue, type QueueConnection } from '../src/queue/queue.js'
import { makeRank } from '../workers/relay/ranks.js'
import { makeReconcile } from '../workers/relay/reconcile.js'
import { runJobs } from '../workers/run.js'
import { addPhoto, startRegion, type TestPerson, type TestRegion } from './http/region.js'
import { storePhotos } from './queue/stored-photos.js'
import { describeWith, freshDatabase, useRedis } from './support/services.js'
import { waitUntil } from './support/wait-until.js'

interface Store {
  connection: QueueConnection
  /** Forgets everything. */
  forget(): Promise<void>
}

function reconcileSuite(openStore: () => Promise<Store>): void {
  const begin = async () => {
    const here = await startRegion()
    onTestFinished(() => here.close())
    const store = await openStore()
    const queue = openQueue(store.connection, () => {})
    onTestFinished(() => queue.close())
    const added: number[] = []
    const counting: JobQueue = {
      ...queue,
      add: jobs => {
        added.push(jobs.length)
        return queue.add(jobs)
      },
    }
    const reconcile = makeReconcile(here.db, counting, here.clock, makeRank(here.db, here.clock))
    return { here, store, queue, ana: await here.addPerson(), reconcile, added }
  }

  test('photos that wait for longer than work takes are queued again after the queue forgot them', async () => {
    const { here, store, queue, ana, reconcile } = await begin()
    const photos = await addPhotos(here, ana, 5)
    await queue.add(photos.map(photo => ({ name: 'thumbnail' as const, data: { photo } })))
    here.clock.advance(60_000)
    await store.forget()
    expect(await waiting(queue)).toBe(0)
    await reconcile()
    expect(await waiting(queue)).toBe(5)
  })

  test('however many wait, one round finds all of them again after the store was emptied', async () => {
    const { here, store, queue, ana, reconcile } = await begin()
    const photos = await storePhotos(here, ana, 3_500)
    await queue.add(photos.map(photo => ({ name: 'thumbnail' as const, data: { photo } })))
    here.clock.advance(60_000)
    await here.db.query('update photos set size_bytes = 10^9 where id = any($1)', [photos.slice(0, 10)])
    await store.forget()
    // Meanwhile handsets go on sending.
    const more = await storePhotos(here, ana, 100)
    await queue.add(more.map(photo => ({ name: 'thumbnail' as const, data: { photo } })))
    await reconcile()
    expect(await waiting(queue)).toBe(3_590)
    expect((await queue.counts('large')).waiting).toBe(10)
  })

  test('a store that is emptied under a worker at work: everything is done in the end', async () => {
    const { here, store, queue, ana, reconcile } = await begin()
    const photos = await storePhotos(here, ana, 50)
    await queue.add(photos.map(photo => ({ name: 'thumbnail' as const, data: { photo } })))
    let begun = 0
    let emptied = () => {}
    const whenEmptied = new Promise<void>(resolve => {
      emptied = resolve
    })
    const handler = async ({ photo }: { photo: string }) => {
      begun += 1
      await whenEmptied
      await here.db.query(`update photos set state = 'ready', recipe = $2 where id = $1`, [photo, recipe])
    }
    const log = openLog({ name: 'test', level: 'silent' })
    const options = { connection: store.connection, concurrency: 2, deadlineMs: 60_000, stallMs: 2_000, log }
    const runner = await runJobs('thumbnail', handler, { ...options, observe: () => {} })
    onTestFinished(() => runner.drain(5_000))
    await waitUntil(async () => begun === 2, { what: 'two are at work', deadlineMs: 20_000 })
    await store.forget()
    emptied()
    const left = async () => (await here.db.query(`select id from photos where state = 'stored'`)).length
    await waitUntil(async () => (await left()) === 48, { what: 'the two are done', deadlineMs: 20_000 })
    here.clock.advance(60_000)
    await reconcile()
    await waitUntil(async () => (await left()) === 0, { what: 'all are done', deadlineMs: 30_000 })
    await waitUntil(async () => (await waiting(queue)) === 0, { what: 'the queue is empty', deadlineMs: 20_000 })
  })

  test('a first sync that waits in the queue is not added again and again', async () => {
    const { here, queue, ana, reconcile, added } = await begin()
    const photos = await storePhotos(here, ana, 3_500)
    await queue.add(photos.map(photo => ({ name: 'thumbnail' as const, data: { photo } })))
    here.clock.advance(60_000)
    await reconcile()
    expect(added.reduce((total, count) => total + count, 0)).toBeLessThanOrEqual(1_000)
    expect(await waiting(queue)).toBe(3_500)
  })

  test('a job that is still there is left as it is', async () => {
    const { here, queue, ana, reconcile } = await begin()
    const [kept, lost] = await addPhotos(here, ana, 2)
    await queue.add([{ name: 'thumbnail', data: { photo: kept ?? '' } }])
    expect(lost).toBeDefined()
    here.clock.advance(60_000)
    await reconcile()
    await reconcile()
    expect(await waiting(queue)).toBe(2)
  })

  test('photos that only just came, and those that are done, are not its business', async () => {
    const { here, queue, ana, reconcile } = await begin()
    await addPhoto(here, ana, { state: 'ready' })
    await addPhoto(here, ana, { state: 'unreadable' })
    here.clock.advance(60_000)
    await addPhotos(here, ana, 2)
    here.clock.advance(10_000)
    await reconcile()
    expect(await waiting(queue)).toBe(0)
    here.clock.advance(10_001)
    await reconcile()
    expect(await waiting(queue)).toBe(2)
  })

  test('photos with renditions of an older recipe come after a while', async () => {
    const { here, queue, ana, reconcile } = await begin()
    const { id } = await addPhoto(here, ana, { state: 'ready' })
    await here.db.query('update photos set recipe = $2 where id = $1', [id, recipe - 1])
    here.clock.advance(5 * 60_000)
    await reconcile()
    expect(await waiting(queue)).toBe(0)
    here.clock.advance(5 * 60_001)
    await reconcile()
    expect(await waiting(queue)).toBe(1)
    expect(await queue.countAt('thumbnail', backgroundPriority)).toBe(1)
  })
}

describeWith([], 'on Postgres', () => {
  reconcileSuite(async () => {
    const database = await freshDatabase()
    onTestFinished(database.drop)
    const emptied = openQueue({ databaseUrl: database.url }, () => {})
    await emptied.check()
    await emptied.close()
    return {
      connection: { databaseUrl: database.url },
      forget: async () => {
        const { openDatabase } = await import('../src/db/database.js')
        const db = openDatabase({ url: database.url, connectionsMax: 1, onIdleError: () => {} })
        await db.query('truncate bullmq.job cascade')
        await db.close()
      },
    }
  })
})

describeWith('redis', 'on Redis', () => {
  reconcileSuite(async () => {
    // The shared Redis is not emptied: a database number of one's own is.
    const url = new URL(useRedis())
    url.pathname = '/8'
    const redis = new Redis(url.href)
    onTestFinished(() => redis.disconnect())
    await redis.flushdb()
    return { connection: { redisUrl: url.href }, forget: async () => void (await redis.flushdb()) }
  })
})

const waiting = async (queue: JobQueue) => (await queue.counts('thumbnail')).waiting

async function addPhotos(here: TestRegion, person: TestPerson, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push((await addPhoto(here, person, { state: 'stored' })).id)
  return ids
}
