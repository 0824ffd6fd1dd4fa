/** Goal: albums hold what their owner puts there, whoever asks twice or at once; every step is in the feed; nobody meets another's. */
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { limits } from '../../src/core/limits.js'
import { readChanges } from '../../src/feed/changes.js'
import { makeReport } from '../../src/http/report.js'
import { buildHttp, closeHttp } from '../../src/http/server.js'
import { albumName, deleteAlbum, putAlbum } from '../../src/library/albums/albums.js'
import { albumRoutes } from '../../src/library/albums/routes.js'
import { openLog } from '../../src/observe/log.js'
import { makeMetrics } from '../../src/observe/metrics.js'
import { addPhoto, readProblem, startRegion, type TestPerson, type TestRegion } from '../http/region.js'

let here: TestRegion
let url: string
let close: () => Promise<void>
/** People whose feed was said to have moved. */
let published: string[] = []
beforeAll(async () => {
  here = await startRegion()
  const metrics = makeMetrics()
  const signals = { publish: async (_channel: string, person: string) => void published.push(person) }
  const app = await buildHttp({
    regionId: 'us-west-2',
    authenticate: here.accounts.authenticate,
    metrics,
    report: makeReport(openLog({ name: 'test', level: 'silent' }), metrics),
    newId,
    routes: [albumRoutes({ db: here.db, clock: here.clock, signals })],
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/v1/albums`
  close = () => closeHttp(app, { deadlineMs: 1_000 })
})
afterAll(async () => {
  await close()
  await here.close()
})

async function ask(person: TestPerson, method: string, path: string, json?: unknown) {
  const response = await fetch(url + path, {
    method,
    headers: {
      Authorization: `Bearer ${person.token}`,
      ...(json !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
  const text = response.status === 204 ? '' : await response.clone().text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text), response }
}

async function makeAlbum(person: TestPerson, name = 'Summer'): Promise<string> {
  const id = newId()
  expect((await ask(person, 'PUT', `/${id}`, { name })).status).toBe(201)
  return id
}

/** What was said in the feed, without the numbers. */
async function changesOf(person: TestPerson) {
  const { changes } = await readChanges(here.db, person, undefined)
  return changes.map(({ kind, photo, album, now }) => ({ kind, photo, album, now: JSON.parse(now) }))
}

const kindsOf = async (person: TestPerson) => (await changesOf(person)).map(({ kind }) => kind)

describe('an album', () => {
  test('is made once, renamed, listed and deleted; each is said in the feed', async () => {
    const ana = await here.addPerson()
    published = []
    const id = newId()
    const made = await ask(ana, 'PUT', `/${id}`, { name: '  Été à Łódź 🏖️ ' })
    const createdAt = here.clock.now().toISOString()
    const album = { id, name: 'Été à Łódź 🏖️', createdAt, photos: 0, cover: null }
    expect([made.status, made.body]).toEqual([201, album])
    const again = await ask(ana, 'PUT', `/${id}`, { name: 'Été à Łódź 🏖️' })
    expect([again.status, again.body]).toEqual([200, album])
    expect((await ask(ana, 'PUT', `/${id}`, { name: 'Winter' })).body).toEqual({ ...album, name: 'Winter' })
    expect((await ask(ana, 'GET', '')).body).toEqual({ albums: [{ ...album, name: 'Winter' }] })
    const now = { name: 'Winter', createdAt }
    const change = { kind: 'album', photo: null, album: id, now }
    expect(await changesOf(ana)).toEqual([change, change])
    expect((await ask(ana, 'DELETE', `/${id}`)).status).toBe(204)
    expect((await ask(ana, 'DELETE', `/${id}`)).status).toBe(204)
    expect((await ask(ana, 'GET', '')).body).toEqual({ albums: [] })
    expect(await kindsOf(ana)).toEqual(['album', 'album', 'album_deleted'])
    expect(published).toEqual([ana.person, ana.person, ana.person])
  })

  test('that was deleted is not made again by a late request', async () => {
    const ana = await here.addPerson()
    const id = await makeAlbum(ana)
    await ask(ana, 'DELETE', `/${id}`)
    const late = await ask(ana, 'PUT', `/${id}`, { name: 'Summer' })
    expect(await readProblem(late.response)).toMatchObject({ status: 410, kind: 'gone' })
    expect(await kindsOf(ana)).toEqual(['album', 'album_deleted'])
  })

  test('is nobody else’s', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    const id = await makeAlbum(ana)
    const mine = await addPhoto(here, ben)
    expect((await ask(ben, 'PUT', `/${id}`, { name: 'Mine' })).status).toBe(409)
    expect((await ask(ben, 'DELETE', `/${id}`)).status).toBe(204)
    expect((await ask(ben, 'GET', `/${id}/photos`)).status).toBe(404)
    expect((await ask(ben, 'POST', `/${id}/photos`, { photos: [mine.id] })).status).toBe(404)
    expect((await ask(ben, 'POST', `/${id}/photos/remove`, { photos: [mine.id] })).status).toBe(404)
    expect((await ask(ana, 'GET', '')).body.albums).toHaveLength(1)
    expect(await kindsOf(ben)).toEqual([])
  })

  test('has a limit to how many there are', async () => {
    const ana = await here.addPerson()
    await here.db.query(
      `insert into albums select lpad(i::text, 26, '0'), $1, 1, 'x', now() from generate_series(1, $2) as i`,
      [ana.person, limits.albumsPerPerson - 1],
    )
    await makeAlbum(ana)
    expect((await ask(ana, 'PUT', `/${newId()}`, { name: 'One more' })).status).toBe(413)
    expect((await ask(ana, 'GET', '')).body.albums).toHaveLength(limits.albumsPerPerson)
    await here.db.query('delete from albums where person = $1', [ana.person])
  })

  test('is not written while its owner moves', async () => {
    const ana = await here.addPerson()
    const id = await makeAlbum(ana)
    await here.db.query(`update placements set state = 'frozen' where person = $1`, [ana.person])
    expect((await ask(ana, 'PUT', `/${newId()}`, { name: 'x' })).status).toBe(503)
    expect((await ask(ana, 'DELETE', `/${id}`)).status).toBe(503)
    expect((await ask(ana, 'POST', `/${id}/photos`, { photos: [newId()] })).status).toBe(503)
    expect((await ask(ana, 'GET', '')).body.albums).toHaveLength(1)
  })
})

describe('its name', () => {
  test.each([
    ['a', 'a'],
    [' two words\t', 'two words'],
    ['עברית', 'עברית'],
    ['夏の旅行', '夏の旅行'],
    ['e\u0301', 'é'],
    ['👩‍👩‍👧', '👩‍👩‍👧'],
    ['😀'.repeat(limits.albumNameChars), '😀'.repeat(limits.albumNameChars)],
  ])('%j is kept as %j', (text, name) => expect(albumName(text)).toBe(name))

  test.each(['', '   ', 'a\nb', 'a\u0000b', 'a\u2028b', '\ud800', 'x'.repeat(limits.albumNameChars + 1)])(
    '%j is none',
    text => expect(albumName(text)).toBeUndefined(),
  )

  test.each([[{}], [{ name: 1 }], [{ name: ' ' }], [{ name: 'a\nb' }]])('%j is refused', async body => {
    const ana = await here.addPerson()
    expect((await ask(ana, 'PUT', `/${newId()}`, body)).status).toBe(400)
  })

  test('and its id are checked', async () => {
    const ana = await here.addPerson()
    expect((await ask(ana, 'PUT', '/nonsense', { name: 'x' })).status).toBe(400)
    expect((await ask(ana, 'DELETE', '/nonsense')).status).toBe(204)
    expect((await ask(ana, 'GET', '/nonsense/photos')).status).toBe(404)
    for (const odd of ['%00', '%20', 'a'.repeat(26).toUpperCase(), '%F0%9F%8F%96']) {
      expect((await ask(ana, 'DELETE', `/${odd}`)).status).toBe(204)
      expect((await ask(ana, 'PUT', `/${odd}`, { name: 'x' })).status).toBe(400)
      expect((await ask(ana, 'GET', `/${odd}/photos`)).status).toBe(404)
      expect((await ask(ana, 'POST', `/${odd}/photos`, { photos: [] })).status).toBe(404)
      expect((await ask(ana, 'POST', `/${odd}/photos/remove`, { photos: [] })).status).toBe(404)
    }
  })

  test('stands alone in a body, and so do photos: a field that is not known is refused, and nothing is done', async () => {
    const ana = await here.addPerson()
    const id = await makeAlbum(ana)
    const { id: photo } = await addPhoto(here, ana)
    for (const [method, path, body] of [
      ['PUT', `/${id}`, { name: 'Winter', nmae: 'Autumn' }],
      ['POST', `/${id}/photos`, { photos: [photo], photo }],
      ['POST', `/${id}/photos/remove`, { photos: [photo], all: true }],
    ] as const) {
      const { response } = await ask(ana, method, path, body)
      const detail = 'The input has a field that is not known here'
      expect(await readProblem(response)).toMatchObject({ status: 400, kind: 'invalid', detail })
    }
    expect(await kindsOf(ana)).toEqual(['album'])
  })
})

describe('its photos', () => {
  test('come and go once, newest first, and each is said in the feed', async () => {
    const ana = await here.addPerson()
    const album = await makeAlbum(ana)
    const older = await addPhoto(here, ana, { shownAt: '2024-01-01T00:00:00' })
    const newer = await addPhoto(here, ana, { shownAt: '2025-01-01T00:00:00' })
    const photos = [older.id, newer.id]
    expect((await ask(ana, 'POST', `/${album}/photos`, { photos: [...photos, older.id, newId()] })).body).toEqual({
      added: 2,
    })
    expect((await ask(ana, 'POST', `/${album}/photos`, { photos })).body).toEqual({ added: 0 })
    expect((await ask(ana, 'GET', '')).body.albums).toMatchObject([{ photos: 2, cover: newer.id }])
    const first = (await ask(ana, 'GET', `/${album}/photos?limit=1`)).body
    expect([first.id, first.thumbnail]).toEqual([[newer.id], [true]])
    const second = (await ask(ana, 'GET', `/${album}/photos?limit=1&cursor=${encodeURIComponent(first.cursor)}`)).body
    expect([second.id, second.cursor]).toEqual([[older.id], null])
    expect((await ask(ana, 'POST', `/${album}/photos/remove`, { photos: [newer.id] })).body).toEqual({ removed: 1 })
    expect((await ask(ana, 'POST', `/${album}/photos/remove`, { photos: [newer.id] })).body).toEqual({ removed: 0 })
    const [, ...changes] = await changesOf(ana)
    expect(changes).toEqual([
      ...photos.toSorted().map(photo => ({ kind: 'added', photo, album, now: { member: photo === older.id } })),
      { kind: 'removed', photo: newer.id, album, now: { member: false } },
    ])
  })

  test('are whole, out of the trash and their owner’s; those that go to the trash are not shown meanwhile', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    const album = await makeAlbum(ana)
    const [whole, part, trashed, his] = [
      await addPhoto(here, ana),
      await addPhoto(here, ana),
      await addPhoto(here, ana),
      await addPhoto(here, ben),
    ]
    await here.db.query(`update photos set part_of = $2, role = 'edit' where id = $1`, [part.id, whole.id])
    const trash = (id: string, at: Date | null) =>
      here.db.query('update photos set trashed_at = $2 where id = $1', [id, at])
    await trash(trashed.id, new Date())
    const photos = [whole, part, trashed, his].map(({ id }) => id)
    expect((await ask(ana, 'POST', `/${album}/photos`, { photos })).body).toEqual({ added: 1 })
    await trash(whole.id, new Date())
    expect((await ask(ana, 'GET', '')).body.albums).toMatchObject([{ photos: 0, cover: null }])
    expect((await ask(ana, 'GET', `/${album}/photos`)).body.id).toEqual([])
    await trash(whole.id, null)
    expect((await ask(ana, 'GET', `/${album}/photos`)).body.id).toEqual([whole.id])
    await here.db.query('delete from photos where id = $1', [whole.id])
    expect((await ask(ana, 'GET', `/${album}/photos`)).body.id).toEqual([])
  })

  test('are a thousand in a request at most', async () => {
    const ana = await here.addPerson()
    const album = await makeAlbum(ana)
    const photos = Array.from({ length: limits.photosAtOnce }, () => newId())
    expect((await ask(ana, 'POST', `/${album}/photos`, { photos })).body).toEqual({ added: 0 })
    expect((await ask(ana, 'POST', `/${album}/photos`, { photos: [...photos, newId()] })).status).toBe(400)
  })
})

test('who asks at once is told the truth, and the feed has each step once', async () => {
  const ana = await here.addPerson()
  const id = newId()
  const photos = await Promise.all(Array.from({ length: 6 }, async () => (await addPhoto(here, ana)).id))
  const now = here.clock.now()
  const puts = await Promise.all(Array.from({ length: 8 }, () => putAlbum(here.db, ana, { id, name: 'One', now })))
  expect(puts.filter(({ made }) => made)).toHaveLength(1)
  const adds = await Promise.all(photos.map(() => ask(ana, 'POST', `/${id}/photos`, { photos: photos.toReversed() })))
  expect(adds.reduce((sum, { body }) => sum + body.added, 0)).toBe(photos.length)
  const removals = await Promise.all(photos.map(() => ask(ana, 'POST', `/${id}/photos/remove`, { photos })))
  expect(removals.reduce((sum, { body }) => sum + body.removed, 0)).toBe(photos.length)
  const [gone] = await Promise.all([
    Promise.all([1, 2, 3].map(() => deleteAlbum(here.db, ana, id, now))),
    putAlbum(here.db, ana, { id, name: 'Two', now }).catch(() => {}),
  ])
  expect(gone.filter(Boolean)).toHaveLength(1)
  const kinds = (await kindsOf(ana)).filter(kind => kind !== 'album')
  expect(kinds).toEqual([...photos.map(() => 'added'), ...photos.map(() => 'removed'), 'album_deleted'])
  expect((await ask(ana, 'GET', '')).body).toEqual({ albums: [] })
})
