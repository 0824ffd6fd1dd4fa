/** Goal: a job is in the outbox exactly when its transaction committed, and leaves it only once the queue has it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../src/core/clock.js'
import { AppError } from '../src/core/errors.js'
import { newId } from '../src/core/ids.js'
import { type Database, openDatabase } from '../src/db/database.js'
import { migrate } from '../src/db/migrate.js'
import { openQueue } from '../src/queue/bullmq-queue.js'
import { type Job, parseJob } from '../src/queue/jobs.js'
import { addToOutbox, drainOutbox } from '../src/queue/outbox-sql.js'
import { makeRank } from '../workers/relay/ranks.js'
import { makeRelay } from '../workers/relay/relay.js'
import { type FreshDatabase, freshDatabase } from './support/services.js'

let database: FreshDatabase
let db: Database
beforeAll(async () => {
  database = await freshDatabase()
  await migrate(database.url, 'region')
  db = openDatabase({ url: database.url, onIdleError: () => {} })
})
afterAll(async () => {
  await db.close()
  await database.drop()
})
beforeEach(() => db.query('delete from outbox'))

const newJob = (): Job => ({ name: 'thumbnail', data: { photo: newId() } })
const newJobs = (count: number) => Array.from({ length: count }, newJob)
const add = (jobs: readonly Job[]) => db.transaction(tx => addToOutbox(tx, jobs))
const rows = async () => {
  const found = await db.query<{ job: string; data: unknown }>('select job, data from outbox order by id')
  return found.map(({ job, data }) => parseJob({ name: job, data }))
}

test('jobs are there with their transaction, in order, or not at all', async () => {
  const jobs: Job[] = [...newJobs(3), { name: 'reap', data: { upload: newId() } }]
  await add(jobs)
  const rolledBack = db.transaction(async tx => {
    await addToOutbox(tx, newJobs(3))
    throw new RangeError('rolled back')
  })
  await expect(rolledBack).rejects.toThrow(RangeError)
  await add([])
  expect(await rows()).toEqual(jobs)
})

test('what is no job rolls its transaction back', async () => {
  const wrong = { name: 'thumbnail', data: { photo: 'IMG_1.jpg' } } as Job
  await expect(add([newJob(), wrong])).rejects.toThrow('A job thumbnail cannot be made of this (photo: must be an id)')
  await expect(add([{ name: 'sing', data: {} } as unknown as Job])).rejects.toThrow('There is no job sing')
  expect(await rows()).toEqual([])
})

test('a drain hands over the oldest and the newest, so many at a time, in their order, and removes them', async () => {
  const jobs = newJobs(5)
  await add(jobs)
  const sent: Job[][] = []
  const send = async (batch: Job[]) => void sent.push(batch)
  const counts = [await drainOutbox(db, 2, send), await drainOutbox(db, 2, send), await drainOutbox(db, 2, send)]
  expect(counts).toEqual([2, 2, 1])
  expect(sent).toEqual([[jobs[0], jobs[4]], [jobs[1], jobs[3]], [jobs[2]]])
  expect(await drainOutbox(db, 2, send)).toBe(0)
  expect(sent).toHaveLength(3)
})

test('what could not be sent stays, in its order, and is sent again', async () => {
  const jobs = newJobs(3)
  await add(jobs)
  const refusal = new AppError('unavailable', 'The queue does not answer')
  await expect(drainOutbox(db, 10, () => Promise.reject(refusal))).rejects.toBe(refusal)
  expect(await rows()).toEqual(jobs)
  const sent: Job[] = []
  await drainOutbox(db, 10, async batch => void sent.push(...batch))
  expect(sent).toEqual(jobs)
})

test('a relay that breaks after sending sends again: at least once', async () => {
  const jobs = newJobs(3)
  await add(jobs)
  const sent: Job[] = []
  const broken = drainOutbox(db, 10, async batch => {
    sent.push(...batch)
    await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and state = 'idle in transaction'`,
    )
    await sleep(50)
  })
  await expect(broken).rejects.toMatchObject({ kind: 'unavailable' })
  await drainOutbox(db, 10, async batch => void sent.push(...batch))
  expect(sent).toEqual([...jobs, ...jobs])
  expect(await rows()).toEqual([])
})

test('several relays at once send each row once, without waiting for each other', async () => {
  const jobs = newJobs(200)
  await add(jobs)
  const sent: Job[] = []
  let sending = 0
  let most = 0
  const relay = async () => {
    const send = async (batch: Job[]) => {
      sending += 1
      most = Math.max(most, sending)
      await sleep(5)
      sent.push(...batch)
      sending -= 1
    }
    while ((await drainOutbox(db, 10, send)) > 0);
  }
  await Promise.all([relay(), relay(), relay(), relay()])
  const ids = (of: Job[]) => of.map(({ data }) => Object.values(data)[0]).sort()
  expect(ids(sent)).toEqual(ids(jobs))
  expect(most).toBeGreaterThan(1)
  expect(await rows()).toEqual([])
})

test('a kind of job that a newer process wrote waits for one, and holds up no other', async () => {
  const before = newJob()
  await add([before])
  await db.query(`insert into outbox (job, data) values ('sing', '{"photo": "x"}')`)
  const after = newJob()
  await add([after])
  const sent: Job[] = []
  expect(await drainOutbox(db, 10, async batch => void sent.push(...batch))).toBe(2)
  expect(sent).toEqual([before, after])
  expect(await db.query('select job from outbox')).toEqual([{ job: 'sing' }])
})

test('the relay brings everything to a real queue, however much there is', async () => {
  const queue = openQueue({ databaseUrl: database.url }, () => {})
  onTestFinished(() => queue.close())
  await add(newJobs(1_050))
  const rank = makeRank(db, systemClock)
  await Promise.all([makeRelay(db, queue, rank)(), makeRelay(db, queue, rank)()])
  expect(await rows()).toEqual([])
  expect((await queue.counts('thumbnail')).waiting).toBe(1_050)
})
