/** Goal: the queue keeps its contract on Postgres, where there is no Redis. */
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isAppError } from '../../../src/core/errors.js'
import { openQueue } from '../../../src/queue/bullmq-queue.js'
import { freePort, freshDatabase, usePostgres } from '../../support/services.js'
import { newJob, type QueueStore, queueSuite } from './queue-suite.js'

queueSuite('postgres', openPostgresStore)

describe('on Postgres', () => {
  test('processes that start at once on an empty database all find their tables', async () => {
    const database = await freshDatabase()
    const queues = Array.from({ length: 4 }, () => openQueue({ databaseUrl: database.url }, () => {}))
    onTestFinished(async () => {
      for (const queue of queues) await queue.close()
      await database.drop()
    })
    await Promise.all(queues.map(queue => queue.check()))
    await Promise.all(queues.map(queue => queue.add([newJob()])))
    expect((await queues[0]?.counts('thumbnail'))?.waiting).toBe(4)
  })

  test('a store that is not there is unavailable, with the reason', async () => {
    const url = `postgresql://nobody:none@127.0.0.1:${await freePort()}/none`
    const queue = openQueue({ databaseUrl: url }, () => {})
    onTestFinished(() => queue.close())
    const error = await queue.check().catch(error => error)
    expect(isAppError(error, 'unavailable')).toBe(true)
    expect(error.cause.message).toContain('ECONNREFUSED')
  })

  test('a connection that is cut is made again', async () => {
    const store = await openPostgresStore()
    const queue = openQueue(store.connection, () => {})
    onTestFinished(async () => {
      await queue.close()
      await store.close()
    })
    await queue.add([newJob()])
    await cutAll(new URL((store.connection as { databaseUrl: string }).databaseUrl).pathname.slice(1))
    // A connection that the cut has not yet reached may be tried once.
    await queue.check().catch(() => {})
    await queue.add([newJob()])
    expect((await queue.counts('thumbnail')).waiting).toBe(2)
  })
})

async function openPostgresStore(): Promise<QueueStore> {
  const database = await freshDatabase()
  return {
    connection: { databaseUrl: database.url },
    addRaw: async (name, jobId, data) => {
      const { createPostgresBackend, Queue } = await import('bullmq')
      const queue = new Queue(name, { connection: { connectionString: database.url } }, createPostgresBackend)
      await queue.add(name, data, { jobId, attempts: 5, removeOnFail: true, removeOnComplete: true })
      await queue.close()
    },
    close: database.drop,
  }
}

async function cutAll(database: string): Promise<void> {
  const client = new pg.Client({ connectionString: usePostgres() })
  await client.connect()
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database])
  await client.end()
}
