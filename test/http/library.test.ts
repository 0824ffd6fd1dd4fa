/** Goal: what handsets and viewers ask the library and its feed, and that nobody learns of another person's photos. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { appendChange } from '../../src/feed/changes-sql.js'
import { addPhoto, readProblem, startRegion, type TestRegion } from './region.js'

let here: TestRegion
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())

describe('what is already here', () => {
  test('known hashes with their photos, unknown ones as missing, in any case and once each', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    const ready = await addPhoto(here, ana)
    const stored = await addPhoto(here, ana, { state: 'stored' })
    const broken = await addPhoto(here, ana, { state: 'unreadable' })
    const bens = await addPhoto(here, ben)
    const unknown = 'ab'.repeat(32)
    const asked = [ready.sha256.toUpperCase(), stored.sha256, broken.sha256, bens.sha256, unknown, unknown]
    const response = await here.ask('POST', '/v1/sync/check', { token: ana.token, json: { sha256: asked } })
    const { missing, here: found, deleted } = (await response.json()) as Record<string, object[]>
    const whole = { partOf: null, role: null }
    expect(deleted).toEqual([])
    expect(missing).toEqual([bens.sha256, unknown])
    expect(found).toHaveLength(3)
    expect(found).toEqual(
      expect.arrayContaining([
        {
          sha256: ready.sha256,
          photo: ready.id,
          state: 'ready',
          reason: null,
          verified: false,
          renditions: 1,
          ...whole,
        },
        {
          sha256: stored.sha256,
          photo: stored.id,
          state: 'stored',
          reason: null,
          verified: false,
          renditions: 0,
          ...whole,
        },
        {
          sha256: broken.sha256,
          photo: broken.id,
          state: 'unreadable',
          reason: 'This file is cut off',
          verified: false,
          renditions: 0,
          ...whole,
        },
      ]),
    )
  })

  test('counts', async () => {
    const ana = await here.addPerson()
    let picture = ''
    for (const state of ['ready', 'ready', 'stored', 'unreadable', 'quarantined'] as const) {
      picture = (await addPhoto(here, ana, { state, content: newId() })).id
    }
    const half = await addPhoto(here, ana, { content: newId() })
    await here.db.query(`update photos set part_of = $2, role = 'motion' where id = $1`, [half.id, picture])
    const me = await here.ask('GET', '/v1/me', { token: ana.token })
    const counts = { photos: 5, parts: 1, bytes: 6 * 26, unreadable: 1, quarantined: 1, waiting: 1 }
    expect(await me.json()).toMatchObject(counts)
  })
})

describe('one photo', () => {
  test('with all that is known of it', async () => {
    const ana = await here.addPerson()
    const { id, sha256, content } = await addPhoto(here, ana)
    await here.db.query(
      `update photos set width = 40, height = 30, taken_at = '2025-06-01 12:00', taken_offset_minutes = 120,
         camera_make = 'Xiaomi', exposure = '{"exposureSeconds": 0.01, "fNumber": 1.8, "iso": 50, "focalLengthMm": null}',
         latitude = 1.5, longitude = -2.5, verified_at = $2, kind = 'picture', rating = 4, description = 'At the sea',
         motion = '{"offset": 3, "sizeBytes": 4, "mediaType": "video/mp4", "atMs": 900}' where id = $1`,
      [id, here.clock.now()],
    )
    const now = here.clock.now().toISOString()
    const response = await here.ask('GET', `/v1/photos/${id}`, { token: ana.token })
    expect(await response.json()).toEqual({
      id,
      fileName: 'IMG_1.jpg',
      mediaType: 'image/jpeg',
      sizeBytes: content.length,
      sha256,
      storedAt: now,
      verifiedAt: now,
      state: 'ready',
      reason: null,
      width: 40,
      height: 30,
      takenAt: '2025-06-01T12:00:00',
      takenOffsetMinutes: 120,
      shownAt: '2025-06-01T12:00:00',
      camera: { make: 'Xiaomi', model: null, lens: null },
      exposure: { exposureSeconds: 0.01, fNumber: 1.8, iso: 50, focalLengthMm: null },
      place: { latitude: 1.5, longitude: -2.5 },
      kind: 'picture',
      durationMs: null,
      renditions: ['256.webp'],
      renditionVersion: '1',
      rating: 4,
      description: 'At the sea',
      motion: { mediaType: 'video/mp4', sizeBytes: 4, atMs: 900 },
      partOf: null,
      role: null,
      parts: [],
      favourite: false,
      archived: false,
      trashedAt: null,
    })
  })

  test('another person’s is not there, in any form, and neither is none', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    const { id } = await addPhoto(here, ana)
    const answers = []
    for (const photo of [id, newId(), 'nonsense', 'a%00b']) {
      for (const form of ['', '/original', '/renditions/256.webp']) {
        const response = await here.ask('GET', `/v1/photos/${photo}${form}`, { token: ben.token })
        answers.push(await readProblem(response))
      }
    }
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(answers[0]).toMatchObject({ status: 404, kind: 'not_found' })
  })
})

describe('the feed', () => {
  const get = async (token: string, query: string) =>
    (await here.ask('GET', `/v1/sync/changes${query}`, { token })).json()

  test('page by page, then nothing new', async () => {
    const ana = await here.addPerson()
    const photos = [newId(), newId(), newId()]
    const at = here.clock.now()
    for (const photo of photos) {
      await here.db.transaction(tx => appendChange(tx, { ...ana, kind: 'stored', photo, at }))
    }
    const change = (seq: number) => ({ seq, kind: 'stored', photo: photos[seq - 1], at: at.toISOString(), now: null })
    expect(await get(ana.token, '?limit=2')).toEqual({ changes: [change(1), change(2)], cursor: '1.2', more: true })
    expect(await get(ana.token, '?limit=2&since=1.2')).toEqual({ changes: [change(3)], cursor: '1.3', more: false })
    expect(await get(ana.token, '?since=1.3')).toEqual({ changes: [], cursor: '1.3', more: false })
  })

  test('of a new person: empty, with a cursor to go on from', async () => {
    const { token } = await here.addPerson()
    expect(await get(token, '')).toEqual({ changes: [], cursor: '1.0', more: false })
  })

  test.each(['?since=x', '?since=9.1', '?limit=0', '?limit=1001', '?limit=1e2', '?limit=', '?limit=1&limit=2'])(
    '%s is invalid',
    async query => {
      const { token } = await here.addPerson()
      expect(await get(token, query)).toMatchObject({ status: 400, kind: 'invalid' })
    },
  )
})
