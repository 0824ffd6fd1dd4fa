/**
 * Goal: a sidecar is verified like any original and tells its photo what it says, unless the photo's owner said otherwise; it is never
 * taken for a broken picture. An edit is what people see in the place of its photo.
 */
import { createHash } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { insertConsent } from '../../src/accounts/consents-sql.js'
import { newId } from '../../src/core/ids.js'
import { originalKey } from '../../src/core/keys.js'
import type { PartRole } from '../../src/core/part-roles.js'
import { readChanges } from '../../src/feed/changes.js'
import { commitOriginal } from '../../src/library/commit-sql.js'
import type { Photo } from '../../src/library/photo.js'
import { findPhoto } from '../../src/library/photos-sql.js'
import { bytes } from '../../src/storage/bucket.js'
import { makeDevelop } from '../../workers/thumbnail/develop.js'
import { type Decoder, openDecoder } from '../../workers/thumbnail/isolated/decoder.js'
import { makeThumbnailJob } from '../../workers/thumbnail/thumbnail-job.js'
import { startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { draw } from './drawing.js'
import { xmpPacket } from './facts-bytes.js'

let here: TestRegion
let ana: TestPerson
let decoder: Decoder
const log = pino({ level: 'silent' })
beforeAll(async () => {
  here = await startRegion()
  decoder = openDecoder({ processes: 1, log })
})
afterAll(async () => {
  await decoder.close()
  await here.close()
})
beforeEach(async () => {
  ana = await here.addPerson()
})

const never = new AbortController().signal
const paint = async (width: number, height: number): Promise<Buffer> => draw(width, height).jpeg().toBuffer()

async function send(content: Buffer, partOf?: { photo: string; role: PartRole }, kept = content): Promise<string> {
  const photo = newId()
  const sha256 = createHash('sha256').update(content).digest()
  await here.bucket.put(originalKey(ana, photo), bytes(kept))
  const facts = { ...ana, photo, sha256, sizeBytes: content.length, fileName: 'a.xmp', device: null, modifiedAt: null }
  await commitOriginal(here.db, { ...facts, partOf: partOf ?? null }, here.clock.now())
  return photo
}

const work = (photo: string): Promise<void> => {
  const { db, bucket, clock } = here
  const develop = makeDevelop({ decoder, ffmpeg: undefined })
  const job = makeThumbnailJob({ db, bucket, clock, log, develop, onChange: async () => {}, onDamaged: () => {} })
  return job({ photo }, never)
}

const photoOf = async (id: string): Promise<Photo> => (await findPhoto(here.db, ana, id)) as Photo
const changes = async () =>
  (await readChanges(here.db, ana, undefined)).changes.map(({ kind, photo }) => `${kind} ${photo}`)
const sidecarOf = (whole: string, said: Record<string, string | number>, inside = '') =>
  send(Buffer.from(xmpPacket(said, inside)), { photo: whole, role: 'sidecar' })

const words = { 'xmp:Rating': 4 }
const inside = '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">At the sea</rdf:li></rdf:Alt></dc:description>'
const place = { 'exif:GPSLatitude': '48,30.0N', 'exif:GPSLongitude': '9,15.0E' }

describe('a sidecar', () => {
  test('is verified and ready without renditions, and its photo says what it says', async () => {
    const whole = await send(await paint(40, 30))
    await work(whole)
    const sidecar = await sidecarOf(whole, words, inside)
    await work(sidecar)
    expect(await photoOf(sidecar)).toMatchObject({
      state: 'ready',
      reason: null,
      mediaType: 'application/rdf+xml',
      renditions: [],
      verifiedAt: here.clock.now(),
      partOf: whole,
    })
    expect(await photoOf(whole)).toMatchObject({ rating: 4, description: 'At the sea', latitude: null })
    expect((await changes()).slice(-2)).toEqual([`ready ${sidecar}`, `edited ${whole}`])
  })

  test('is heard also when its photo is looked at after it, and again', async () => {
    const whole = await send(await paint(40, 31))
    await work(await sidecarOf(whole, words, inside))
    await work(whole)
    expect(await photoOf(whole)).toMatchObject({ state: 'ready', rating: 4, description: 'At the sea' })
    await here.db.query('update photos set recipe = -recipe, rating = null where id = $1', [whole])
    await work(whole)
    expect(await photoOf(whole)).toMatchObject({ rating: 4, description: 'At the sea' })
  })

  test('does not go before what the owner wrote', async () => {
    const whole = await send(await paint(40, 32))
    await work(whole)
    await here.db.query(`update photos set rating = 1, edits = '{"rating": 1}' where id = $1`, [whole])
    await work(await sidecarOf(whole, words, inside))
    expect(await photoOf(whole)).toMatchObject({ rating: 1, description: 'At the sea' })
  })

  test.each([
    [true, 48.5, 9.25],
    [false, null, null],
  ])('tells where its photo was taken if its owner agrees: %s', async (granted, latitude, longitude) => {
    if (granted)
      await insertConsent(here.db, ana.person, { purpose: 'places', version: 1, granted, at: here.clock.now() })
    const whole = await send(await paint(40, granted ? 33 : 34))
    await work(whole)
    const sidecar = await sidecarOf(whole, place)
    await work(sidecar)
    expect(await photoOf(whole)).toMatchObject({ latitude, longitude })
    expect(await photoOf(sidecar)).toMatchObject({ latitude, longitude })
  })

  test('of several the newest that says something counts, of each thing', async () => {
    const whole = await send(await paint(40, 35))
    await work(await sidecarOf(whole, { 'xmp:Rating': 2 }, inside))
    here.clock.advance(1_000)
    await work(await sidecarOf(whole, { 'xmp:Rating': 5 }))
    await work(whole)
    expect(await photoOf(whole)).toMatchObject({ rating: 5, description: 'At the sea' })
  })

  test.each([
    ['a picture', () => paint(40, 36)],
    ['text', async () => Buffer.from('rating: 5')],
    ['nothing', async () => Buffer.alloc(0)],
    ['XML of another kind', async () => Buffer.from('<?xml version="1.0"?><note><to>Ana</to></note>')],
  ])('that is %s is unreadable as a sidecar, and verified', async (_what, contentOf) => {
    const whole = await send(await paint(40, 37))
    const sidecar = await send(await contentOf(), { photo: whole, role: 'sidecar' })
    await work(sidecar)
    expect(await photoOf(sidecar)).toMatchObject({
      state: 'unreadable',
      reason: 'This sidecar is no XMP file',
      verifiedAt: here.clock.now(),
    })
  })

  test('that is not what was sent is in quarantine, whatever it says', async () => {
    const whole = await send(await paint(40, 38))
    const sent = Buffer.from(xmpPacket(words, inside))
    const damaged = Buffer.from(sent).fill(0x20, sent.length - 4)
    const sidecar = await send(sent, { photo: whole, role: 'sidecar' }, damaged)
    await work(sidecar)
    expect(await photoOf(sidecar)).toMatchObject({ state: 'quarantined', verifiedAt: null })
    expect(await photoOf(whole)).toMatchObject({ rating: null })
  })
})

test('an edit is what people see of its photo once it is ready, and the photo is told to have changed', async () => {
  const whole = await send(await paint(400, 300))
  await work(whole)
  const get = async () => {
    const response = await here.ask('GET', `/v1/photos/${whole}/renditions/256.webp`, { token: ana.token })
    return { tag: response.headers.get('etag'), picture: Buffer.from(await response.arrayBuffer()) }
  }
  const before = await get()
  const edit = await send(await paint(120, 300), { photo: whole, role: 'edit' })
  expect(await get()).toEqual(before)
  await work(edit)
  const after = await get()
  expect(after.tag).not.toBe(before.tag)
  expect(after.picture.equals(before.picture)).toBe(false)
  expect((await changes()).slice(-2)).toEqual([`ready ${edit}`, `edited ${whole}`])

  const [month] = (await photoOf(whole)).shownAt.match(/^\d{4}-\d\d/) ?? []
  const page = await (await here.ask('GET', `/v1/timeline/${month}`, { token: ana.token })).json()
  expect(page).toMatchObject({ id: [whole], width: [120], height: [300], thumbnail: [true] })
  const { parts, width } = (await (await here.ask('GET', `/v1/photos/${whole}`, { token: ana.token })).json()) as Photo
  expect(width).toBe(400)
  expect(parts).toMatchObject([{ id: edit, role: 'edit', state: 'ready', verified: true, mediaType: 'image/jpeg' }])
  const original = await here.ask('GET', `/v1/photos/${whole}/original`, { token: ana.token })
  expect(
    createHash('sha256')
      .update(Buffer.from(await original.arrayBuffer()))
      .digest('hex'),
  ).toBe((await photoOf(whole)).sha256.toString('hex'))
})
