/**
 * Goal: an album tells of its photos as they are, whatever has become of them, and costs no more for having many: neither its page nor the
 * list reads them all, and who renames it keeps nobody waiting. Who changes photos and who changes albums never wait for each other for ever.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import type { Database, Queryable } from '../../src/db/database.js'
import {
  addToAlbum,
  deleteAlbum,
  listAlbum,
  listAlbums,
  putAlbum,
  removeFromAlbum,
} from '../../src/library/albums/albums.js'
import { editPhoto } from '../../src/library/edits/edits.js'
import { takeOutOfTrash, trashPhotos } from '../../src/library/trash/trash.js'
import { recordReady } from '../../src/library/work-sql.js'
import { addPhoto, startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { beginWork, readyWith, send, sentPhoto } from './trash-scene.js'

let here: TestRegion
let ana: TestPerson
let album: string
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
  album = newId()
  await putAlbum(here.db, ana, { id: album, name: 'Sea', now: now() })
})

const now = () => here.clock.now()

/** Photos of one month each, newest first, all in the album. */
async function addMembers(count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push((await addPhoto(here, ana, { shownAt: `20${30 - i}-01-01T00:00:00` })).id)
  await addToAlbum(here.db, ana, { album, photos: ids, now: now() })
  return ids
}

/** What the album is said to have, by its pages and by the list, which must agree; and by the rows that it is read from. */
async function members(): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const [shownAt = '', id = ''] = (cursor ?? '').split('~')
    const page = await listAlbum(here.db, ana, album, {
      after: cursor === null ? undefined : { shownAt, id },
      limit: 2,
    })
    ids.push(...page.id)
    cursor = page.cursor
  } while (cursor !== null)
  const [listed] = (await listAlbums(here.db, ana)).filter(({ id }) => id === album)
  expect(listed).toMatchObject({ photos: ids.length, cover: ids[0] ?? null })
  await expectInStep()
  return ids
}

async function expectInStep(): Promise<void> {
  const astray = await here.db.query(
    `select photo from album_photos join photos on photos.id = photo
     where album_photos.shown_at <> photos.shown_at or hidden <> (part_of is not null or trashed_at is not null)`,
  )
  expect(astray).toEqual([])
}

describe('an album tells of its photos as they are', () => {
  test('by their time, when that is edited and when a worker finds it', async () => {
    const [first = '', second = '', third = ''] = await addMembers(3)
    await editPhoto(here.db, ana, { photo: third, edit: { takenAt: '2031-05-05T05:05:05.125' }, now: now() })
    expect(await members()).toEqual([third, first, second])
    const sent = await sentPhoto(here, ana)
    await addToAlbum(here.db, ana, { album, photos: [sent], now: now() })
    await recordReady(here.db, await beginWork(here, sent), readyWith({ takenAt: '2029-06-01T00:00:00' }), now())
    expect(await members()).toEqual([third, first, sent, second])
  })

  test('without those in the trash, and with them again', async () => {
    const [first = '', second = '', third = ''] = await addMembers(3)
    await trashPhotos(here.db, ana, { photos: [first, third], now: now() })
    expect(await members()).toEqual([second])
    await takeOutOfTrash(here.db, ana, { photos: [first], now: now() })
    expect(await members()).toEqual([first, second])
    await editPhoto(here.db, ana, { photo: third, edit: { takenAt: '2031-01-01T00:00:00' }, now: now() })
    await takeOutOfTrash(here.db, ana, { photos: [third], now: now() })
    expect(await members()).toEqual([third, first, second])
  })

  test('with those that are archived', async () => {
    const ids = await addMembers(2)
    await editPhoto(here.db, ana, { photo: ids[0] ?? '', edit: { archived: true }, now: now() })
    expect(await members()).toEqual(ids)
  })

  test('without what has become a part, and without what was deleted', async () => {
    const [whole = '', half = '', gone = ''] = await addMembers(3)
    await here.db.query(`update photos set part_of = $2, role = 'motion' where id = $1`, [half, whole])
    expect(await members()).toEqual([whole, gone])
    await here.db.query('update photos set part_of = null, role = null where id = $1', [half])
    expect(await members()).toEqual([whole, half, gone])
    await here.db.query('delete from photos where id = $1', [gone])
    expect(await members()).toEqual([whole, half])
  })

  test('also of members that come by a plain insert, or by another’s place', async () => {
    const [first = '', second = ''] = await addMembers(2)
    const { id: third } = await addPhoto(here, ana, { shownAt: '2029-06-01T00:00:00' })
    const { id: trashed } = await addPhoto(here, ana)
    const another = await addPhoto(here, ana)
    await trashPhotos(here.db, ana, { photos: [trashed, another.id], now: now() })
    await here.db.query('insert into album_photos (album, photo, added_at) values ($1, $2, now()), ($1, $3, now())', [
      album,
      third,
      trashed,
    ])
    expect(await members()).toEqual([first, third, second])
    await here.db.query('update album_photos set photo = $2 where photo = $1', [second, another.id])
    expect(await members()).toEqual([first, third])
  })
})

describe('an album of many photos', () => {
  const count = 5_000
  beforeEach(async () => {
    await here.db.query(
      `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, shown_at, state, renditions, recipe)
       select substr(md5($1 || n), 1, 26), $1, $2, sha256(($1 || n)::bytea), 1, now(), timestamp '2020-01-01' + n * interval '1 minute',
         'ready', '{256.webp}', 1
       from generate_series(1, $3::int) n`,
      [ana.person, ana.epoch, count],
    )
    const sql = 'insert into album_photos (album, photo, added_at) select $1, id, now() from photos where person = $2'
    await here.db.query(sql, [album, ana.person])
    await here.db.query('analyze photos')
    await here.db.query('analyze album_photos')
  })

  /** Rows of these tables that the transaction's connection has read so far, by Postgres's own count. */
  async function readSoFar(tx: Queryable, tables: readonly string[]): Promise<number> {
    const [row] = await tx.query<{ rows: number }>(
      `select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint as rows
       from pg_stat_xact_user_tables where relname = any($1)`,
      [tables],
    )
    return row?.rows ?? Number.NaN
  }

  /** Runs transactions, and notes of each how many rows of these tables it has read. */
  function countingReads(tables: readonly string[]): { db: Database; reads: number[] } {
    const reads: number[] = []
    const transaction: Database['transaction'] = fn =>
      here.db.transaction(async tx => {
        const before = await readSoFar(tx, tables)
        const value = await fn(tx)
        reads.push((await readSoFar(tx, tables)) - before)
        return value
      })
    return { db: { ...here.db, transaction }, reads }
  }

  test('is listed without a look at any of them', async () => {
    const { db, reads } = countingReads(['photos'])
    const [listed] = await db.transaction(tx => listAlbums(tx, ana))
    expect(listed).toMatchObject({ photos: count, cover: expect.any(String) })
    expect(reads).toEqual([0])
  })

  test('is paged without a look at more than the page, at its start and in its middle', async () => {
    const { db, reads } = countingReads(['photos', 'album_photos'])
    const after = { shownAt: '2020-01-02T12:00:00', id: newId() }
    for (const page of [{ limit: 10 }, { limit: 10, after }]) {
      expect((await db.transaction(tx => listAlbum(tx, ana, album, page))).id).toHaveLength(10)
      // Of both tables together, and what is on the way to them.
      expect(reads.pop()).toBeLessThan(100)
    }
  })

  test('is renamed with none of them looked at while its owner’s feed is locked', async () => {
    const { db, reads } = countingReads(['photos', 'album_photos'])
    const { album: renamed } = await putAlbum(db, ana, { id: album, name: 'Lake', now: now() })
    expect(renamed).toMatchObject({ name: 'Lake', photos: count, cover: expect.any(String) })
    expect(reads).toEqual([0])
  })
})

test('who throws photos away, edits them or sends more, and who changes their albums at once: each is done at the first try', async () => {
  const ids = await addMembers(12)
  let tries = 0
  let asked = 0
  const counting: Database = {
    ...here.db,
    transaction: fn => {
      asked += 1
      return here.db.transaction(tx => {
        tries += 1
        return fn(tx)
      })
    },
  }
  const each = async (work: (round: number) => Promise<unknown>) => {
    for (let round = 0; round < 15; round++) await work(round)
  }
  const some = (round: number) => ids.filter((_, index) => (index + round) % 3 !== 0)
  await Promise.all([
    each(round => trashPhotos(counting, ana, { photos: some(round), now: now() })),
    each(round => takeOutOfTrash(counting, ana, { photos: some(round).toReversed(), now: now() })),
    each(round => addToAlbum(counting, ana, { album, photos: some(round).toReversed(), now: now() })),
    each(round => removeFromAlbum(counting, ana, { album, photos: some(round + 1), now: now() })),
    each(round => {
      const takenAt = `2024-01-${10 + round}T00:00:00`
      return editPhoto(counting, ana, { photo: ids[round % ids.length] ?? '', edit: { takenAt }, now: now() })
    }),
    each(async round => {
      const id = newId()
      await putAlbum(counting, ana, { id, name: 'Short', now: now() })
      await addToAlbum(counting, ana, { album: id, photos: some(round), now: now() })
      await deleteAlbum(counting, ana, id, now())
    }),
    each(() => send(here, ana)),
  ])
  await expectInStep()
  expect(tries).toBe(asked)
  expect(asked).toBeGreaterThan(100)
})
