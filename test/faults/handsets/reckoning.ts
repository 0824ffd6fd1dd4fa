/**
 * The reckoning of a history: when all is quiet, the three mirrors, the catalogue and the bucket are the same, what was promised is
 * there unless somebody discarded it, and another push of every folder brings nothing back.
 */
import { buffer } from 'node:stream/consumers'
import { expect } from 'vitest'
import type { Mirror } from '../../../src/client/index.js'
import { systemClock } from '../../../src/core/clock.js'
import { originalKey, renditionKey } from '../../../src/core/keys.js'
import { recipe } from '../../../src/core/renditions.js'
import { makePurge } from '../../../workers/purge/purge.js'
import { makeReap } from '../../../workers/reap/reap.js'
import type { Service } from '../../e2e/service.js'
import { waitUntil } from '../../support/wait-until.js'
import { keysOf } from '../../upload/region.js'
import type { Handset } from './handset.js'
import { type Household, sha256Of } from './household.js'

interface Row {
  id: string
  sha256: string
  state: string
  verified: boolean
  favourite: boolean
  archived: boolean
  rating: number | null
  description: string | null
  shownAt: string
  takenAt: string | null
  trashed: boolean
  renditions: string[]
}

export async function reckon(service: Service, household: Household, handsets: readonly Handset[]): Promise<void> {
  await quiet(service, household)
  const before = await catalogueOf(service, household)
  for (const handset of handsets) await handset.pushAll(service.server)
  await quiet(service, household)
  const rows = await catalogueOf(service, household)
  const ids = (all: readonly Row[]) => all.map(({ id }) => id)
  const gone = new Set(await deletedContents(service, household))
  // What was never stored may come now; what was deleted may not.
  expect(rows.filter(row => !row.trashed && gone.has(row.sha256)).map(({ sha256 }) => sha256)).toEqual([])
  expect(ids(rows)).toEqual(expect.arrayContaining(ids(before)))
  expect(trashedOf(rows)).toEqual(trashedOf(before))

  if (!household.broughtBack) expect(await liftedOf(service, household)).toEqual([])

  for (const handset of handsets) await expectMirror(service, household, await handset.settle(service.server), rows)
  await expectPromises(service, household, rows)
  await expectBucket(service, household, rows)
}

const trashedOf = (rows: readonly Row[]) => rows.filter(({ trashed }) => trashed).map(({ id }) => id)

/** Nothing waits for a worker any more. */
async function quiet({ db }: Service, { person }: Household): Promise<void> {
  await waitUntil(
    async () => {
      const [row] = await db.query<{ busy: boolean }>(
        `select exists (select from photos where person = $1 and (state = 'stored' or (state = 'ready' and recipe < 0)))
             or exists (select from uploads where person = $1 and state = 'finishing') as busy`,
        [person],
      )
      return row?.busy === false
    },
    { what: 'the workers are through', deadlineMs: 120_000, intervalMs: 50 },
  )
}

function catalogueOf({ db }: Service, { person, epoch }: Household): Promise<Row[]> {
  return db.query<Row>(
    `select id, encode(sha256, 'hex') as sha256, state, verified_at is not null as verified, favourite, archived, rating, description,
            shown_at as "shownAt", taken_at as "takenAt", trashed_at is not null as trashed, renditions
     from photos where person = $1 and epoch = $2 order by id`,
    [person, epoch],
  )
}

async function deletedContents({ db }: Service, { person }: Household): Promise<string[]> {
  const rows = await db.query<{ sha256: string }>(
    `select encode(sha256, 'hex') as sha256 from tombstones where person = $1 and lifted_at is null`,
    [person],
  )
  return rows.map(({ sha256 }) => sha256)
}

/** Deleted for good, and there again. */
function liftedOf({ db }: Service, { person }: Household): Promise<unknown[]> {
  return db.query('select photo from tombstones where person = $1 and lifted_at is not null', [person])
}

async function expectMirror(
  { db }: Service,
  { person }: Household,
  mirror: Mirror,
  rows: readonly Row[],
): Promise<void> {
  const seen = [...mirror.photos].sort(([a], [b]) => (a < b ? -1 : 1))
  expect(
    seen.map(([id, entry]) => {
      const { sha256, state, verified, favourite, archived, rating, description, shownAt, takenAt, renditions } = entry
      const trashed = entry.trashedAt !== null
      return {
        id,
        sha256,
        state,
        verified,
        favourite,
        archived,
        rating,
        description,
        shownAt,
        takenAt,
        trashed,
        renditions,
      }
    }),
  ).toEqual(rows)
  const albums = await db.query<{ id: string; name: string; photos: string[] }>(
    `select id, name, array(select photo from album_photos where album = albums.id order by photo) as photos
     from albums where person = $1 order by id`,
    [person],
  )
  const seenAlbums = [...mirror.albums].map(([id, { name }]) => ({ id, name, photos: [...mirror.photosOf(id)].sort() }))
  expect(seenAlbums.sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(albums)
}

/** Whatever a receipt named is still there, byte for byte, unless somebody put it into the trash. */
async function expectPromises({ bucket }: Service, household: Household, rows: readonly Row[]): Promise<void> {
  const byId = new Map(rows.map(row => [row.id, row]))
  for (const [photo, sha256] of household.promised) {
    const row = byId.get(photo)
    if (!row) {
      expect(household.discarded.has(photo) || household.discarded.has(sha256), `photo ${photo} is gone`).toBe(true)
      continue
    }
    expect(row.sha256).toBe(sha256)
    expect(sha256Of(await buffer((await bucket.get(originalKey(household, photo))).body))).toBe(sha256)
  }
}

/** After what is over has been swept up there is nothing in the bucket but what the catalogue names. */
async function expectBucket({ db, bucket }: Service, household: Household, rows: readonly Row[]): Promise<void> {
  const nextWeek = { now: () => new Date(systemClock.now().getTime() + 7 * 24 * 3_600_000) }
  const { signal } = new AbortController()
  const { person, epoch } = household
  await db.query(`update uploads set state = 'ended' where person = $1 and state = 'open'`, [person])
  const uploads = await db.query<{ id: string }>('select id from uploads where person = $1', [person])
  for (const { id } of uploads) await makeReap(db, bucket, nextWeek)({ upload: id }, signal)
  const tombstones = await db.query<{ photo: string }>('select photo from tombstones where person = $1', [person])
  for (const { photo } of tombstones) await makePurge(db, bucket, nextWeek)({ photo }, signal)
  const expected = rows.flatMap(({ id, renditions }) => [
    originalKey(household, id),
    ...renditions.map(name => renditionKey(household, id, recipe, name)),
  ])
  expect((await keysOf(bucket, `u/${person}/${epoch}/`)).sort()).toEqual(expected.sort())
}
