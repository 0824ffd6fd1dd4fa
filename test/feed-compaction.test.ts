/** Goal: whoever reads the feed, from any cursor and at any moment of its compaction, ends with exactly what the library holds. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../src/core/ids.js'
import { type Database, openDatabase } from '../src/db/database.js'
import { migrate } from '../src/db/migrate.js'
import { readChanges } from '../src/feed/changes.js'
import { appendChange } from '../src/feed/changes-sql.js'
import { claimFeeds, forgetDeletions, removeSuperseded } from '../src/feed/compact-sql.js'
import { compactFeed, makeCompact } from '../workers/compact/compact.js'
import { type Draw, type History, startHistory, startReader } from './feed-history.js'
import { type SeededRandom, seededRandom } from './support/seed.js'
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

const dayMs = 24 * 3600_000
const daysBefore = (now: Date, days: number) => new Date(now.getTime() - days * dayMs)
const never = new AbortController().signal

/** Of one history, drawn beforehand: histories that run beside each other don't take each other's. */
function drawsOf(random: SeededRandom, count: number): Draw {
  const drawn = Array.from({ length: count }, () => random.next())
  let next = 0
  return () => drawn[next++ % count] as number
}

/** A step of compaction, as a worker that comes and goes at any moment would make it. */
async function compactSome({ placement, now }: History, draw: Draw): Promise<void> {
  const count = await changesOf(placement.person)
  const batch = { after: draw() < 0.5 ? 0 : Math.floor(draw() * count), limit: 1 + Math.floor(draw() * 30) }
  const remove = () => removeSuperseded(db, placement, { ...batch, before: daysBefore(now(), 30) })
  const forget = () => forgetDeletions(db, placement, { ...batch, before: daysBefore(now(), 90) })
  const choice = draw()
  if (choice < 0.4) await remove()
  else if (choice < 0.6) await forget()
  else if (choice < 0.8) await Promise.all([remove(), remove(), forget(), forget()])
  else await compactFeed(db, placement, now(), never, { batch: batch.limit })
}

async function changesOf(person: string): Promise<number> {
  const [row] = await db.query<{ count: number }>('select count(*) as count from changes where person = $1', [person])
  return row?.count ?? 0
}

async function play(draw: Draw): Promise<{ resets: number; removed: number }> {
  const history = await startHistory(db)
  const { placement } = history
  const readers = [startReader(db, placement), startReader(db, placement)]
  for (let step = 0; step < 40; step++) {
    await history.step(draw)
    const reader = readers[Math.floor(draw() * readers.length * 2)]
    const limit = 1 + Math.floor(draw() * 6)
    if (draw() < 0.05) readers.push(startReader(db, placement))
    const compaction = draw() < 0.2 ? compactSome(history, draw) : undefined
    // Also while it is compacted.
    await reader?.read(limit)
    await compaction
  }
  const before = await changesOf(placement.person)
  await compactFeed(db, placement, history.now(), never, { batch: 7 })
  const expected = await history.snapshot()
  for (const reader of [...readers, startReader(db, placement)]) {
    await reader.readAll(3)
    expect(reader.mirror()).toEqual(expected)
  }
  return {
    resets: readers.reduce((sum, reader) => sum + reader.resets(), 0),
    removed: before - (await changesOf(placement.person)),
  }
}

test('a compacted feed has one change for each thing that is there, and recent ones are all kept', async () => {
  const history = await startHistory(db)
  const { placement } = history
  const [photo, album] = [newId(), newId()]
  const at = daysBefore(new Date(Date.UTC(2030, 0, 1)), 0)
  const make = (kind: 'stored' | 'edited' | 'trashed' | 'deleted', days: number) =>
    db.transaction(tx => appendChange(tx, { ...placement, kind, photo, at: daysBefore(at, days) }))
  const makeMember = (kind: 'added' | 'removed', days: number) =>
    db.transaction(tx => appendChange(tx, { ...placement, kind, photo, album, at: daysBefore(at, days) }))
  await make('stored', 60)
  await make('edited', 50)
  await makeMember('added', 40)
  await makeMember('removed', 35)
  await make('trashed', 10)
  await make('edited', 5)
  await make('deleted', 1)
  await makeCompact(db, { now: () => at }, never)()
  const kinds = async () => (await readChanges(db, placement, undefined)).changes.map(({ kind }) => kind)
  expect(await kinds()).toEqual(['trashed', 'edited', 'deleted'])
  expect((await readChanges(db, placement, { epoch: 1, seq: 2 })).reset).toBe(false)
  const later = new Date(at.getTime() + 200 * dayMs)
  await makeCompact(db, { now: () => later }, never)()
  expect(await kinds()).toEqual([])
  expect(await readChanges(db, placement, { epoch: 1, seq: 6 })).toMatchObject({
    reset: true,
    cursor: { epoch: 1, seq: 7 },
  })
  expect((await readChanges(db, placement, { epoch: 1, seq: 7 })).reset).toBe(false)
})

test('a reader that began with nothing goes on, however long it takes, and one that began earlier begins anew', async () => {
  const { placement } = await startHistory(db)
  const now = new Date(Date.UTC(2025, 5, 1))
  const append = (kind: 'stored' | 'deleted', photo: string) =>
    db.transaction(tx => appendChange(tx, { ...placement, kind, photo, at: daysBefore(now, 100) }))
  const [first, second] = [newId(), newId()]
  for (let i = 0; i < 4; i++) await append('stored', newId())
  await append('stored', first)
  await append('deleted', first)
  const { cursor: early } = await readChanges(db, placement, undefined, 2)
  expect(early).toEqual({ epoch: 1, seq: 2 })
  await compactFeed(db, placement, now, never)
  expect((await readChanges(db, placement, early, 2)).reset).toBe(true)
  const { cursor, more } = await readChanges(db, placement, undefined, 2)
  expect([cursor, more]).toEqual([{ epoch: 1, seq: 2, base: 6 }, true])
  expect(await readChanges(db, placement, cursor, 1)).toMatchObject({
    reset: false,
    cursor: { epoch: 1, seq: 3, base: 6 },
  })
  await append('stored', second)
  await append('deleted', second)
  await compactFeed(db, placement, now, never)
  expect((await readChanges(db, placement, cursor, 1)).reset).toBe(true)
})

test('each feed is taken once a day, by one worker, and only when it has old changes and is open', async () => {
  const histories = await Promise.all(['old', 'old', 'new', 'frozen'].map(() => startHistory(db)))
  const now = new Date(Date.UTC(2026, 0, 1))
  for (const [index, days] of [40, 40, 20, 40].entries()) {
    const { placement } = histories[index] as History
    const at = daysBefore(now, days)
    await db.transaction(tx => appendChange(tx, { ...placement, kind: 'stored', photo: newId(), at }))
  }
  const people = histories.map(({ placement }) => placement.person)
  await db.query(`update placements set state = 'frozen' where person = $1`, [people[3]])
  const claim = (at: Date) =>
    claimFeeds(db, {
      now: at,
      takenBefore: daysBefore(at, 1),
      before: daysBefore(at, 30),
      quietMs: 90 * dayMs,
      limit: 10_000,
    })
  const mine = (claimed: { person: string; due: boolean }[]) =>
    claimed.flatMap(({ person, due }) => (due ? [people.indexOf(person)] : [])).filter(i => i >= 0)
  const both = await Promise.all([claim(now), claim(now)])
  expect(both.flatMap(mine).sort()).toEqual([0, 1])
  expect(mine(await claim(new Date(now.getTime() + dayMs / 2)))).toEqual([])
  expect(mine(await claim(new Date(now.getTime() + 2 * dayMs))).sort()).toEqual([0, 1])
  // All that could be done to them was done when they had been quiet for so long.
  expect(mine(await claim(new Date(now.getTime() + 60 * dayMs))).sort()).toEqual([0, 1, 2])
  expect(mine(await claim(new Date(now.getTime() + 62 * dayMs))).sort()).toEqual([2])
})

test('where the placement is frozen nothing is removed', async () => {
  const { placement } = await startHistory(db)
  const photo = newId()
  const at = new Date(Date.UTC(2020, 0, 1))
  for (const kind of ['stored', 'deleted'] as const) {
    await db.transaction(tx => appendChange(tx, { ...placement, kind, photo, at }))
  }
  await db.query(`update placements set state = 'frozen' where person = $1`, [placement.person])
  const batch = { after: 0, before: new Date(), limit: 10 }
  await expect(removeSuperseded(db, placement, batch)).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(forgetDeletions(db, placement, batch)).rejects.toMatchObject({ kind: 'unavailable' })
  expect(await changesOf(placement.person)).toBe(2)
})

test('every mirror of hundreds of random histories agrees with the library', { timeout: 300_000 }, async () => {
  const random = seededRandom()
  let [resets, removed] = [0, 0]
  for (let round = 0; round < 25; round++) {
    const games = Array.from({ length: 8 }, () => play(drawsOf(random, 1_000)))
    for (const outcome of await Promise.all(games)) {
      resets += outcome.resets
      removed += outcome.removed
    }
  }
  // Else nothing was tried.
  expect(resets).toBeGreaterThan(100)
  expect(removed).toBeGreaterThan(100)
})
