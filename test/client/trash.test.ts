/**
 * Goal: the SDK speaks of the trash as the server does, and an emptying of it deletes what was there when it was asked for, however often
 * the request has to go out.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { type FeedApi, makeFeedApi, type TrashPage } from '../../src/client/index.js'
import { addPhoto, startRegion, type TestPerson, type TestRegion } from '../http/region.js'

let here: TestRegion
let ana: TestPerson
let api: FeedApi
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
  api = makeFeedApi({ server: here.url, token: ana.token, attemptsMax: 1 })
})

/** So many photos, each thrown away a millisecond after the one before; the last comes first. */
async function thrownAway(count: number): Promise<string[]> {
  const photos: string[] = []
  for (let number = 0; number < count; number++) {
    const { id } = await addPhoto(here, ana, number % 2 === 0 ? {} : { state: 'unreadable' })
    here.clock.advance(1)
    await api.trash([id])
    photos.unshift(id)
  }
  return photos
}

const photosLeft = async () =>
  (await here.db.query<{ id: string }>('select id from photos where person = $1 order by id', [ana.person])).map(
    ({ id }) => id,
  )

/** Passes requests on; of those to `path` the first `count` answers are lost, after `meanwhile` was done. */
async function startLossyFront(path: string, count: number, meanwhile: () => Promise<unknown>) {
  const bodies: string[] = []
  const front = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const isOurs = request.url === path
    if (isOurs) bodies.push(body.toString())
    const answer = await fetch(here.url + request.url, {
      method: request.method ?? 'GET',
      headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
      ...(body.length > 0 && { body }),
    })
    const text = await answer.text()
    if (!isOurs || bodies.length > count) return response.writeHead(answer.status).end(text)
    await meanwhile()
    return request.socket.destroy()
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  onTestFinished(() => {
    front.closeAllConnections()
    front.close()
  })
  return { url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`, bodies }
}

test('it lists what the server has in the trash, page by page', async () => {
  const photos = await thrownAway(5)
  const pages: TrashPage[] = []
  for (let cursor: string | undefined; pages.length === 0 || cursor !== undefined; ) {
    const page = await api.trashed(cursor, 2)
    pages.push(page)
    cursor = page.cursor ?? undefined
  }
  expect(pages.map(page => page.photos.map(({ id }) => id))).toEqual([
    photos.slice(0, 2),
    photos.slice(2, 4),
    photos.slice(4),
  ])
  expect(await api.trashed()).toEqual({ photos: pages.flatMap(page => page.photos), cursor: null })
  expect(pages[0]?.photos.map(({ thumbnail }) => thumbnail)).toEqual([true, false])
})

test('it deletes some, or all, and says how many', async () => {
  const [first = '', ...others] = await thrownAway(4)
  const { id: kept } = await addPhoto(here, ana)
  expect(await api.emptyTrash([])).toBe(0)
  expect(await api.emptyTrash([first, kept])).toBe(1)
  expect(await photosLeft()).toEqual([kept, ...others].toSorted())
  expect(await api.emptyTrash({ all: true })).toBe(3)
  expect(await photosLeft()).toEqual([kept])
  expect(await api.emptyTrash({ all: true })).toBe(0)
})

test('what was thrown away after the owner was shown the trash stays', async () => {
  const shown = await thrownAway(2)
  const { photos } = await api.trashed()
  const [late] = await thrownAway(1)
  const before = photos[0]?.trashedAt ?? ''
  expect(await api.emptyTrash({ all: true, before })).toBe(shown.length)
  expect(await photosLeft()).toEqual([late])
})

test('an attempt whose answer was lost deletes nothing more when it is made again', async () => {
  await thrownAway(3)
  const late: string[] = []
  const front = await startLossyFront('/v1/trash/empty', 2, async () => late.push(...(await thrownAway(1))))
  const patient = makeFeedApi({ server: front.url, token: ana.token, firstDelayMs: 10 })
  await patient.emptyTrash({ all: true })
  expect(front.bodies).toHaveLength(3)
  expect(new Set(front.bodies).size).toBe(1)
  expect(await photosLeft()).toEqual(late.toSorted())
})

test.each([undefined, null, {}, { al: true }, { all: false }, { before: '2025-06-01T12:00:00Z' }])(
  'a caller without types who says %o deletes nothing',
  async what => {
    const photos = await thrownAway(1)
    await api.emptyTrash(what as never).catch(() => {})
    expect(await photosLeft()).toEqual(photos)
  },
)
