/**
 * Goal: a browser keeps a rendition for good and never shows an older picture by it: what is told of a photo changes its address when
 * an edit comes, and an address that doesn't say what it shows is asked for again each time.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../src/core/ids.js'
import { renditionKey } from '../src/core/keys.js'
import { recipe } from '../src/core/renditions.js'
import { renditionUrl, summaryOf } from '../src/gallery/web/api.js'
import { addToAlbum, listAlbum, putAlbum } from '../src/library/albums/albums.js'
import { recordReady } from '../src/library/work-sql.js'
import { bytes } from '../src/storage/bucket.js'
import { addPhoto, startRegion, type TestPerson, type TestRegion } from './http/region.js'
import { beginWork, readyWith, sentPhoto } from './library/trash-scene.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
})

const kept = 'private, max-age=31536000, immutable'
const askedAgain = 'private, no-cache'

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await here.ask('GET', path, { token: ana.token, headers })
  return {
    status: response.status,
    cache: response.headers.get('cache-control'),
    etag: response.headers.get('etag') ?? '',
    text: await response.text(),
  }
}

/** The address that the gallery makes of what the photo's own page, the timeline and an album say, which must be the same. */
async function addressOf(photo: string): Promise<string> {
  const details = JSON.parse((await get(`/v1/photos/${photo}`)).text)
  const timeline = JSON.parse((await get(`/v1/timeline/${details.shownAt.slice(0, 7)}`)).text)
  const album = newId()
  await putAlbum(here.db, ana, { id: album, name: 'All', now: here.clock.now() })
  await addToAlbum(here.db, ana, { album, photos: [photo], now: here.clock.now() })
  const page = await listAlbum(here.db, ana, album, { limit: 10 })
  const [version] = page.renditionVersion
  expect([details.renditionVersion, timeline.renditionVersion[timeline.id.indexOf(photo)]]).toEqual([version, version])
  return renditionUrl(summaryOf(details), '256.webp')
}

/** As a worker leaves it. */
async function makeReady(photo: string, picture: string): Promise<void> {
  await here.bucket.put(renditionKey(ana, photo, recipe, '256.webp'), bytes(Buffer.from(picture)))
  await recordReady(here.db, await beginWork(here, photo), readyWith(), here.clock.now())
}

test('an edit that comes gives the photo another address, and the older one is kept no longer', async () => {
  const photo = await sentPhoto(here, ana)
  await makeReady(photo, 'old')
  const before = await addressOf(photo)
  const old = await get(before)
  expect([old.text, old.cache]).toEqual(['old', kept])

  const edit = await sentPhoto(here, ana, { partOf: { photo, role: 'edit' } })
  await makeReady(edit, 'new')
  const after = await addressOf(photo)
  expect(after).not.toBe(before)
  const edited = await get(after)
  expect([edited.text, edited.cache]).toEqual(['new', kept])
  const late = await get(before, { 'If-None-Match': old.etag })
  expect([late.status, late.text, late.cache]).toEqual([200, 'new', askedAgain])

  here.clock.advance(1_000)
  const newest = await sentPhoto(here, ana, { partOf: { photo, role: 'edit' } })
  await makeReady(newest, 'newest')
  const again = await addressOf(photo)
  expect([before, after]).not.toContain(again)
  const last = await get(again)
  expect([last.text, last.cache]).toEqual(['newest', kept])
})

test('an address without a version, or with another, is asked for again each time; a 304 says the same', async () => {
  const { id } = await addPhoto(here, ana)
  const address = `/v1/photos/${id}/renditions/256.webp`
  for (const query of ['', '?v=', '?v=2', `?v=${id}-${recipe}`, `?v=${recipe}&v=${recipe}`, `?w=${recipe}`]) {
    const first = await get(address + query)
    expect([first.status, first.cache], query).toEqual([200, askedAgain])
    const second = await get(address + query, { 'If-None-Match': first.etag })
    expect([second.status, second.cache, second.etag], query).toEqual([304, askedAgain, first.etag])
  }
  const versioned = await get(`${address}?v=${recipe}`)
  expect(versioned.cache).toBe(kept)
  const again = await get(`${address}?v=${recipe}`, { 'If-None-Match': versioned.etag })
  expect([again.status, again.cache]).toEqual([304, kept])
})

test('to be looked at again changes no address, a newer recipe does, and what is not shown has no version', async () => {
  const { id } = await addPhoto(here, ana)
  const before = await addressOf(id)
  await here.db.query('update photos set recipe = -recipe where id = $1', [id])
  expect(await addressOf(id)).toBe(before)
  await here.db.query('update photos set recipe = $2 where id = $1', [id, recipe + 1])
  expect(await addressOf(id)).not.toBe(before)
  for (const state of ['stored', 'unreadable'] as const) {
    const { id } = await addPhoto(here, ana, { state })
    expect(await addressOf(id)).toBe(`/v1/photos/${id}/renditions/256.webp`)
  }
})

test('a picture that is replaced between the look at the photo and the bucket is not kept as the one asked for', async () => {
  const { id } = await addPhoto(here, ana)
  const { get: getObject } = here.bucket
  here.bucket.get = async (...args) => {
    here.bucket.get = getObject
    await here.bucket.put(renditionKey(ana, id, recipe + 1, '256.webp'), bytes(Buffer.from('newer')))
    await here.bucket.delete([renditionKey(ana, id, recipe, '256.webp')])
    await here.db.query('update photos set recipe = $2 where id = $1', [id, recipe + 1])
    return getObject(...args)
  }
  const raced = await get(`/v1/photos/${id}/renditions/256.webp?v=${recipe}`)
  const settled = await get(`/v1/photos/${id}/renditions/256.webp?v=${recipe + 1}`)
  expect([raced.text, raced.cache, raced.etag]).toEqual(['newer', askedAgain, settled.etag])
  expect(settled.cache).toBe(kept)
})
