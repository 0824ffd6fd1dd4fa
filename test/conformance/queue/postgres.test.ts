/** Goal: the queue keeps its contract on Postgres, where there is no Redis. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isAppError } from '../../../src/core/errors.js'
import { bullPostgres, openQueue } from '../../../src/queue/bullmq-queue.js'
import { type RunOptions, runJobs } from '../../../workers/run.js'
import { freePort, freshDatabase, usePostgres } from '../../support/services.js'
import { waitUntil } from '../../support/wait-until.js'
import { type QueueStore, queueSuite } from './queue-suite.js'
import { newJob, silent } from './suite-support.js'

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

  test('connections that are cut in mid-work end no process and are made again', async () => {
    const store = await openPostgresStore()
    const queue = openQueue(store.connection, () => {})
    const errors: unknown[] = []
    const ran = new Set<string>()
    const runner = await runJobs('thumbnail', async ({ photo }) => void ran.add(photo), {
      connection: store.connection,
      concurrency: 4,
      deadlineMs: 10_000,
      stallMs: 1_000,
      log: { ...silent, warn: ({ err }: { err: unknown }) => errors.push(err) } as unknown as RunOptions['log'],
      observe: () => {},
    })
    onTestFinished(async () => {
      await runner.drain(1_000)
      await queue.close()
      await store.close()
    })
    const database = new URL((store.connection as { databaseUrl: string }).databaseUrl).pathname.slice(1)
    const jobs = Array.from({ length: 400 }, newJob)
    for (let round = 0; round < 8; round++) {
      const batch = jobs.slice(round * 50, round * 50 + 50)
      const cut = sleep(round * 3).then(() => cutAll(database))
      // As the relay does: what was not taken is added again.
      await waitUntil(() => queue.add(batch).then(() => true), { what: 'a batch is taken', deadlineMs: 20_000 })
      await cut
    }
    await waitUntil(async () => ran.size === jobs.length, { what: 'all are run', deadlineMs: 30_000 })
    expect(errors.length).toBeGreaterThan(0)
  })
})

test('a connection that breaks while nobody asks anything of it ends no process', async () => {
  const pool = new pg.Pool(bullPostgres(usePostgres(), 1))
  const client = await pool.connect()
  // An `error` that nobody listens to is thrown.
  expect(() => client.emit('error', new Error('cut'))).not.toThrow()
  client.release(true)
  await pool.end()
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
