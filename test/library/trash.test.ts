/**
 * Goal: what its owner throws away is out of sight with its parts, can be had back or deleted for good, and every step is told in the feed
 * once; nobody's else is touched, and what is asked for again or wrongly changes nothing.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { limits } from '../../src/core/limits.js'
import type { Database } from '../../src/db/database.js'
import { deleteTrashed, takeOutOfTrash, trashPhotos } from '../../src/library/trash/trash.js'
import { recordReady } from '../../src/library/work-sql.js'
import { addPhoto, readProblem, startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { storePhotos } from '../queue/stored-photos.js'
import { all, beginWork, changesOf, readyWith, send, sentPhoto, shownOf, trashOf } from './trash-scene.js'

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

const { trash, restore, empty } = trashOf(
  () => here,
  () => ana,
)
const get = async (path: string) => (await here.ask('GET', path, { token: ana.token })).json()

interface TrashPage {
  photos: { id: string; trashedAt: string; expiresAt: string; sizeBytes: number }[]
  cursor: string | null
}

test('a photo goes into the trash and comes back with its parts, and each row is told once', async () => {
  const photo = await sentPhoto(here, ana)
  const half = await sentPhoto(here, ana, { partOf: { photo, role: 'motion' } })
  const other = await sentPhoto(here, ana)
  const before = await changesOf(here, ana)
  expect(await trash([photo])).toEqual({ trashed: 1 })
  expect(await trash([photo])).toEqual({ trashed: 0 })
  expect(await shownOf(here, ana)).toEqual([other])
  const both = [photo, half].toSorted()
  const trashed = both.map(id => `trashed ${id}`)
  expect((await changesOf(here, ana)).slice(before.length)).toEqual(trashed)
  expect(await restore([photo])).toEqual({ restored: 1 })
  expect(await restore([photo])).toEqual({ restored: 0 })
  expect(await shownOf(here, ana)).toEqual([other, photo].toSorted())
  const restored = both.map(id => `restored ${id}`)
  expect((await changesOf(here, ana)).slice(before.length)).toEqual([...trashed, ...restored])
  expect(here.signalled).toEqual([`feed ${ana.person}`, `feed ${ana.person}`])
})

test('a part that comes to a photo in the trash lies there with it', async () => {
  const photo = await sentPhoto(here, ana)
  await trash([photo])
  const half = await sentPhoto(here, ana, { partOf: { photo, role: 'motion' } })
  expect(await shownOf(here, ana)).toEqual([])
  expect(await get(`/v1/photos/${half}`)).toMatchObject({ trashedAt: here.clock.now().toISOString() })
  expect(await restore([photo])).toEqual({ restored: 1 })
  expect(await get(`/v1/photos/${half}`)).toMatchObject({ trashedAt: null })
})

test('the trash is listed newest first, in pages, with what it can be shown by and when it ends', async () => {
  const photos: string[] = []
  for (let i = 0; i < 5; i++) {
    photos.unshift(await sentPhoto(here, ana))
    await trash(photos.slice(0, 1))
    if (i % 2 === 0) here.clock.advance(1_000)
  }
  await sentPhoto(here, ana, { partOf: { photo: photos[0] as string, role: 'motion' } })
  const whole = (await get('/v1/trash')) as TrashPage
  expect(whole.photos.map(({ id }) => id).toSorted()).toEqual(photos.toSorted())
  expect(whole.photos.map(({ trashedAt }) => trashedAt)).toEqual(
    whole.photos
      .map(({ trashedAt }) => trashedAt)
      .toSorted()
      .reverse(),
  )
  const first = whole.photos.find(({ id }) => id === photos[0])
  expect(first).toMatchObject({ fileName: 'IMG_1.jpg', thumbnail: false, thumbhash: null, sizeBytes: 32 })
  const lifetimeMs = Date.parse(first?.expiresAt ?? '') - Date.parse(first?.trashedAt ?? '')
  expect(lifetimeMs).toBe(limits.trashLifetimeMs)
  const paged: string[] = []
  for (let query = '?limit=2'; query !== ''; ) {
    const page = (await get(`/v1/trash${query}`)) as TrashPage
    paged.push(...page.photos.map(({ id }) => id))
    query = page.cursor === null ? '' : `?limit=2&cursor=${encodeURIComponent(page.cursor)}`
  }
  expect(paged).toEqual(whole.photos.map(({ id }) => id))
})

test('what is in the trash can still be looked at, and counts as that alone', async () => {
  const { id, content } = await addPhoto(here, ana)
  await addPhoto(here, ana, { state: 'unreadable' })
  await trash([id])
  const { token } = ana
  expect((await here.ask('GET', `/v1/photos/${id}/renditions/256.webp`, { token })).status).toBe(200)
  const original = await here.ask('GET', `/v1/photos/${id}/original`, { token })
  expect(Buffer.from(await original.arrayBuffer())).toEqual(content)
  expect(await get('/v1/me')).toMatchObject({ photos: 1, parts: 0, unreadable: 1, trashed: 1, waiting: 0 })
})

test('1,000 photos take as few statements as one', async () => {
  const photos = await storePhotos(here, ana, 1_001)
  let statements = 0
  const counting: Database = {
    ...here.db,
    transaction: work =>
      here.db.transaction(tx =>
        work({
          query: (sql, values) => {
            statements += 1
            return tx.query(sql, values)
          },
        }),
      ),
  }
  const counted = async (step: typeof trashPhotos | typeof deleteTrashed, some: readonly string[]) => {
    statements = 0
    expect(await step(counting, ana, { photos: some, now: here.clock.now() })).toBe(some.length)
    return statements
  }
  for (const step of [trashPhotos, takeOutOfTrash, trashPhotos, deleteTrashed]) {
    const ofOne = await counted(step, photos.slice(0, 1))
    expect(await counted(step, photos.slice(1))).toBe(ofOne)
    expect(ofOne).toBeLessThanOrEqual(6)
  }
})

describe('nobody else’s', () => {
  test('photos are touched, whatever is asked', async () => {
    const ben = await here.addPerson()
    const bens = trashOf(
      () => here,
      () => ben,
    )
    const { id, sha256 } = await addPhoto(here, ana)
    const gone = (await addPhoto(here, ana)).id
    await trash([gone])
    const before = await changesOf(here, ana)
    expect(await bens.trash([id])).toEqual({ trashed: 0 })
    expect(await bens.restore([gone])).toEqual({ restored: 0 })
    expect(await bens.empty([gone])).toEqual({ deleted: 0 })
    expect(await bens.empty(all)).toEqual({ deleted: 0 })
    expect(await changesOf(here, ana)).toEqual(before)
    expect(await changesOf(here, ben)).toEqual([])
    expect(await get(`/v1/photos/${id}`)).toMatchObject({ sha256, trashedAt: null })
    expect(((await get('/v1/trash')) as TrashPage).photos.map(photo => photo.id)).toEqual([gone])
  })
})

describe('a part by itself', () => {
  test('is neither trashed, nor restored, nor deleted', async () => {
    const photo = await sentPhoto(here, ana)
    const half = await sentPhoto(here, ana, { partOf: { photo, role: 'motion' } })
    expect(await trash([half])).toEqual({ trashed: 0 })
    await trash([photo])
    expect(await restore([half])).toEqual({ restored: 0 })
    expect(await empty([half])).toEqual({ deleted: 0 })
    expect(await get(`/v1/photos/${half}`)).toMatchObject({ trashedAt: here.clock.now().toISOString() })
  })
})

describe('a moving half that is told by its file', () => {
  const halves = async () => {
    const [picture, video] = [await sentPhoto(here, ana), await sentPhoto(here, ana)]
    const [a, b] = [await beginWork(here, picture), await beginWork(here, video)]
    const record = {
      picture: () => recordReady(here.db, a, readyWith({ live: 'L' }), here.clock.now()),
      video: () => recordReady(here.db, b, readyWith({ live: 'L' }, 'video'), here.clock.now()),
    }
    return { picture, video, record }
  }

  test('goes into the trash with its picture, also when that was thrown away before', async () => {
    const { picture, video, record } = await halves()
    await record.picture()
    await trash([picture])
    await record.video()
    expect(await shownOf(here, ana)).toEqual([])
    await restore([picture])
    expect(await get(`/v1/photos/${video}`)).toMatchObject({ partOf: picture, trashedAt: null })
  })

  test('stays where it was thrown away by itself', async () => {
    const { picture, video, record } = await halves()
    await record.video()
    await trash([video])
    await record.picture()
    expect(await shownOf(here, ana)).toEqual([picture])
    expect(await get(`/v1/photos/${video}`)).toMatchObject({ partOf: null, trashedAt: expect.any(String) })
  })
})

test('a content that was deleted stays so for who asks for that, and comes back for others', async () => {
  const content = Buffer.from(newId())
  const photo = await sentPhoto(here, ana, { content })
  await trash([photo])
  expect(await send(here, ana, { content, keepDeleted: true })).toMatchObject({ photo, deleted: true })
  await empty(all)
  expect(await send(here, ana, { content, keepDeleted: true })).toMatchObject({ photo, deleted: true })
  expect(await shownOf(here, ana)).toEqual([])
  const again = await send(here, ana, { content })
  expect(again).toMatchObject({ duplicate: false, deleted: false })
  expect(await shownOf(here, ana)).toEqual([again.photo])
})

const fine = newId()
test.each([
  ['trash', 'photos is missing', {}],
  ['trash', 'photos must be a list', { photos: 'x' }],
  ['trash', 'photos[0] must be the id of a photo', { photos: ['x'] }],
  ['trash', 'photos[1] must be text', { photos: [fine, null] }],
  ['restore', 'photos must have at most 1000 entries', { photos: Array(1_001).fill(fine) }],
  ['restore', 'The input has a field that is not known here', { photos: [fine], all: true }],
])('%s that is wrong is told so (%s), and changes nothing', async (what, detail, json) => {
  await trash([await sentPhoto(here, ana)])
  const before = await changesOf(here, ana)
  const problem = await readProblem(await here.ask('POST', `/v1/photos/${what}`, { token: ana.token, json }))
  expect(problem).toMatchObject({ status: 400, kind: 'invalid', detail })
  expect(await changesOf(here, ana)).toEqual(before)
})

test.each([
  'x',
  `2025-06-01T12:00:00.000Z`,
  `2025-06-01~${newId()}`,
  `2025-06-01T12:00:00.000Z~${newId()}~`,
  // Moments of JavaScript that the database doesn't know.
  `0000-01-01T00:00:00.000Z~${newId()}`,
  `-000001-01-01T00:00:00.000Z~${newId()}`,
  `-271821-04-20T00:00:00.000Z~${newId()}`,
  `+275760-09-13T00:00:00.000Z~${newId()}`,
])('%s is no cursor of the trash', async cursor => {
  const response = await here.ask('GET', `/v1/trash?cursor=${encodeURIComponent(cursor)}`, { token: ana.token })
  const detail = 'cursor is not a cursor of the trash. Send one as it was given, or none'
  expect(await readProblem(response)).toMatchObject({ status: 400, kind: 'invalid', detail })
})
