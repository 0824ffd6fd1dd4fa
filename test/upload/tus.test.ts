/** Goal: over real connections the upload endpoint keeps the promises of tus 1.0 and ours: what is taken, what is refused. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import { receiptOf, requestsTo, told, useTus } from './tus-scene.js'
import { ask, metadataOf, offsetBody, uploads } from './tus-server.js'

const scene = useTus()
const { post, patch, head, create, stored } = requestsTo(scene)

describe('an upload', () => {
  test('is created, sent and asked for', async () => {
    const content = randomBytes(100_000)
    const metadata = metadataOf({ filename: 'strand.jpg', filetype: 'image/jpeg' })
    const created = await post({ 'Upload-Length': content.length, 'Upload-Metadata': metadata })
    expect(told(created)).toEqual([201, 0])
    expect(created.headers['tus-resumable']).toBe('1.0.0')
    expect(created.headers.location).toMatch(/^\/v1\/uploads\/[0-9a-z]{26}$/)
    const expires = new Date(scene.clock.now().getTime() + limits.uploadLifetimeMs)
    expect(created.headers['upload-expires']).toBe(expires.toUTCString())
    const path = created.headers.location as string

    expect(told(await patch(path, 0, content.subarray(0, 60_000)))).toEqual([204, 60_000])
    const asked = await head(path)
    expect(told(asked)).toEqual([200, 60_000])
    expect(asked.headers).toMatchObject({
      'upload-length': '100000',
      'upload-metadata': metadata,
      'cache-control': 'no-store',
      'tus-resumable': '1.0.0',
    })
    expect(receiptOf(asked)).toEqual([undefined, undefined])

    const last = await patch(path, 60_000, content.subarray(60_000))
    expect(told(last)).toEqual([204, 100_000])
    const [photo, duplicate] = receiptOf(last)
    expect(duplicate).toBe('?0')
    expect((await stored(photo)).equals(content)).toBe(true)

    // The receipt is repeated for whoever didn't hear it.
    const again = await patch(path, 100_000, '')
    expect([...told(again), ...receiptOf(again)]).toEqual([204, 100_000, photo, '?0'])
    const at = await head(path, scene.other.port)
    expect([...told(at), ...receiptOf(at)]).toEqual([200, 100_000, photo, '?0'])
    const lastAgain = await patch(path, 60_000, content.subarray(60_000))
    expect([...told(lastAgain), ...receiptOf(lastAgain)]).toEqual([204, 100_000, photo, '?0'])
    // Also with the answer to a request that comes too late.
    const behind = await patch(path, 10, content.subarray(10, 20))
    expect([...told(behind), ...receiptOf(behind)]).toEqual([409, 100_000, photo, '?0'])
  })

  test('comes whole with its creation, and the same content again is the same photo', async () => {
    const content = randomBytes(50_000)
    const first = await post({ 'Upload-Length': content.length, ...offsetBody }, content)
    expect(told(first)).toEqual([201, 50_000])
    const second = await post({ 'Upload-Length': content.length, ...offsetBody }, content)
    expect(receiptOf(second)).toEqual([receiptOf(first)[0], '?1'])
    const foreign = await ask(scene.tus.port, 'POST', uploads, {
      headers: { 'Upload-Length': content.length, ...offsetBody, person: '1' },
      body: content,
    })
    expect(receiptOf(foreign)[1]).toBe('?0')
    expect((await stored(receiptOf(foreign)[0], scene.people[1])).equals(content)).toBe(true)
  })

  test('may begin with its creation and go on', async () => {
    const content = randomBytes(1_000)
    const first = await post({ 'Upload-Length': 1_000, ...offsetBody }, content.subarray(0, 300))
    expect(told(first)).toEqual([201, 300])
    const last = await patch(first.headers.location as string, 300, content.subarray(300))
    expect((await stored(receiptOf(last)[0])).equals(content)).toBe(true)
  })

  test('of no bytes is stored at once', async () => {
    const answer = await post({ 'Upload-Length': 0 })
    expect(told(answer)).toEqual([201, 0])
    expect(await stored(receiptOf(answer)[0])).toHaveLength(0)
  })

  test('of many parts and pieces is stored as it was', async () => {
    const content = randomBytes(limits.partSizeBytes * 2 + 12_345)
    const path = await create(content.length, { filetype: 'video/mp4' })
    let offset = 0
    for (const sizeBytes of [1_000_000, 9_000_000, 500, content.length]) {
      const answer = await patch(path, offset, content.subarray(offset, offset + sizeBytes))
      offset = Math.min(offset + sizeBytes, content.length)
      expect(told(answer)).toEqual([204, offset])
    }
    const [photo] = receiptOf(await head(path))
    expect((await stored(photo)).equals(content)).toBe(true)
  })

  test('can be sent with POST by whoever cannot send PATCH', async () => {
    const path = await create(5)
    const headers = { 'X-HTTP-Method-Override': 'PATCH', 'Upload-Offset': '0', ...offsetBody }
    expect(told(await ask(scene.tus.port, 'POST', path, { headers, body: 'photo' }))).toEqual([204, 5])
    const gone = await create(5)
    expect((await ask(scene.tus.port, 'POST', gone, { headers: { 'X-HTTP-Method-Override': 'DELETE' } })).status).toBe(
      204,
    )
    expect((await head(gone)).status).toBe(410)
  })
})

test('OPTIONS says what is offered, to everybody', async () => {
  const answer = await ask(scene.tus.port, 'OPTIONS', uploads, { headers: { 'Tus-Resumable': '' } })
  expect(answer.status).toBe(200)
  expect(answer.headers).toMatchObject({
    'tus-version': '1.0.0',
    'tus-resumable': '1.0.0',
    'tus-max-size': String(limits.uploadSizeBytes),
    'tus-checksum-algorithm': 'sha256,sha1,md5,crc32',
    'tus-extension':
      'creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation',
  })
})

describe('an upload in parts', () => {
  test('has its receipt with its creation, and again wherever it is asked for', async () => {
    const pieces = [randomBytes(70_000), randomBytes(30_000)]
    const paths = await Promise.all(
      pieces.map(async piece => {
        const headers = { 'Upload-Length': piece.length, 'Upload-Concat': 'partial', ...offsetBody }
        const created = await post(headers, piece)
        expect([...told(created), ...receiptOf(created)]).toEqual([201, piece.length, undefined, undefined])
        return created.headers.location as string
      }),
    )
    const concat = { 'Upload-Concat': `final;${paths.join(' ')}` }
    const final = await post(concat)
    expect(told(final)).toEqual([201, 100_000])
    const [photo, duplicate] = receiptOf(final)
    expect(duplicate).toBe('?0')
    expect((await stored(photo)).equals(Buffer.concat(pieces))).toBe(true)
    const again = await ask(scene.other.port, 'POST', uploads, { headers: concat })
    expect([again.headers.location, ...receiptOf(again)]).toEqual([final.headers.location, photo, '?0'])
    const found = await head(final.headers.location as string, scene.other.port)
    expect([...told(found), ...receiptOf(found)]).toEqual([200, 100_000, photo, '?0'])
  })

  test('is made of one’s own parts only', async () => {
    const path = await create(3, {}, { 'Upload-Concat': 'partial' })
    await patch(path, 0, 'abc')
    const headers = { 'Upload-Concat': `final;${path}`, person: '1' }
    expect((await ask(scene.tus.port, 'POST', uploads, { headers })).status).toBe(400)
    expect(told(await head(path))).toEqual([200, 3])
  })
})

describe('what a handset says of a file', () => {
  test.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\DCIM\\a.jpg', 'a.jpg'],
    ['a\r\nX-Smuggled: yes\u0000.jpg', 'aX-Smuggled: yes.jpg'],
    [`${'n'.repeat(1_000)}.jpg`, `${'n'.repeat(251)}.jpg`],
    ['..', null],
  ])('%j is kept as a name that can do no harm', async (filename, kept) => {
    const path = await create(1, { filename, __proto__: 'x', constructor: 'y' })
    const [row] = await scene.region.db.query<{ file_name: string | null }>(
      'select file_name from uploads where id = $1',
      [path.slice(-26)],
    )
    expect(row?.file_name).toBe(kept)
  })
})

describe('what is refused', () => {
  test.each([
    ['no length', {}],
    ['a length of blanks', { 'Upload-Length': ' ' }],
    ['a negative length', { 'Upload-Length': '-1' }],
    ['a length with an exponent', { 'Upload-Length': '1e3' }],
    ['a length with a unit', { 'Upload-Length': '12abc' }],
    ['a fraction', { 'Upload-Length': '1.5' }],
    ['more than a number holds', { 'Upload-Length': '99999999999999999999' }],
    ['a length twice', { 'Upload-Length': ['1', '1'] }],
    ['two answers to whether the length comes later', { 'Upload-Defer-Length': ['1', '0'] }],
    ['metadata that is no base64', { 'Upload-Length': '1', 'Upload-Metadata': 'filename a.jpg' }],
    ['metadata with a key twice', { 'Upload-Length': '1', 'Upload-Metadata': 'a YQ==,a YQ==' }],
    ['metadata with a key in two headers', { 'Upload-Length': '1', 'Upload-Metadata': ['a YQ==', 'a YQ=='] }],
    ['metadata that is too long', { 'Upload-Length': '1', 'Upload-Metadata': `a ${'A'.repeat(5_000)}` }],
    ['a hash that is none', { 'Upload-Length': '1', 'Upload-Metadata': metadataOf({ sha256: 'abc' }) }],
  ])('at creation: %s', async (_title, headers) => {
    const answer = await post(headers)
    expect([answer.status, answer.headers['tus-resumable']]).toEqual([400, '1.0.0'])
    expect(answer.text).toMatch(/\w/)
  })

  test.each([undefined, '', '-1', '1e1', '1.0', '0x1', 'abc'])('at PATCH: the offset %j', async offset => {
    const path = await create(10)
    const headers: Record<string, string> = { ...offsetBody, ...(offset !== undefined && { 'Upload-Offset': offset }) }
    expect((await ask(scene.tus.port, 'PATCH', path, { headers, body: 'x' })).status).toBe(400)
    expect(told(await head(path))).toEqual([200, 0])
  })

  test.each(['', '1.0', '0.2.2', '2.0.0'])('another version of tus: %j', async version => {
    for (const [method, path] of [
      ['POST', uploads],
      ['HEAD', await create(1)],
      ['PATCH', await create(1)],
    ] as const) {
      const answer = await ask(scene.tus.port, method, path, { headers: { 'Tus-Resumable': version } })
      expect([answer.status, answer.headers['tus-version']]).toEqual([412, '1.0.0'])
    }
  })

  test.each([undefined, 'application/octet-stream', 'image/jpeg'])('a PATCH of type %j', async type => {
    const path = await create(10)
    const headers = { 'Upload-Offset': '0', ...(type !== undefined && { 'Content-Type': type }) }
    expect((await ask(scene.tus.port, 'PATCH', path, { headers, body: 'x' })).status).toBe(415)
  })

  test.each(['application/pdf', 'text/html'])('a file that says it is %s', async filetype => {
    const headers = { 'Upload-Length': 1, 'Upload-Metadata': metadataOf({ filetype }) }
    expect((await post(headers)).status).toBe(415)
  })

  test('what is not there, and what is another person’s', async () => {
    const path = await create(10)
    const absent = `${uploads}/${'0'.repeat(26)}`
    for (const [method, target, person] of [
      ['HEAD', path, '1'],
      ['PATCH', path, '1'],
      ['DELETE', path, '1'],
      ['HEAD', absent, '0'],
      ['HEAD', `${uploads}/..`, '0'],
      ['PATCH', `${uploads}/x`, '0'],
      ['DELETE', uploads, '0'],
    ] as const) {
      const headers = { 'Upload-Offset': '0', ...offsetBody, person }
      expect((await ask(scene.tus.port, method, target, { headers })).status, `${method} ${target}`).toBe(404)
    }
    expect(told(await head(path))).toEqual([200, 0])
  })

  test('a method that uploads do not have: 405, with those that they have', async () => {
    const path = await create(3)
    for (const [method, target, allowed] of [
      ['GET', path, 'HEAD, PATCH, DELETE, OPTIONS'],
      ['PUT', path, 'HEAD, PATCH, DELETE, OPTIONS'],
      ['POST', path, 'HEAD, PATCH, DELETE, OPTIONS'],
      ['GET', uploads, 'POST, OPTIONS'],
      ['PUT', `${uploads}/`, 'POST, OPTIONS'],
    ] as const) {
      const answer = await ask(scene.tus.port, method, target, { headers: { 'Upload-Length': 1 } })
      expect([answer.status, answer.headers.allow, answer.headers['tus-resumable']]).toEqual([405, allowed, '1.0.0'])
    }
    expect((await ask(scene.tus.port, 'POST', `${uploads}/?x=1`, { headers: { 'Upload-Length': 1 } })).status).toBe(201)
  })

  test('another offset than the upload’s', async () => {
    const path = await create(10)
    await patch(path, 0, 'abcd')
    for (const offset of [0, 3, 5, 10, 11]) expect(told(await patch(path, offset, 'x'))).toEqual([409, 4])
  })
})
