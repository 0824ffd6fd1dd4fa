/** Goal: the upload endpoint keeps the promises of tus 1.0 and ours, over real connections, whole and broken. */
import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { originalKey, type Placement, placementPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { memoryBucket } from '../../src/storage/memory-bucket.js'
import { waitUntil } from '../support/wait-until.js'
import { keysOf, movableClock, openUploadRegion, type UploadRegion } from './region.js'
import { type Answer, ask, begin, metadataOf, offsetBody, startTus, type TusServer, uploads } from './tus-server.js'

const clock = movableClock()
const stallMs = 400
let region: UploadRegion
let bucket: Bucket
let people: [Placement, Placement]
let tus: TusServer
/** Another process of the same region. */
let other: TusServer

beforeAll(async () => {
  region = await openUploadRegion()
  bucket = memoryBucket({ clock })
  people = [await region.addPerson(), await region.addPerson()]
  const { db } = region
  tus = await startTus({ db, bucket, clock, people, signals: await region.openSignals() })
  other = await startTus({ db, bucket, clock, people, signals: await region.openSignals(), stallMs })
})
afterAll(async () => {
  await tus.close()
  await other.close()
  await region.close()
})

const post = (headers: Record<string, string | number>, body?: Buffer | string) =>
  ask(tus.port, 'POST', uploads, { headers, ...(body !== undefined && { body }) })
const patch = (path: string, offset: number | string, body: Buffer | string, headers: Record<string, string> = {}) =>
  ask(tus.port, 'PATCH', path, { headers: { 'Upload-Offset': offset, ...offsetBody, ...headers }, body })
const head = (path: string, port = tus.port) => ask(port, 'HEAD', path)

async function create(sizeBytes: number, metadata: Record<string, string> = {}): Promise<string> {
  const header = Object.keys(metadata).length > 0 ? { 'Upload-Metadata': metadataOf(metadata) } : {}
  const answer = await post({ 'Upload-Length': sizeBytes, ...header })
  expect(answer.status).toBe(201)
  return answer.headers.location as string
}

const told = ({ status, headers }: Answer) => [status, Number(headers['upload-offset'])]
const receiptOf = ({ headers }: Answer) => [headers['photosync-photo'], headers['photosync-duplicate']]

async function stored(photo: unknown, person = people[0]): Promise<Buffer> {
  return buffer((await bucket.get(originalKey(person, photo as string))).body)
}

describe('an upload', () => {
  test('is created, sent and asked for', async () => {
    const content = randomBytes(100_000)
    const metadata = metadataOf({ filename: 'strand.jpg', filetype: 'image/jpeg' })
    const created = await post({ 'Upload-Length': content.length, 'Upload-Metadata': metadata })
    expect(told(created)).toEqual([201, 0])
    expect(created.headers['tus-resumable']).toBe('1.0.0')
    expect(created.headers.location).toMatch(/^\/v1\/uploads\/[0-9a-z]{26}$/)
    const expires = new Date(clock.now().getTime() + limits.uploadLifetimeMs)
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
    const at = await head(path, other.port)
    expect([...told(at), ...receiptOf(at)]).toEqual([200, 100_000, photo, '?0'])
    const behind = await patch(path, 60_000, content.subarray(60_000))
    expect(told(behind)).toEqual([409, 100_000])
  })

  test('comes whole with its creation, and the same content again is the same photo', async () => {
    const content = randomBytes(50_000)
    const first = await post({ 'Upload-Length': content.length, ...offsetBody }, content)
    expect(told(first)).toEqual([201, 50_000])
    const second = await post({ 'Upload-Length': content.length, ...offsetBody }, content)
    expect(receiptOf(second)).toEqual([receiptOf(first)[0], '?1'])
    const foreign = await ask(tus.port, 'POST', uploads, {
      headers: { 'Upload-Length': content.length, ...offsetBody, person: '1' },
      body: content,
    })
    expect(receiptOf(foreign)[1]).toBe('?0')
    expect((await stored(receiptOf(foreign)[0], people[1])).equals(content)).toBe(true)
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
    expect(told(await ask(tus.port, 'POST', path, { headers, body: 'photo' }))).toEqual([204, 5])
    const gone = await create(5)
    expect((await ask(tus.port, 'POST', gone, { headers: { 'X-HTTP-Method-Override': 'DELETE' } })).status).toBe(204)
    expect((await head(gone)).status).toBe(410)
  })
})

test('OPTIONS says what is offered, to everybody', async () => {
  const answer = await ask(tus.port, 'OPTIONS', uploads, { headers: { 'Tus-Resumable': '' } })
  expect(answer.status).toBeLessThan(300)
  expect(answer.headers).toMatchObject({
    'tus-version': '1.0.0',
    'tus-max-size': String(limits.uploadSizeBytes),
    'tus-extension': 'creation,creation-with-upload,termination,expiration',
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
    ['a length to come', { 'Upload-Defer-Length': '1' }],
    ['concatenation', { 'Upload-Length': '1', 'Upload-Concat': 'partial' }],
    ['metadata that is no base64', { 'Upload-Length': '1', 'Upload-Metadata': 'filename a.jpg' }],
    ['metadata with a key twice', { 'Upload-Length': '1', 'Upload-Metadata': 'a YQ==,a YQ==' }],
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
    expect((await ask(tus.port, 'PATCH', path, { headers, body: 'x' })).status).toBe(400)
    expect(told(await head(path))).toEqual([200, 0])
  })

  test.each(['', '1.0', '0.2.2', '2.0.0'])('another version of tus: %j', async version => {
    for (const [method, path] of [
      ['POST', uploads],
      ['HEAD', await create(1)],
      ['PATCH', await create(1)],
    ] as const) {
      const answer = await ask(tus.port, method, path, { headers: { 'Tus-Resumable': version } })
      expect([answer.status, answer.headers['tus-version']]).toEqual([412, '1.0.0'])
    }
  })

  test.each([undefined, 'application/octet-stream', 'image/jpeg'])('a PATCH of type %j', async type => {
    const path = await create(10)
    const headers = { 'Upload-Offset': '0', ...(type !== undefined && { 'Content-Type': type }) }
    expect((await ask(tus.port, 'PATCH', path, { headers, body: 'x' })).status).toBe(415)
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
      expect((await ask(tus.port, method, target, { headers })).status, `${method} ${target}`).toBe(404)
    }
    expect(told(await head(path))).toEqual([200, 0])
  })

  test('another offset than the upload’s', async () => {
    const path = await create(10)
    await patch(path, 0, 'abcd')
    for (const offset of [0, 3, 5, 10, 11]) expect(told(await patch(path, offset, 'x'))).toEqual([409, 4])
  })
})

describe('more than was announced', () => {
  test('by Upload-Length', async () => {
    expect((await post({ 'Upload-Length': limits.uploadSizeBytes + 1 })).status).toBe(413)
  })

  test('by Content-Length: nothing of it is kept', async () => {
    const path = await create(10)
    await patch(path, 0, 'abcd')
    expect((await patch(path, 4, '1234567')).status).toBe(413)
    expect(told(await head(path))).toEqual([200, 4])
    const created = await post({ 'Upload-Length': 3, ...offsetBody }, 'abcd')
    expect([created.status, created.headers.location]).toEqual([413, undefined])
  })

  test('by more chunks: the upload goes on from where it was', async () => {
    const path = await create(10)
    const headers = { 'Upload-Offset': '0', ...offsetBody, 'Transfer-Encoding': 'chunked' }
    const { request, answer } = begin(tus.port, 'PATCH', path, { headers })
    request.write('abcdef')
    request.write('ghijklm')
    expect((await answer).status).toBe(413)
    request.destroy()
    const offset = told(await head(path))[1] as number
    expect(told(await patch(path, offset, 'abcdefghij'.slice(offset)))).toEqual([204, 10])
  })

  test('a refusal arrives also before a long body is out, and the connection can be used again after a short one', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    try {
      const path = await create(10)
      const headers = { 'Upload-Offset': '0', ...offsetBody }
      for (const body of [Buffer.alloc(400_000), Buffer.alloc(limits.smallUploadBytes)]) {
        const chunked = { ...headers, 'Transfer-Encoding': 'chunked' }
        const startedMs = performance.now()
        const refused = await ask(tus.port, 'PATCH', path, { headers: chunked, body, agent })
        expect(refused.status).toBe(413)
        expect((await ask(tus.port, 'HEAD', path, { agent })).status).toBe(200)
        expect(performance.now() - startedMs).toBeLessThan(5_000)
      }
      const long = begin(tus.port, 'PATCH', path, { headers: { ...headers, 'Content-Length': 2 ** 32 } })
      long.request.write(Buffer.alloc(1_000_000))
      expect((await long.answer).status).toBe(413)
      long.request.destroy()
    } finally {
      agent.destroy()
    }
  })
})

describe('an end before the end', () => {
  test('by its client: gone, and nothing of it is left to find', async () => {
    const path = await create(10)
    await patch(path, 0, 'abcd')
    expect((await ask(tus.port, 'DELETE', path)).status).toBe(204)
    expect((await head(path)).status).toBe(410)
    expect((await patch(path, 4, 'x')).status).toBe(410)
    expect((await ask(tus.port, 'DELETE', path)).status).toBe(410)
  })

  test('by time', async () => {
    const path = await create(10)
    const done = (await post({ 'Upload-Length': 3, ...offsetBody }, 'abc')).headers.location as string
    clock.advance(limits.uploadLifetimeMs - 1)
    expect((await head(path)).status).toBe(200)
    clock.advance(2)
    expect((await head(path)).status).toBe(410)
    expect((await patch(path, 0, 'x')).status).toBe(410)
    // One that is stored has nothing to expire but its receipt.
    expect(told(await head(done))).toEqual([200, 3])
  })

  test('by bytes that are not those announced: 460, and nothing is stored', async () => {
    const sha256 = createHash('sha256').update('the photo').digest('hex')
    const before = await keysOf(bucket, placementPrefix(people[0]))
    const headers = { 'Upload-Length': 9, 'Upload-Metadata': metadataOf({ sha256 }), ...offsetBody }
    expect((await post(headers, 'the phot0')).status).toBe(460)
    expect(await keysOf(bucket, placementPrefix(people[0]))).toEqual(before)

    const path = await create(9, { sha256 })
    await patch(path, 0, 'the ')
    expect((await patch(path, 4, 'phot0')).status).toBe(460)
    expect((await head(path)).status).toBe(410)

    const large = randomBytes(limits.smallUploadBytes + 1)
    const big = await create(large.length, { sha256 })
    expect((await patch(big, 0, large)).status).toBe(460)
    expect((await head(big)).status).toBe(410)

    expect((await post(headers, 'the photo')).status).toBe(201)
  })
})

describe('a connection that breaks', () => {
  test('at any byte: what was told is durable, and the upload goes on from there', { timeout: 120_000 }, async () => {
    for (let round = 0; round < 25; round++) {
      const content = randomBytes(round % 8 === 0 ? 9_000_000 : 1 + Math.floor(Math.random() * 400_000))
      const path = await create(content.length)
      let offset = 0
      let sentBytes = 0
      const askWhere = async () => {
        const [status, now] = told(await head(path)) as [number, number]
        expect(status).toBe(200)
        expect(now).toBeGreaterThanOrEqual(offset)
        expect(now).toBeLessThanOrEqual(sentBytes)
        offset = now
      }
      for (let cut = 0; cut < 3; cut++) {
        const cutBytes = Math.floor(Math.random() * (content.length - offset))
        sentBytes = Math.max(sentBytes, offset + cutBytes)
        const headers = { 'Upload-Offset': offset, ...offsetBody, 'Content-Length': content.length - offset }
        const { request } = begin(cut % 2 === 0 ? tus.port : other.port, 'PATCH', path, { headers })
        request.flushHeaders()
        await new Promise(resolve => request.write(content.subarray(offset, offset + cutBytes), resolve))
        if (cut === 1) await sleep(20)
        request.destroy()
        await askWhere()
      }
      // A broken request may reach the server only after HEAD was answered: then this one is in its way, and asks again.
      const goOn = () => patch(path, offset, content.subarray(offset)).catch(() => undefined)
      let last = await goOn()
      for (let again = 0; last?.status !== 204 && again < 3; again++) {
        await askWhere()
        last = await goOn()
      }
      if (last?.status !== 204) throw new Error(`it does not come to its end: ${last?.status}`)
      expect((await stored(receiptOf(last)[0])).equals(content)).toBe(true)
    }
  })

  test('during creation: the upload ends with it, since nobody knows where it is', async () => {
    const openOnes = async () => {
      const [row] = await region.db.query<{ count: number }>(
        `select count(*) as count from uploads where person = $1 and state = 'open'`,
        [people[1].person],
      )
      return Number(row?.count)
    }
    const before = await openOnes()
    const headers = { 'Upload-Length': 1_000, ...offsetBody, 'Content-Length': 1_000, person: '1' }
    const { request } = begin(tus.port, 'POST', uploads, { headers })
    request.write('begun')
    await waitUntil(async () => (await openOnes()) === before + 1, { what: 'the upload', deadlineMs: 5_000 })
    request.destroy()
    await waitUntil(async () => (await openOnes()) === before, { what: 'its end', deadlineMs: 5_000 })
  })

  test('leaves no handler behind, and no memory', async () => {
    await waitUntil(async () => tus.running() + other.running() === 0, { what: 'no handler', deadlineMs: 5_000 })
    expect([tus.engine.heldBytes(), other.engine.heldBytes()]).toEqual([0, 0])
  })
})

describe('a request that hangs', () => {
  async function hang(server: TusServer, content: Buffer, sentBytes: number) {
    const path = await create(content.length)
    const headers = { 'Upload-Offset': 0, ...offsetBody, 'Content-Length': content.length }
    const hung = begin(server.port, 'PATCH', path, { headers })
    hung.request.write(content.subarray(0, sentBytes))
    const before = server.engine.heldBytes()
    await waitUntil(async () => server.engine.heldBytes() >= before + sentBytes, {
      what: 'its bytes',
      deadlineMs: 5_000,
    })
    return { path, hung }
  }

  test.each([
    ['of the same process', () => tus],
    ['of another process', () => other],
  ])('is ended by a newer one %s, and loses nothing', async (_title, older) => {
    const content = randomBytes(20_000)
    const { path, hung } = await hang(older(), content, 5_000)
    const startedMs = performance.now()
    const conflict = await patch(path, 0, content)
    expect(told(conflict)).toEqual([409, 5_000])
    await expect(hung.answer).rejects.toThrow()
    const last = await patch(path, 5_000, content.subarray(5_000))
    expect(performance.now() - startedMs).toBeLessThan(1_500)
    expect((await stored(receiptOf(last)[0])).equals(content)).toBe(true)
  })

  test('is ended by HEAD, which tells what it brought', async () => {
    const content = randomBytes(20_000)
    const { path, hung } = await hang(tus, content, 7_000)
    const startedMs = performance.now()
    expect(told(await head(path, other.port))).toEqual([200, 7_000])
    expect(performance.now() - startedMs).toBeLessThan(1_500)
    await expect(hung.answer).rejects.toThrow()
  })

  test('is ended by DELETE', async () => {
    const { path, hung } = await hang(tus, randomBytes(20_000), 7_000)
    expect((await ask(other.port, 'DELETE', path)).status).toBe(204)
    await expect(hung.answer).rejects.toThrow()
    expect((await head(path)).status).toBe(410)
  })

  test('is cut off after its time, and what it brought is kept', async () => {
    const { path, hung } = await hang(other, randomBytes(20_000), 7_000)
    await expect(hung.answer).rejects.toThrow()
    expect(told(await head(path))).toEqual([200, 7_000])
  })

  test('only while it is waited for: a slow bucket is not the client’s fault', async () => {
    const slow: Bucket = {
      ...bucket,
      uploadPart: async (...args) => {
        await sleep(3 * stallMs)
        return bucket.uploadPart(...args)
      },
    }
    const signals = await region.openSignals()
    const server = await startTus({ db: region.db, bucket: slow, clock, people, signals, stallMs })
    try {
      const content = randomBytes(limits.partSizeBytes + 300_000)
      const path = await create(content.length)
      const headers = { 'Upload-Offset': 0, ...offsetBody }
      const answer = await ask(server.port, 'PATCH', path, { headers, body: content })
      expect(told(answer)).toEqual([204, content.length])
    } finally {
      await server.close()
    }
  })

  test('whose process is no more is fenced off after one wait', async () => {
    const content = randomBytes(1_000)
    const path = await create(content.length)
    // As a killed process leaves it.
    await region.db.query(`update uploads set hold = 'held', holder = holder + 1 where id = $1`, [path.slice(-26)])
    const startedMs = performance.now()
    expect(told(await patch(path, 0, content))).toEqual([204, 1_000])
    expect(performance.now() - startedMs).toBeLessThan(3_500)
  })
})
