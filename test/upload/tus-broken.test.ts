/** Goal: an upload that goes wrong, by its client or by its connection, loses nothing that was told and leaves nothing behind. */
import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { placementPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { waitUntil } from '../support/wait-until.js'
import { keysOf } from './region.js'
import { receiptOf, requestsTo, stallMs, told, useTus } from './tus-scene.js'
import { ask, begin, metadataOf, offsetBody, startTus, type TusServer, uploads } from './tus-server.js'

const scene = useTus()
const { post, patch, head, create, stored } = requestsTo(scene)

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
    const { request, answer } = begin(scene.tus.port, 'PATCH', path, { headers })
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
        const refused = await ask(scene.tus.port, 'PATCH', path, { headers: chunked, body, agent })
        expect(refused.status).toBe(413)
        expect((await ask(scene.tus.port, 'HEAD', path, { agent })).status).toBe(200)
        expect(performance.now() - startedMs).toBeLessThan(5_000)
      }
      const long = begin(scene.tus.port, 'PATCH', path, { headers: { ...headers, 'Content-Length': 2 ** 32 } })
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
    expect((await ask(scene.tus.port, 'DELETE', path)).status).toBe(204)
    expect((await head(path)).status).toBe(410)
    expect((await patch(path, 4, 'x')).status).toBe(410)
    expect((await ask(scene.tus.port, 'DELETE', path)).status).toBe(410)
  })

  test('by time', async () => {
    const path = await create(10)
    const done = (await post({ 'Upload-Length': 3, ...offsetBody }, 'abc')).headers.location as string
    scene.clock.advance(limits.uploadLifetimeMs - 1)
    expect((await head(path)).status).toBe(200)
    scene.clock.advance(2)
    expect((await head(path)).status).toBe(410)
    expect((await patch(path, 0, 'x')).status).toBe(410)
    // One that is stored has nothing to expire but its receipt.
    expect(told(await head(done))).toEqual([200, 3])
  })

  test('by bytes that are not those announced: 460, and nothing is stored', async () => {
    const sha256 = createHash('sha256').update('the photo').digest('hex')
    const before = await keysOf(scene.bucket, placementPrefix(scene.people[0]))
    const headers = { 'Upload-Length': 9, 'Upload-Metadata': metadataOf({ sha256 }), ...offsetBody }
    expect((await post(headers, 'the phot0')).status).toBe(460)
    expect(await keysOf(scene.bucket, placementPrefix(scene.people[0]))).toEqual(before)

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
        const { request } = begin(cut % 2 === 0 ? scene.tus.port : scene.other.port, 'PATCH', path, { headers })
        request.flushHeaders()
        await new Promise(resolve => request.write(content.subarray(offset, offset + cutBytes), resolve))
        if (cut === 1) await sleep(20)
        request.destroy()
        await askWhere()
      }
      // A broken request may reach the server only after HEAD was answered: then this one is in its way, and asks again.
      const goOn = () => {
        sentBytes = content.length
        return patch(path, offset, content.subarray(offset)).catch(() => undefined)
      }
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
      const [row] = await scene.region.db.query<{ count: number }>(
        `select count(*) as count from uploads where person = $1 and state = 'open'`,
        [scene.people[1].person],
      )
      return Number(row?.count)
    }
    const before = await openOnes()
    const headers = { 'Upload-Length': 1_000, ...offsetBody, 'Content-Length': 1_000, person: '1' }
    const { request } = begin(scene.tus.port, 'POST', uploads, { headers })
    request.write('begun')
    await waitUntil(async () => (await openOnes()) === before + 1, { what: 'the upload', deadlineMs: 5_000 })
    request.destroy()
    await waitUntil(async () => (await openOnes()) === before, { what: 'its end', deadlineMs: 5_000 })
  })

  test('leaves no handler behind, and no memory', async () => {
    await waitUntil(async () => scene.tus.running() + scene.other.running() === 0, {
      what: 'no handler',
      deadlineMs: 5_000,
    })
    expect([scene.tus.engine.heldBytes(), scene.other.engine.heldBytes()]).toEqual([0, 0])
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
    ['of the same process', () => scene.tus],
    ['of another process', () => scene.other],
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
    const { path, hung } = await hang(scene.tus, content, 7_000)
    const startedMs = performance.now()
    expect(told(await head(path, scene.other.port))).toEqual([200, 7_000])
    expect(performance.now() - startedMs).toBeLessThan(1_500)
    await expect(hung.answer).rejects.toThrow()
  })

  test('is ended by DELETE', async () => {
    const { path, hung } = await hang(scene.tus, randomBytes(20_000), 7_000)
    expect((await ask(scene.other.port, 'DELETE', path)).status).toBe(204)
    await expect(hung.answer).rejects.toThrow()
    expect((await head(path)).status).toBe(410)
  })

  test('is cut off after its time, and what it brought is kept', async () => {
    const { path, hung } = await hang(scene.other, randomBytes(20_000), 7_000)
    await expect(hung.answer).rejects.toThrow()
    expect(told(await head(path))).toEqual([200, 7_000])
  })

  test('only while it is waited for: a slow bucket is not the client’s fault', async () => {
    const slow: Bucket = {
      ...scene.bucket,
      uploadPart: async (...args) => {
        await sleep(3 * stallMs)
        return scene.bucket.uploadPart(...args)
      },
    }
    const { clock, people, region } = scene
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
    await scene.region.db.query(`update uploads set hold = 'held', holder = holder + 1 where id = $1`, [
      path.slice(-26),
    ])
    const startedMs = performance.now()
    expect(told(await patch(path, 0, content))).toEqual([204, 1_000])
    expect(performance.now() - startedMs).toBeLessThan(3_500)
  })
})
