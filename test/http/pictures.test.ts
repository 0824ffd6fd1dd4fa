/** Goal: renditions that browsers may keep, originals that come byte for byte and can never act as our own page. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { originalKey, renditionKey } from '../../src/core/keys.js'
import { recipe } from '../../src/core/renditions.js'
import { bytes } from '../../src/storage/bucket.js'
import { addPhoto, readProblem, startRegion, type TestPerson, type TestRegion } from './region.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
  ana = await here.addPerson()
})
afterAll(() => here.close())

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  here.ask(method, `/v1/photos/${path}`, { token: ana.token, headers })

describe('renditions', () => {
  test('come with what lets a browser keep them', async () => {
    const { id } = await addPhoto(here, ana)
    const response = await get(`${id}/renditions/256.webp?v=${recipe}`)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/webp',
      'content-length': '32',
      'cache-control': 'private, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    })
    expect(await response.text()).toBe(`small ${id}`)

    const etag = response.headers.get('etag') ?? ''
    const again = await get(`${id}/renditions/256.webp`, { 'If-None-Match': etag })
    expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, etag, ''])
    const head = await get(`${id}/renditions/256.webp`, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '32'])
  })

  test('a moving one is served like the others', async () => {
    const { id } = await addPhoto(here, ana, { renditions: ['1440.jpg', '256.webp', 'animated.webp'] })
    const response = await get(`${id}/renditions/animated.webp`)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/webp'])
  })

  test('stay while the original is to be looked at again', async () => {
    const { id } = await addPhoto(here, ana)
    const before = await get(`${id}/renditions/256.webp`)
    await here.db.query('update photos set recipe = -recipe where id = $1', [id])
    const after = await get(`${id}/renditions/256.webp`)
    expect([after.status, after.headers.get('etag')]).toEqual([200, before.headers.get('etag')])
  })

  test('are not there before they are made, under no other name, nor when the bucket has none', async () => {
    const waiting = await addPhoto(here, ana, { state: 'stored' })
    const ready = await addPhoto(here, ana)
    const lost = await addPhoto(here, ana)
    const film = await addPhoto(here, ana, { renditions: [] })
    await here.bucket.put(renditionKey(ana, film.id, recipe, '256.webp'), bytes(Buffer.from('of no film')))
    await here.bucket.delete([renditionKey(ana, lost.id, recipe, '256.webp')])
    for (const path of [
      `${waiting.id}/renditions/256.webp`,
      `${ready.id}/renditions/512.webp`,
      `${ready.id}/renditions/animated.webp`,
      `${film.id}/renditions/256.webp`,
      `${lost.id}/renditions/256.webp`,
    ]) {
      const response = await get(path)
      expect([response.headers.get('cache-control'), response.headers.get('etag')]).toEqual(['no-store', null])
      expect(await readProblem(response)).toMatchObject({ status: 404, kind: 'not_found' })
    }
  })
})

describe('originals', () => {
  test('come byte for byte, as a download', async () => {
    const { id, content, sha256 } = await addPhoto(here, ana, { fileName: 'Été "1".jpg' })
    const response = await get(`${id}/original`)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'content-length': String(content.length),
      'content-disposition': `attachment; filename="Ete _1_.jpg"; filename*=UTF-8''%C3%89t%C3%A9%20%221%22.jpg`,
      'content-security-policy': "sandbox; default-src 'none'",
      'accept-ranges': 'bytes',
      etag: `"${sha256}"`,
      'x-content-type-options': 'nosniff',
    })
    expect(Buffer.from(await response.arrayBuffer())).toEqual(content)
    const head = await get(`${id}/original`, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(content.length)])
    expect((await get(`${id}/original`, { 'If-None-Match': `"${sha256}"` })).status).toBe(304)
  })

  test.each([
    ['image/svg+xml', 'application/octet-stream'],
    ['text/html', 'application/octet-stream'],
    ['application/pdf', 'application/octet-stream'],
    ['video/x-matroska', 'application/octet-stream'],
    [null, 'application/octet-stream'],
    ['video/mp4', 'video/mp4'],
    ['video/quicktime', 'video/quicktime'],
    ['video/webm', 'video/webm'],
    ['video/3gpp', 'video/3gpp'],
  ])('of the kind %s come as %s, always as a download that no browser guesses at', async (mediaType, sent) => {
    const { id } = await addPhoto(here, ana, { mediaType, content: `<svg onload="alert(1)">${newId()}` })
    const { headers } = await get(`${id}/original`)
    expect(headers.get('content-type')).toBe(sent)
    expect(headers.get('content-disposition')).toMatch(/^attachment;/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toMatch(/^sandbox;/)
  })

  test('in parts', async () => {
    const { id, content, sha256 } = await addPhoto(here, ana)
    const size = content.length
    const cases = [
      [{ Range: 'bytes=0-3' }, 206, content.subarray(0, 4), `bytes 0-3/${size}`],
      [{ Range: 'bytes=5-' }, 206, content.subarray(5), `bytes 5-${size - 1}/${size}`],
      [{ Range: 'bytes=-2' }, 206, content.subarray(-2), `bytes ${size - 2}-${size - 1}/${size}`],
      [{ Range: 'bytes=0-3', 'If-Range': `"${sha256}"` }, 206, content.subarray(0, 4), `bytes 0-3/${size}`],
      [{ Range: 'bytes=0-3', 'If-Range': '"other"' }, 200, content, null],
      [{ Range: 'bytes=0-1,3-4' }, 200, content, null],
    ] as const
    for (const [headers, status, bytes, contentRange] of cases) {
      const response = await get(`${id}/original`, headers)
      expect([response.status, response.headers.get('content-range')]).toEqual([status, contentRange])
      expect(response.headers.get('content-length')).toBe(String(bytes.length))
      expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(bytes))
    }
    const beyond = await get(`${id}/original`, { Range: `bytes=${size}-` })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${size}`])
    expect(await readProblem(beyond)).toMatchObject({ status: 416, kind: 'invalid' })
  })

  test('by redirect only where the bucket has addresses to give', async () => {
    const { id, content } = await addPhoto(here, ana)
    const response = await get(`${id}/original?redirect=1`)
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, content.length])
  })

  test('one that is lost is our failure and no 404', async () => {
    const { id } = await addPhoto(here, ana)
    await here.bucket.delete([originalKey(ana, id)])
    const response = await get(`${id}/original`)
    expect(response.headers.get('content-disposition')).toBeNull()
    expect(await readProblem(response)).toMatchObject({ status: 500, kind: 'internal' })
  })
})

describe('moving halves', () => {
  const noted = (motion: object, id: string) =>
    here.db.query('update photos set motion = $2 where id = $1', [id, JSON.stringify(motion)])

  test('inside of the original: that stretch alone, in parts too', async () => {
    const { id, sha256 } = await addPhoto(here, ana, { content: `still MOVING end`, fileName: 'MVIMG_1.jpg' })
    await noted({ offset: 6, sizeBytes: 6, mediaType: 'video/mp4', atMs: null }, id)
    const whole = await get(`${id}/motion`)
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': '6',
      'accept-ranges': 'bytes',
      'content-disposition': expect.stringContaining('filename="MVIMG_1.mp4"'),
      etag: `"${sha256}-motion"`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
    })
    expect(await whole.text()).toBe('MOVING')
    const cases = [
      ['bytes=0-1', 206, 'MO', 'bytes 0-1/6'],
      ['bytes=2-', 206, 'VING', 'bytes 2-5/6'],
      ['bytes=-3', 206, 'ING', 'bytes 3-5/6'],
      ['bytes=4-99', 206, 'NG', 'bytes 4-5/6'],
    ] as const
    for (const [range, status, text, contentRange] of cases) {
      const response = await get(`${id}/motion`, { Range: range })
      expect([response.status, response.headers.get('content-range')]).toEqual([status, contentRange])
      expect(await response.text()).toBe(text)
    }
    expect((await get(`${id}/motion`, { Range: 'bytes=6-' })).status).toBe(416)
    const head = await get(`${id}/motion`, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '6'])
    expect((await get(`${id}/motion`, { 'If-None-Match': `"${sha256}-motion"` })).status).toBe(304)
  })

  test('of a Live Photo: the other file, which says whose half it is', async () => {
    const picture = await addPhoto(here, ana)
    const film = await addPhoto(here, ana, { mediaType: 'video/quicktime', fileName: 'IMG_1.MOV', renditions: [] })
    await here.db.query(`update photos set part_of = $2, role = 'motion' where id = $1`, [film.id, picture.id])
    const response = await get(`${picture.id}/motion`, { Range: 'bytes=0-6' })
    expect(response.status).toBe(206)
    expect([response.headers.get('content-type'), response.headers.get('etag')]).toEqual([
      'video/quicktime',
      `"${film.sha256}"`,
    ])
    expect(Buffer.from(await response.arrayBuffer())).toEqual(film.content.subarray(0, 7))
    const facts = async (id: string) => (await get(id)).json()
    const motion = { mediaType: 'video/quicktime', sizeBytes: film.content.length, atMs: null }
    expect(await facts(picture.id)).toMatchObject({ motion, partOf: null })
    expect(await facts(film.id)).toMatchObject({ motion: null, partOf: picture.id })
  })

  test.each([
    ['nothing', null],
    ['what begins before the original', { offset: -2, sizeBytes: 4 }],
    ['what is the whole of it', { offset: 0, sizeBytes: 5 }],
    ['what reaches beyond it', { offset: 3, sizeBytes: 3 }],
    ['no bytes', { offset: 3, sizeBytes: 0 }],
  ])('%s is none', async (_, motion) => {
    const { id } = await addPhoto(here, ana, { content: String(Math.random()).slice(2, 7) })
    if (motion) await noted({ ...motion, mediaType: 'video/mp4', atMs: null }, id)
    expect(await readProblem(await get(`${id}/motion`))).toMatchObject({ status: 404, kind: 'not_found' })
  })

  test('of a kind that is not played comes as plain bytes, and nobody else’s comes', async () => {
    const { id } = await addPhoto(here, ana, { content: 'still<svg/>' })
    await noted({ offset: 5, sizeBytes: 6, mediaType: 'image/svg+xml', atMs: null }, id)
    expect((await get(`${id}/motion`)).headers.get('content-type')).toBe('application/octet-stream')
    const ben = await here.addPerson()
    const response = await here.ask('GET', `/v1/photos/${id}/motion`, { token: ben.token })
    expect(await readProblem(response)).toMatchObject({ status: 404, kind: 'not_found' })
  })
})
