/**
 * Goal: whoever wants the same photos waits for the other one, never both for each other: nothing that a worker records has to be done
 * twice because the photos' owner did something in the middle of it.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { recipe } from '../../src/core/renditions.js'
import type { Database, Queryable } from '../../src/db/database.js'
import { addToAlbum, putAlbum } from '../../src/library/albums/albums.js'
import { keepPlaces } from '../../src/library/places.js'
import { recordSidecar } from '../../src/library/sidecars-sql.js'
import { trashPhotos } from '../../src/library/trash/trash.js'
import { recordReady } from '../../src/library/work-sql.js'
import { startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { waitUntil } from '../support/wait-until.js'
import { beginWork, readyWith, sentPhoto } from './trash-scene.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
})

const now = () => here.clock.now()

/** Counts how often its transactions begin, and runs `between` before the first statement that comes to `when`. */
function watched(when: RegExp, between: () => Promise<unknown>): { db: Database; begun: () => number } {
  let begun = 0
  let done = false
  const watch = (tx: Queryable): Queryable => ({
    query: async <Row extends object>(sql: string, values?: readonly unknown[]) => {
      if (!done && when.test(sql)) {
        done = true
        await between()
      }
      return tx.query<Row>(sql, values)
    },
  })
  const transaction: Database['transaction'] = fn =>
    here.db.transaction(tx => {
      begun++
      return fn(watch(tx))
    })
  return { db: { ...here.db, transaction }, begun: () => begun }
}

/** Begins it, and resolves once it has ended or waits for a lock. */
async function beginAside(work: () => Promise<unknown>): Promise<{ ended: Promise<unknown> }> {
  let isOver = false
  const ended = work().finally(() => {
    isOver = true
  })
  const waiting = () =>
    here.db.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and state = 'active'`,
    )
  await waitUntil(async () => isOver || (await waiting()).length > 0, { what: 'it ends or waits', deadlineMs: 20_000 })
  return { ended }
}

/** Runs `work` with a watched database, and `other` in the middle of it. Returns how often both began. */
async function inTheMiddle(
  when: RegExp,
  work: (db: Database) => Promise<unknown>,
  other: (db: Database) => Promise<unknown>,
): Promise<number> {
  let aside: { ended: Promise<unknown> } | undefined
  const others = watched(/^$/, async () => {})
  const mine = watched(when, async () => {
    aside = await beginAside(() => other(others.db))
  })
  await work(mine.db)
  expect(aside).toBeDefined()
  await aside?.ended
  return mine.begun() + others.begun()
}

test('the second half of a Live Photo, and a picture that is thrown away', async () => {
  const [picture, video] = [await sentPhoto(here, ana), await sentPhoto(here, ana)]
  await recordReady(here.db, await beginWork(here, picture), readyWith({ live: 'L1' }), now())
  const work = await beginWork(here, video)
  const ready = readyWith({ live: 'L1' }, 'video')
  const begun = await inTheMiddle(
    /join photos video/,
    db => recordReady(db, work, ready, now()),
    db => trashPhotos(db, ana, { photos: [picture], now: now() }),
  )
  expect(begun).toBe(2)
  // The trash came after it and took both.
  const rows = await here.db.query(
    'select part_of as "partOf", trashed_at is not null as trashed from photos where id = $1',
    [video],
  )
  expect(rows).toEqual([{ partOf: picture, trashed: true }])
})

test.each([
  ['picture', 'video', /join photos video/],
  ['video', 'picture', /join photos video/],
  ['picture', 'video', /^update photos/],
  ['video', 'picture', /^update photos/],
] as const)('a %s that meets its %s, and both that come into an album (at %s)', async (kind, other, when) => {
  const ids = (await Promise.all([sentPhoto(here, ana), sentPhoto(here, ana)])).toSorted()
  // Of two that are locked in the order of their ids, the one that is recorded is the last.
  const [first, last] = ids as [string, string]
  await recordReady(here.db, await beginWork(here, first), readyWith({ live: 'L1' }, other), now())
  const work = await beginWork(here, last)
  const album = newId()
  await putAlbum(here.db, ana, { id: album, name: 'Sea', now: now() })
  const begun = await inTheMiddle(
    when,
    db => recordReady(db, work, readyWith({ live: 'L1' }, kind), now()),
    db => addToAlbum(db, ana, { album, photos: ids, now: now() }),
  )
  expect(begun).toBe(2)
})

test('a sidecar with a place, and an owner who agrees to places no more', async () => {
  await keepPlaces(here, ana, true)
  const whole = await sentPhoto(here, ana)
  await here.db.query('update photos set latitude = 1.5, longitude = -2.5 where id = $1', [whole])
  const sidecar = await sentPhoto(here, ana, { partOf: { photo: whole, role: 'sidecar' } })
  const facts = { rating: 5, description: null, latitude: 1, longitude: 1 }
  const read = { facts, mediaType: 'application/rdf+xml', recipe }
  const begun = await inTheMiddle(
    /from people/,
    db => recordSidecar(db, { ...ana, id: sidecar }, read, now()),
    db => keepPlaces({ db, accounts: here.accounts }, ana, false),
  )
  expect(begun).toBe(2)
  const left = await here.db.query('select id from photos where person = $1 and latitude is not null', [ana.person])
  expect(left).toEqual([])
})
