/** Goal: the timeline, newest first: months, and pages that lose and repeat nothing, also when moments are equal. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import type { TimelinePage } from '../../src/library/timeline.js'
import { parseTimelineCursor } from '../../src/library/timeline.js'
import { addPhoto, readProblem, startRegion, type TestPerson, type TestRegion } from './region.js'

let here: TestRegion
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())

const getPage = async ({ token }: TestPerson, path: string): Promise<TimelinePage> =>
  (await here.ask('GET', `/v1/timeline/${path}`, { token })).json() as Promise<TimelinePage>

test('sections are months that have photos, newest first', async () => {
  const [ana, ben] = [await here.addPerson(), await here.addPerson()]
  const moments = ['2024-12-31T23:59:59.999999', '2025-01-01T00:00:00', '2025-01-31T23:59:59', '1999-06-15T12:00:00']
  for (const shownAt of moments) await addPhoto(here, ana, { shownAt })
  await addPhoto(here, ben, { shownAt: '2025-03-01T00:00:00' })
  const response = await here.ask('GET', '/v1/timeline', { token: ana.token })
  expect(await response.json()).toEqual({
    sections: [
      { id: '2025-01', count: 2 },
      { id: '2024-12', count: 1 },
      { id: '1999-06', count: 1 },
    ],
    total: 4,
  })
})

test('pages follow each other over equal moments and fractions, and stay in their month', async () => {
  const ana = await here.addPerson()
  const expected: { id: string; shownAt: string }[] = []
  const moments = ['2025-02-01T00:00:00', '2025-02-14T08:00:00', '2025-02-14T08:00:00.5', '2025-02-28T23:59:59.999999']
  for (const shownAt of moments) {
    for (let i = 0; i < 5; i++) expected.push({ id: (await addPhoto(here, ana, { shownAt })).id, shownAt })
  }
  for (const shownAt of ['2025-01-31T23:59:59.999999', '2025-03-01T00:00:00']) await addPhoto(here, ana, { shownAt })
  const key = (photo: { id: string; shownAt: string }) => `${photo.shownAt.padEnd(26, ' ')} ${photo.id}`
  expected.sort((a, b) => (key(a) < key(b) ? 1 : -1))

  for (const limit of [1, 3, 7, 20, 1000]) {
    const seen: string[] = []
    let query = `?limit=${limit}`
    for (let pages = 0; pages < 30; pages++) {
      const page = await getPage(ana, `2025-02${query}`)
      seen.push(...page.id)
      if (page.cursor === null) break
      expect(page.id).toHaveLength(limit)
      query = `?limit=${limit}&cursor=${encodeURIComponent(page.cursor)}`
    }
    expect(seen, `in pages of ${limit}`).toEqual(expected.map(({ id }) => id))
  }
})

test('columns are of equal length and hold what a viewer needs first', async () => {
  const ana = await here.addPerson()
  const older = await addPhoto(here, ana, { shownAt: '2025-04-01T10:00:00', state: 'unreadable', fileName: null })
  const newer = await addPhoto(here, ana, { shownAt: '2025-04-02T10:00:00.25' })
  const film = await addPhoto(here, ana, { shownAt: '2025-04-02T09:00:00', renditions: [] })
  const moving = await addPhoto(here, ana, {
    shownAt: '2025-04-02T08:00:00',
    renditions: ['256.webp', 'animated.webp'],
  })
  const living = await addPhoto(here, ana, { shownAt: '2025-04-02T07:00:00' })
  const half = await addPhoto(here, ana, { shownAt: '2025-04-02T07:00:01', renditions: [] })
  await here.db.query(
    `update photos set width = 40, height = 30, thumbhash = '\\x0102fe', kind = 'picture', motion = '{"offset": 1}' where id = $1`,
    [newer.id],
  )
  await here.db.query(
    `update photos set kind = 'video', duration_ms = 12345, reason = 'It has no picture' where id = $1`,
    [film.id],
  )
  await here.db.query(`update photos set live = 'L' where id = $1`, [living.id])
  await here.db.query(`update photos set live = 'L', part_of = $2, role = 'motion' where id = $1`, [half.id, living.id])
  expect(await getPage(ana, '2025-04')).toEqual({
    id: [newer.id, film.id, moving.id, living.id, older.id],
    shownAt: [
      '2025-04-02T10:00:00.25',
      '2025-04-02T09:00:00',
      '2025-04-02T08:00:00',
      '2025-04-02T07:00:00',
      '2025-04-01T10:00:00',
    ],
    width: [40, null, null, null, null],
    height: [30, null, null, null, null],
    state: ['ready', 'ready', 'ready', 'ready', 'unreadable'],
    thumbhash: ['AQL+', null, null, null, null],
    reason: [null, 'It has no picture', null, null, expect.any(String)],
    kind: ['picture', 'video', null, null, null],
    durationMs: [null, 12_345, null, null, null],
    thumbnail: [true, false, true, true, false],
    motion: [true, false, false, true, false],
    animated: [false, false, true, false, false],
    renditionVersion: ['1', '1', '1', '1', null],
    fileName: ['IMG_1.jpg', 'IMG_1.jpg', 'IMG_1.jpg', 'IMG_1.jpg', null],
    cursor: null,
  })
  const { sections } = (await (await here.ask('GET', '/v1/timeline', { token: ana.token })).json()) as {
    sections: object[]
  }
  expect(sections, 'the moving half of a picture is no photo of its own').toEqual([{ id: '2025-04', count: 5 }])
  expect(await getPage(ana, '2025-05')).toMatchObject({ id: [], cursor: null })
  expect(await getPage(ana, '9999-12')).toMatchObject({ id: [], cursor: null })
})

test.each(['2025', '2025-13', '2025-00', '0000-01', '02025-01', 'x', '2025-06%00'])(
  'the section %s is not there',
  async section => {
    const { token } = await here.addPerson()
    expect(await readProblem(await here.ask('GET', `/v1/timeline/${section}`, { token }))).toMatchObject({
      status: 404,
    })
  },
)

const id = newId()
test.each([
  'x',
  id,
  `2025-02-30T00:00:00~${id}`,
  `2025-02-14T24:00:00~${id}`,
  `0000-01-01T00:00:00~${id}`,
  `2025-02-14T08:00:00.1234567~${id}`,
  `2025-02-14T08:00:00~${id}x`,
  `2025-02-14T08:00:00Z~${id}`,
])('%s is no cursor', async cursor => {
  expect(parseTimelineCursor(cursor)).toBeUndefined()
  const { token } = await here.addPerson()
  const response = await here.ask('GET', `/v1/timeline/2025-02?cursor=${encodeURIComponent(cursor)}`, { token })
  expect(await readProblem(response)).toMatchObject({ status: 400, kind: 'invalid' })
})
