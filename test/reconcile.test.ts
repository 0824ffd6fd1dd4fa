/** Goal: whatever a queue forgets, the reconciler finds by the tables, and what it has not forgotten isn't done twice. */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { recipe } from '../src/core/renditions.js'
import { openQueue } from '../src/queue/bullmq-queue.js'
import type { JobQueue, QueueConnection } from '../src/queue/queue.js'
import { makeReconcile } from '../workers/relay/reconcile.js'
import { addPhoto, startRegion, type TestPerson, type TestRegion } from './http/region.js'
import { describeWith, freshDatabase, useRedis } from './support/services.js'

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
    return { here, store, queue, ana: await here.addPerson(), reconcile: makeReconcile(here.db, queue, here.clock) }
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
