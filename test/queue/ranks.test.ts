/** Goal: nobody waits behind another's thousands, and newer photos of one person come before their older ones. */
import { expect, onTestFinished, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import type { Job } from '../../src/queue/jobs.js'
import { backgroundPriority, type QueuedJob } from '../../src/queue/queue.js'
import { makeRank } from '../../workers/relay/ranks.js'
import { startRegion } from '../http/region.js'
import { storePhotos } from './stored-photos.js'

const jobOf = (photo: string): Job => ({ name: 'thumbnail', data: { photo } })
const prioritiesOf = (jobs: readonly QueuedJob[]) => jobs.map(({ priority }) => priority)
const dayMs = 24 * 3600_000

async function begin() {
  const here = await startRegion()
  onTestFinished(() => here.close())
  const daysAgo = (days: number) => new Date(here.clock.now().getTime() - days * dayMs)
  return {
    here,
    rank: makeRank(here.db, here.clock),
    ana: await here.addPerson(),
    ben: await here.addPerson(),
    daysAgo,
  }
}

test('each person has a row of their own, in the order the photos came', async () => {
  const { here, rank, ana, ben } = await begin()
  const hers = await storePhotos(here, ana, 4)
  const [his] = await storePhotos(here, ben, 1)
  const jobs = await rank([...hers, his ?? ''].map(jobOf))
  expect(prioritiesOf(jobs)).toEqual([1, 2, 3, 4, 1])
  expect(jobs.map(({ data }) => data)).toEqual([...hers, his].map(photo => ({ photo })))
})

test('a later batch stands behind those that still wait, and not behind those that are done', async () => {
  const { here, rank, ana } = await begin()
  const first = await storePhotos(here, ana, 10)
  await rank(first.map(jobOf))
  await here.db.query(`update photos set state = 'ready' where id = any($1)`, [first.slice(0, 6)])
  here.clock.advance(1_000)
  const later = await storePhotos(here, ana, 2)
  expect(prioritiesOf(await rank(later.map(jobOf)))).toEqual([5, 6])
})

test('a photo of today goes before all older ones of its owner, and each age before those above it', async () => {
  const { here, rank, ana, daysAgo } = await begin()
  await storePhotos(here, ana, 30, { shownAt: daysAgo(3_000) })
  await storePhotos(here, ana, 20, { shownAt: daysAgo(100), stepMs: 1_000 })
  here.clock.advance(1_000)
  const [today] = await storePhotos(here, ana, 1, { shownAt: daysAgo(0) })
  here.clock.advance(1_000)
  const [week] = await storePhotos(here, ana, 1, { shownAt: daysAgo(5) })
  here.clock.advance(1_000)
  const [old] = await storePhotos(here, ana, 1, { shownAt: daysAgo(2_000) })
  const priorities = prioritiesOf(await rank([today, week, old].map(id => jobOf(id ?? ''))))
  // Behind the one of today; behind the 30 old ones, the 20 and the two.
  expect(priorities).toEqual([1, 2, 53])
})

test('whoever has many is counted rarely, and what is handed over meanwhile counts as well', async () => {
  const { here, ana } = await begin()
  let queries = 0
  const counted = { ...here.db, query: here.db.query.bind(here.db) }
  counted.query = (sql, values) => {
    if (sql.includes('count(*)')) queries += 1
    return here.db.query(sql, values)
  }
  const rank = makeRank(counted, here.clock)
  await storePhotos(here, ana, 2_000)
  const asked: (number | undefined)[] = []
  for (let round = 0; round < 5; round++) {
    here.clock.advance(10)
    asked.push(...prioritiesOf(await rank((await storePhotos(here, ana, 1)).map(jobOf))))
  }
  expect(asked).toEqual([2_001, 2_002, 2_003, 2_004, 2_005])
  const before = queries
  here.clock.advance(1_000)
  expect(prioritiesOf(await rank((await storePhotos(here, ana, 1)).map(jobOf)))).toEqual([2_006])
  expect(queries).toBeGreaterThan(before)
  expect(before).toBeLessThan(5)
})

test('other jobs have no rank, and a photo that waits no longer holds nobody up', async () => {
  const { rank } = await begin()
  const reap: Job = { name: 'reap', data: { upload: newId() } }
  expect(prioritiesOf(await rank([reap, jobOf(newId())]))).toEqual([undefined, 1])
})

test('a large original goes where no photo waits behind it, and one that is ready goes last', async () => {
  const { here, rank, ana } = await begin()
  const [small, film, done] = (await storePhotos(here, ana, 3)) as [string, string, string]
  await here.db.query('update photos set size_bytes = 100 * 1024 * 1024 where id = $1', [film])
  await here.db.query(`update photos set state = 'ready' where id = $1`, [done])
  expect(await rank([small, film, done].map(jobOf))).toEqual([
    { name: 'thumbnail', data: { photo: small }, priority: 1 },
    { name: 'large', data: { photo: film }, priority: 2 },
    { name: 'thumbnail', data: { photo: done }, priority: backgroundPriority },
  ])
})
