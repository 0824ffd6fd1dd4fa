/**
 * Goal: what its owner says of a photo is kept, goes before what the file says, however often a worker looks at it, moves it in the timeline,
 * is told in the feed once, and can be taken back; wrong words change nothing.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { recipe } from '../../src/core/renditions.js'
import { recordSidecar } from '../../src/library/sidecars-sql.js'
import { recordReady, recordVerdict } from '../../src/library/work-sql.js'
import { addPhoto, readProblem, startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { beginWork, changesOf, post, readyWith, sentPhoto, shownOf } from './trash-scene.js'

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

const patch = (path: string, json: unknown, { token } = ana) => here.ask('PATCH', path, { token, json })
const edit = async (photo: string, json: object) => (await patch(`/v1/photos/${photo}`, json)).json()
const mark = async (json: object, who = ana) => (await patch('/v1/photos', json, who)).json()
const get = async (photo: string, { token } = ana) => (await here.ask('GET', `/v1/photos/${photo}`, { token })).json()
const jobsOf = async (photo: string) =>
  (await here.db.query(`select id from outbox where job = 'thumbnail' and data->>'photo' = $1`, [photo])).length

const file = { takenAt: '2020-01-02T03:04:05', takenOffsetMinutes: 60, rating: 1, description: 'of the file' }
const mine = { takenAt: '2021-06-07T08:09:10', takenOffsetMinutes: -120, rating: 5, description: 'mine' }

/** A photo whose file says `file`, looked at by a worker. */
async function looked(): Promise<string> {
  const photo = await sentPhoto(here, ana)
  await look(photo)
  return photo
}

const look = async (photo: string) =>
  recordReady(here.db, await beginWork(here, photo), readyWith(file), here.clock.now())

test('an edit answers with the photo, is told once, and the same again is not', async () => {
  const photo = await looked()
  const before = (await changesOf(here, ana)).length
  const edited = await edit(photo, { ...mine, favourite: true })
  expect(edited).toMatchObject({ ...mine, id: photo, favourite: true, archived: false, shownAt: mine.takenAt })
  expect(await get(photo)).toEqual(edited)
  expect(await edit(photo, { ...mine, favourite: true })).toEqual(edited)
  expect((await changesOf(here, ana)).slice(before)).toEqual([`edited ${photo}`])
  expect(here.signalled).toEqual([`feed ${ana.person}`])
})

describe('the owner’s word goes before the file’s', () => {
  test('when a worker looks again', async () => {
    const photo = await looked()
    await edit(photo, mine)
    await here.db.query('update photos set recipe = -recipe where id = $1', [photo])
    await look(photo)
    expect(await get(photo)).toMatchObject({ ...mine, shownAt: mine.takenAt })
  })

  test('when it was written before a worker had looked, or while one did', async () => {
    const photo = await sentPhoto(here, ana)
    await edit(photo, { rating: 4 })
    const work = await beginWork(here, photo)
    await edit(photo, { takenAt: mine.takenAt, description: '' })
    await recordReady(here.db, work, readyWith(file), here.clock.now())
    expect(await get(photo)).toMatchObject({
      takenAt: mine.takenAt,
      shownAt: mine.takenAt,
      takenOffsetMinutes: file.takenOffsetMinutes,
      rating: 4,
      description: null,
    })
  })

  test('until it is taken back: then the file is looked at again', async () => {
    const photo = await looked()
    await edit(photo, mine)
    expect(await jobsOf(photo)).toBe(1)
    here.signalled.length = 0
    const none = { takenAt: null, takenOffsetMinutes: null, rating: null, description: null }
    expect(await edit(photo, none)).toMatchObject({ ...none, shownAt: '2025-06-01T12:00:00', renditions: ['256.webp'] })
    expect(await jobsOf(photo)).toBe(2)
    expect(here.signalled).toEqual([`feed ${ana.person}`, 'outbox '])
    await look(photo)
    expect(await get(photo)).toMatchObject({ ...file, shownAt: file.takenAt })
    const [row] = await here.db.query('select recipe, edits from photos where id = $1', [photo])
    expect(row).toEqual({ recipe, edits: {} })
  })

  test.each(['stored', 'ready', 'unreadable'] as const)(
    'until it is taken back: then it is at once what a sidecar says, of a photo that is %s',
    async state => {
      const photo = state === 'ready' ? await looked() : await sentPhoto(here, ana)
      if (state === 'unreadable') {
        const verdict = { state, reason: 'No picture', verified: true, lost: false, mediaType: null }
        await recordVerdict(here.db, await beginWork(here, photo), verdict, here.clock.now())
      }
      const sidecar = await sentPhoto(here, ana, { partOf: { photo, role: 'sidecar' } })
      const facts = { rating: 3, description: 'of the sidecar', latitude: null, longitude: null }
      const read = { facts, mediaType: 'application/rdf+xml', recipe }
      await recordSidecar(here.db, { ...ana, id: sidecar }, read, here.clock.now())
      await edit(photo, mine)
      expect(await edit(photo, { rating: null })).toMatchObject({ rating: 3, description: mine.description })
      const none = { rating: null, description: null }
      expect(await edit(photo, none)).toMatchObject({ rating: 3, description: 'of the sidecar' })
    },
  )

  test('and what was never written can’t be taken back', async () => {
    const photo = await looked()
    const before = await changesOf(here, ana)
    expect(await edit(photo, { rating: null, takenAt: null })).toMatchObject(file)
    expect(await changesOf(here, ana)).toEqual(before)
    expect(await jobsOf(photo)).toBe(1)
  })
})

test('an edit of the time moves the photo to its month, one of the archive takes it out of the timeline', async () => {
  const photo = await looked()
  const { id: other } = await addPhoto(here, ana, { shownAt: '2025-06-01T12:00:00' })
  await edit(photo, { takenAt: '1999-12-31T23:59' })
  const { sections } = (await (await here.ask('GET', '/v1/timeline', { token: ana.token })).json()) as {
    sections: object[]
  }
  expect(sections).toEqual([
    { id: '2025-06', count: 1 },
    { id: '1999-12', count: 1 },
  ])
  await edit(photo, { archived: true })
  expect(await shownOf(here, ana)).toEqual([other])
  await edit(photo, { archived: false })
  expect(await shownOf(here, ana)).toEqual([other, photo].toSorted())
})

test('words are kept as they are written, but for what can’t be seen', async () => {
  const photo = await looked()
  const description = ' Zoë\u0000\ud800 👩‍👩‍👧\r\nand a second line\u0007 '
  expect(await edit(photo, { description })).toMatchObject({ description: 'Zoë 👩‍👩‍👧\nand a second line' })
})

describe('many at once', () => {
  test('are marked, those that it is new to are told, and others are passed over', async () => {
    const ben = await here.addPerson()
    const photos = [await looked(), await looked(), await looked()].toSorted()
    const half = await sentPhoto(here, ana, { partOf: { photo: photos[0] as string, role: 'motion' } })
    const { id: bens } = await addPhoto(here, ben)
    await mark({ photos: photos.slice(0, 1), favourite: true })
    const before = (await changesOf(here, ana)).length
    const asked = [...photos, bens, half, newId()]
    expect(await mark({ photos: asked, favourite: true })).toEqual({ edited: 2 })
    expect(await mark({ photos: asked, favourite: true })).toEqual({ edited: 0 })
    expect((await changesOf(here, ana)).slice(before)).toEqual(photos.slice(1).map(id => `edited ${id}`))
    expect(await mark({ photos: asked, archived: true, favourite: false })).toEqual({ edited: 3 })
    expect(await get(photos[0] as string)).toMatchObject({ favourite: false, archived: true })
    expect(await get(bens, ben)).toMatchObject({ favourite: false, archived: false })
    expect(await get(half)).toMatchObject({ favourite: false })
    expect(await changesOf(here, ben)).toEqual([])
  })

  test('keep what each of two that mark at once has said', async () => {
    const photos = await Promise.all(Array.from({ length: 20 }, looked))
    const marks = [{ favourite: true }, { archived: true }].flatMap(say => [
      { photos, ...say },
      { photos: photos.toReversed(), ...say },
    ])
    await Promise.all(marks.map(say => mark(say)))
    for (const photo of photos) expect(await get(photo)).toMatchObject({ favourite: true, archived: true })
    const edits = (await changesOf(here, ana)).filter(change => change.startsWith('edited'))
    expect(edits).toHaveLength(40)
  })
})

test('what is in the trash can be edited, and stays there', async () => {
  const photo = await looked()
  await post(here, ana, '/v1/photos/trash', { photos: [photo] })
  expect(await edit(photo, { rating: 3 })).toMatchObject({ rating: 3, trashedAt: expect.any(String) })
})

test('another person’s photo is not there, and a part is told to be one', async () => {
  const ben = await here.addPerson()
  const photo = await looked()
  const half = await sentPhoto(here, ana, { partOf: { photo, role: 'motion' } })
  const before = await changesOf(here, ana)
  for (const id of [photo, newId(), 'nonsense']) {
    const response = await patch(`/v1/photos/${id}`, { rating: 1 }, ben)
    expect(await readProblem(response)).toMatchObject({ status: 404, kind: 'not_found' })
  }
  expect(await readProblem(await patch(`/v1/photos/${half}`, { rating: 1 }))).toMatchObject({ status: 409 })
  expect(await changesOf(here, ana)).toEqual(before)
})

const fine = newId()
test.each([
  ['', 'must say favourite or archived', { photos: [fine] }],
  ['', 'favourite must be true or false', { photos: [fine], favourite: null }],
  ['', 'photos is missing', { favourite: true }],
  ['', 'at most 1000 entries', { photos: Array(1_001).fill(fine), favourite: true }],
  ['', 'has a field that is not known here', { photos: [fine], favourite: true, archive: true }],
  ['', 'has a field that is not known here', { photos: [fine], favourite: true, rating: 5 }],
  ['/ID', 'has a field that is not known here', { rating: 5, favorite: true }],
  ['/ID', 'must say what to change', {}],
  ['/ID', 'Send a JSON object', []],
  ['/ID', 'favourite must be true or false', { favourite: 'yes' }],
  ['/ID', 'rating must be at most 5', { rating: 6 }],
  ['/ID', 'rating must be a whole number', { rating: 1.5 }],
  ['/ID', 'description must be text', { description: 7 }],
  ['/ID', 'description must have at most 2000 characters', { description: 'x'.repeat(2_001) }],
  ['/ID', 'takenOffsetMinutes must be at most 840', { takenOffsetMinutes: 841 }],
  ['/ID', 'takenAt must be a date and time', { takenAt: '2025-02-30T00:00:00' }],
  ['/ID', 'takenAt must be a date and time', { takenAt: '2025-02-14T24:00:00' }],
  ['/ID', 'takenAt must be a date and time', { takenAt: '2025-02-14T00:00:00Z' }],
  ['/ID', 'takenAt must be a date and time', { takenAt: '1825-02-14T00:00:00' }],
  ['/ID', 'takenAt must be a date and time', { takenAt: '2025-02-14' }],
  ['/ID', 'takenAt must be a date and time', { rating: 3, takenAt: 'yesterday' }],
])('PATCH /v1/photos%s that is wrong is told so (%s), and changes nothing', async (path, detail, json) => {
  const photo = await looked()
  const before = await changesOf(here, ana)
  const problem = await readProblem(await patch(`/v1/photos${path.replace('ID', photo)}`, json))
  expect(problem).toMatchObject({ status: 400, kind: 'invalid', detail: expect.stringContaining(detail) })
  expect(await get(photo)).toMatchObject(file)
  expect(await changesOf(here, ana)).toEqual(before)
})
