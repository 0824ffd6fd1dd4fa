/** Goal: renditions that browsers may keep, originals that come byte for byte and can never act as our own page. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { originalKey, renditionKey } from '../../src/core/keys.js'
import { recipe } from '../../src/core/renditions.js'
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
    const response = await get(`${id}/renditions/256.webp`)
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

  test('are not there before they are made, under no other name, nor when the bucket has none', async () => {
    const waiting = await addPhoto(here, ana, { state: 'stored' })
    const ready = await addPhoto(here, ana)
    const lost = await addPhoto(here, ana)
    await here.bucket.delete([renditionKey(ana, lost.id, recipe, '256.webp')])
    for (const path of [
      `${waiting.id}/renditions/256.webp`,
      `${ready.id}/renditions/512.webp`,
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

  test.each(['image/svg+xml', 'text/html', 'video/mp4', null])('%s is sent as plain bytes', async mediaType => {
    const { id } = await addPhoto(here, ana, { mediaType })
    expect((await get(`${id}/original`)).headers.get('content-type')).toBe('application/octet-stream')
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
