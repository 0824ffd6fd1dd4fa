/**
 * Goal: what is deleted for good is what its owner asked for and nothing else: these photos, or all that was in the trash when they asked,
 * never what comes there later; a mistake in the asking deletes nothing; and a tombstone keeps away no content that is here.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import type { Database } from '../../src/db/database.js'
import { checkContents } from '../../src/library/check/check.js'
import { emptyTrash, trashPhotos } from '../../src/library/trash/trash.js'
import { recordVerdict } from '../../src/library/work-sql.js'
import { addPhoto, readProblem, startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { storePhotos } from '../queue/stored-photos.js'
import { waitUntil } from '../support/wait-until.js'
import { all, beginWork, changesOf, send, sentPhoto, shownOf, trashOf } from './trash-scene.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
  here.signalled.length = 0
})

const { trash, restore, empty, remove } = trashOf(
  () => here,
  () => ana,
)
const idsOf = async (sql: string): Promise<string[]> =>
  (await here.db.query<{ id: string }>(sql, [ana.person])).map(({ id }) => id)
const stones = () => idsOf('select photo as id from tombstones where person = $1 order by photo')
const photosLeft = () => idsOf('select id from photos where person = $1 order by id')

describe('some', () => {
  test('go for good, tombstones and jobs stay, and what is not in the trash is passed over', async () => {
    const photo = await sentPhoto(here, ana)
    const half = await sentPhoto(here, ana, { partOf: { photo, role: 'motion' } })
    const [waiting, kept] = [await sentPhoto(here, ana), await sentPhoto(here, ana)]
    await trash([photo, waiting])
    const before = (await changesOf(here, ana)).length
    expect(await empty([photo, kept, newId()])).toEqual({ deleted: 1 })
    const both = [photo, half].toSorted()
    expect((await changesOf(here, ana)).slice(before)).toEqual(both.map(id => `deleted ${id}`))
    expect(await stones()).toEqual(both)
    const jobs = await here.db.query<{ photo: string }>(
      `select data->>'photo' as photo from outbox where job = 'purge' and data->>'photo' = any($1) order by 1`,
      [both],
    )
    expect(jobs.map(job => job.photo)).toEqual(both)
    expect((await here.ask('GET', `/v1/photos/${photo}`, { token: ana.token })).status).toBe(404)
    expect(await photosLeft()).toEqual([waiting, kept].toSorted())
    expect(here.signalled).toContain('outbox ')
    expect(await empty([photo])).toEqual({ deleted: 0 })
  })

  test('of none are none', async () => {
    const photo = await sentPhoto(here, ana)
    await trash([photo])
    expect(await empty([])).toEqual({ deleted: 0 })
    expect(await photosLeft()).toEqual([photo])
  })
})

describe('all', () => {
  test('of it, however much there is', async () => {
    const photos = await storePhotos(here, ana, 1_201)
    await trash(photos.slice(0, 1_000))
    await trash(photos.slice(1_000, 1_200))
    expect(await empty(all)).toEqual({ deleted: 1_200 })
    expect(await shownOf(here, ana)).toEqual(photos.slice(1_200))
    expect(await stones()).toHaveLength(1_200)
    const seqs = await here.db.query<{ seq: number }>('select seq from changes where person = $1 order by seq', [
      ana.person,
    ])
    expect(seqs.map(({ seq }) => seq)).toEqual(Array.from({ length: 2_400 }, (_, index) => index + 1))
    expect(await empty(all)).toEqual({ deleted: 0 })
  })

  test('is not what comes there while it is emptied, also when it was there before and was fetched out', async () => {
    const [late = '', ...early] = await storePhotos(here, ana, 701)
    await trash(early)
    const [back = ''] = early.toSorted()
    const now = here.clock.now()
    let batches = 0
    const interrupted: Database = {
      ...here.db,
      transaction: async work => {
        // The first batch, `back` among it, was chosen by now.
        if (++batches === 1) {
          await restore([back])
          here.clock.advance(1)
          await trash([late, back])
        }
        return here.db.transaction(work)
      },
    }
    expect(await emptyTrash(interrupted, ana, { now })).toBe(699)
    expect(batches).toBe(2)
    expect(await photosLeft()).toEqual([late, back].toSorted())
  })

  test('up to a moment is what was there by then, to the millisecond', async () => {
    const [first, second, third] = [await sentPhoto(here, ana), await sentPhoto(here, ana), await sentPhoto(here, ana)]
    await trash([first])
    here.clock.advance(1)
    await trash([second])
    const before = here.clock.now().toISOString()
    here.clock.advance(1)
    await trash([third])
    expect(await empty({ ...all, before: '2001-01-01T00:00:00Z' })).toEqual({ deleted: 0 })
    expect(await empty({ ...all, before: before.replace('Z', '+00:00') })).toEqual({ deleted: 2 })
    expect(await empty({ ...all, before })).toEqual({ deleted: 0 })
    expect(await photosLeft()).toEqual([third])
  })

  test('up to a moment that is yet to come is what is there now', async () => {
    const photos = await storePhotos(here, ana, 501)
    const [late = '', ...early] = photos
    await trash(early)
    const now = here.clock.now()
    here.clock.advance(1_000)
    await trashPhotos(here.db, ana, { photos: [late], now: here.clock.now() })
    expect(await emptyTrash(here.db, ana, { now, before: new Date(now.getTime() + 60_000) })).toBe(500)
    expect(await photosLeft()).toEqual([late])
  })
})

test('some up to a moment are those of them that were there by then', async () => {
  const [first, second] = [await sentPhoto(here, ana), await sentPhoto(here, ana)]
  await trash([first])
  const before = here.clock.now().toISOString()
  here.clock.advance(1)
  await trash([second])
  const response = await here.ask('POST', '/v1/trash/empty', {
    token: ana.token,
    json: { photos: [first, second], before },
  })
  expect(await response.json()).toEqual({ deleted: 1 })
  expect(await photosLeft()).toEqual([second])
})

const fine = newId()
const eitherOr = 'The input must say either photos or all, which is true'
const aMoment = 'before must be a date and time with its zone, such as 2025-06-01T12:30:00Z'
const unknown = 'The input has a field that is not known here'
test.each([
  ['nothing', {}, eitherOr],
  ['a misspelt list', { photo: [fine] }, `${unknown}; ${eitherOr}`],
  ['a misspelt field beside it', { all: true, befor: '2001-01-01T00:00:00Z' }, unknown],
  ['only a moment', { before: '2025-06-01T12:30:00Z' }, eitherOr],
  ['both', { photos: [fine], all: true }, eitherOr],
  ['not all', { all: false }, 'all must be true'],
  ['all in words', { all: 'true' }, 'all must be true'],
  ['no ids', { photos: [1] }, 'photos[0] must be text'],
  ['no list', { photos: null }, 'photos must be a list'],
  ['a list by itself', [], 'Send a JSON object, with Content-Type: application/json'],
  ['a moment without a zone', { all: true, before: '2025-06-01T12:30:00' }, aMoment],
  ['a moment that is none', { all: true, before: '2025-02-30T12:30:00Z' }, aMoment],
  ['a moment of no calendar', { all: true, before: '+275760-09-13T00:00:00Z' }, aMoment],
  ['a moment as a number', { all: true, before: 0 }, 'before must be text'],
])('%s deletes nothing, and is told what is wrong', async (_, json, detail) => {
  const photo = await sentPhoto(here, ana)
  await trash([photo])
  const problem = await readProblem(await here.ask('POST', '/v1/trash/empty', { token: ana.token, json }))
  expect(problem).toMatchObject({ status: 400, kind: 'invalid', detail })
  expect(await photosLeft()).toEqual([photo])
})

test('a moment of the year 0 is long ago', async () => {
  await trash([await sentPhoto(here, ana)])
  expect(await empty({ ...all, before: '0000-01-01T00:00:00Z' })).toEqual({ deleted: 0 })
})

describe('a damaged photo whose content came again', () => {
  const lose = async (photo: string) => {
    const verdict = { reason: 'The stored file is missing', verified: false, lost: true, mediaType: null }
    await recordVerdict(here.db, await beginWork(here, photo), { state: 'quarantined', ...verdict }, here.clock.now())
  }
  const check = async (content: Buffer) => {
    const { missing, deleted } = JSON.parse(
      await checkContents(here.db, ana, [createHash('sha256').update(content).digest('hex')]),
    ) as { missing: string[]; deleted: { photo: string }[] }
    return { missing: missing.length, deleted: deleted.map(({ photo }) => photo) }
  }
  const damaged = async () => {
    const content = Buffer.from(newId())
    const photo = await sentPhoto(here, ana, { content })
    await lose(photo)
    return { content, photo }
  }

  test('says nothing of the good one when it is deleted', async () => {
    const { content, photo } = await damaged()
    const again = await sentPhoto(here, ana, { content })
    await remove([photo])
    await lose(again)
    expect(await check(content)).toEqual({ missing: 1, deleted: [] })
    expect(await send(here, ana, { content, keepDeleted: true })).toMatchObject({ duplicate: false, deleted: false })
  })

  test('is deleted content when both are', async () => {
    const { content, photo } = await damaged()
    const again = await sentPhoto(here, ana, { content })
    await remove([photo, again])
    expect(await check(content)).toEqual({ missing: 0, deleted: [expect.any(String)] })
  })

  test.each(['the damaged one first', 'the good one first'])('is deleted content when both are, %s', async order => {
    const { content, photo } = await damaged()
    const again = await sentPhoto(here, ana, { content })
    const both = [photo, again]
    for (const id of order === 'the good one first' ? both.toReversed() : both) await remove([id])
    expect(await check(content)).toMatchObject({ missing: 0, deleted: [again] })
  })

  test('that was deleted before anybody saw to that is set right by the migration', async () => {
    const contents = ['here', 'gone', 'a sidecar', 'bens'].map(name => Buffer.from(`${name} ${newId()}`))
    const [good, gone, sidecar, bens] = contents as [Buffer, Buffer, Buffer, Buffer]
    const ben = await here.addPerson()
    const whole = await sentPhoto(here, ana, { content: good })
    await sentPhoto(here, ana, { content: sidecar, partOf: { photo: whole, role: 'sidecar' } })
    await sentPhoto(here, ben, { content: bens })
    for (const content of contents) {
      await here.db.query(
        `insert into tombstones (photo, person, epoch, sha256, deleted_at) values ($1, $2, $3, sha256($4), $5)`,
        [newId(), ana.person, ana.epoch, content, here.clock.now()],
      )
    }
    await here.db.query(await readFile('src/db/migrations/0003_trash.sql', 'utf8'))
    const stones = await here.db.query<{ lifted: boolean }>(
      `select lifted_at = deleted_at as lifted from tombstones join unnest($2::bytea[]) with ordinality as content (bytes, place)
         on sha256 = sha256(bytes) where person = $1 order by place`,
      [ana.person, [good, gone, sidecar, bens]],
    )
    expect(stones.map(({ lifted }) => lifted)).toEqual([true, null, null, null])
  })

  test('is deleted content when it did not come again, or only as a sidecar', async () => {
    const { content, photo } = await damaged()
    const whole = (await addPhoto(here, ana)).id
    await sentPhoto(here, ana, { content, partOf: { photo: whole, role: 'sidecar' } })
    await remove([photo])
    expect(await send(here, ana, { content, keepDeleted: true })).toMatchObject({ photo, deleted: true })
  })

  test('says nothing of one that comes at the same moment', async () => {
    const { content, photo } = await damaged()
    await trash([photo])
    let emptied: Promise<unknown> = Promise.resolve()
    await here.db.transaction(async tx => {
      await send({ ...here, db: { ...here.db, query: tx.query } }, ana, { content })
      emptied = empty([photo])
      const waits = async () =>
        (
          await here.db.query(
            `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          )
        ).length > 0
      await waitUntil(waits, { what: 'that it waits for the commit', deadlineMs: 30_000 })
    })
    await emptied
    const [stone] = await here.db.query<{ lifted: boolean }>(
      'select lifted_at is not null as lifted from tombstones where photo = $1',
      [photo],
    )
    expect(stone).toEqual({ lifted: true })
  })
})
