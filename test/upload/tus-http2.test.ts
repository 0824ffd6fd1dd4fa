/** Goal: over HTTP/2 the endpoint keeps the same promises, and what goes wrong with one upload leaves the others on its connection alone. */
import { createHash, randomBytes } from 'node:crypto'
import http2, { constants } from 'node:http2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import { waitUntil } from '../support/wait-until.js'
import { requestsTo, stallMs, told, useTus } from './tus-scene.js'
import { offsetBody, startTus, type TusServer, uploads } from './tus-server.js'

const scene = useTus()
const { head, create, stored } = requestsTo(scene)
let server: TusServer
let client: http2.ClientHttp2Session

beforeAll(async () => {
  const { region, bucket, clock, people } = scene
  const signals = await region.openSignals()
  server = await startTus({ db: region.db, bucket, clock, people, signals, stallMs, http2: true })
  client = http2.connect(`http://127.0.0.1:${server.port}`)
})
afterAll(async () => {
  client.destroy()
  await server.close()
})

type Headers = Readonly<Record<string, string | number>>

/** Under way: its body goes out as a test writes it. */
function begin(method: string, path: string, headers: Headers = {}) {
  const stream = client.request(
    { ':method': method, ':path': path, 'tus-resumable': '1.0.0', ...headers },
    { endStream: false },
  )
  // Its end says how it went.
  stream.on('error', () => {})
  const answer = new Promise<{ status: number; headers: http2.IncomingHttpHeaders; text: string }>(
    (resolve, reject) => {
      let head: http2.IncomingHttpHeaders | undefined
      let text = ''
      stream.on('response', told => {
        head = told
      })
      stream.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      stream.on('close', () => {
        if (head) resolve({ status: Number(head[':status']), headers: head, text })
        else reject(new Error(`reset with ${stream.rstCode}`))
      })
    },
  )
  answer.catch(() => {})
  return { stream, answer }
}

function ask(method: string, path: string, headers: Headers = {}, body: Buffer | string = '') {
  const { stream, answer } = begin(method, path, headers)
  stream.end(body)
  return answer
}

describe('over HTTP/2', () => {
  test('an upload is created, sent and asked for', async () => {
    const content = randomBytes(300_000)
    const created = await ask('POST', uploads, { 'upload-length': content.length })
    expect(told(created)).toEqual([201, 0])
    expect(created.headers['tus-resumable']).toBe('1.0.0')
    const path = created.headers.location as string
    const append = (from: number, to: number) =>
      ask('PATCH', path, { 'upload-offset': from, ...offsetBody }, content.subarray(from, to))
    expect(told(await append(0, 200_000))).toEqual([204, 200_000])
    expect(told(await append(0, 200_000))).toEqual([409, 200_000])
    const last = await append(200_000, content.length)
    expect(told(last)).toEqual([204, content.length])
    expect((await stored(last.headers['photosync-photo'])).equals(content)).toBe(true)
    const found = await ask('HEAD', path)
    expect([...told(found), found.text]).toEqual([200, content.length, ''])
    expect(found.headers['photosync-photo']).toBe(last.headers['photosync-photo'])
  })

  test('one comes whole with its creation, and an empty body is none', async () => {
    const content = randomBytes(50_000)
    const created = await ask('POST', uploads, { 'upload-length': content.length, ...offsetBody }, content)
    expect(told(created)).toEqual([201, content.length])
    expect(told(await ask('POST', uploads, { 'upload-length': 5, ...offsetBody }))).toEqual([201, 0])
  })

  test('a POST that is a HEAD has no body, and errors are told as everywhere', async () => {
    const path = await create(3)
    const found = await ask('POST', path, { 'x-http-method-override': 'HEAD' })
    expect([...told(found), found.text, found.headers['cache-control']]).toEqual([200, 0, '', 'no-store'])
    const refused = await ask('POST', uploads, { 'upload-length': 'x' })
    expect([refused.status, refused.headers['tus-resumable']]).toEqual([400, '1.0.0'])
    expect(refused.text).toMatch(/Upload-Length/)
    const absent = `${uploads}/${'0'.repeat(26)}`
    expect((await ask('PATCH', absent, { 'upload-offset': 0, ...offsetBody }, 'a')).status).toBe(404)
    expect((await ask('GET', path)).status).toBe(405)
    expect((await ask('OPTIONS', uploads)).status).toBe(200)
  })
})

/** Begins an upload's body and waits until the server has that much of it. */
async function partly(path: string, content: Buffer, sentBytes: number, headers: Headers = {}) {
  const before = server.engine.heldBytes()
  const begun = begin('PATCH', path, { 'upload-offset': 0, ...offsetBody, ...headers })
  begun.stream.write(content.subarray(0, sentBytes))
  await waitUntil(async () => server.engine.heldBytes() >= before + sentBytes, { what: 'its bytes', deadlineMs: 5_000 })
  return begun
}

/** By RST_STREAM alone: Node's `close` would say first that the body has ended. */
const breakOff = (stream: http2.ClientHttp2Stream) => void stream.destroy(new Error('broke off'))

describe('a stream that breaks off', () => {
  test('is as far as what came of it', async () => {
    const content = randomBytes(10_000)
    const path = await create(content.length)
    const { stream } = await partly(path, content, 4_000)
    breakOff(stream)
    await waitUntil(async () => told(await head(path))[1] === 4_000, { what: 'what came', deadlineMs: 5_000 })
    const rest = { 'upload-offset': 4_000, ...offsetBody }
    expect(told(await ask('PATCH', path, rest, content.subarray(4_000)))).toEqual([204, 10_000])
  })

  test('with a checksum: nothing of it is', async () => {
    const content = randomBytes(10_000)
    const path = await create(20_000)
    // Of just what arrives: that it is not all is known from how it ended.
    const digest = createHash('sha1').update(content.subarray(0, 4_000)).digest('base64')
    const { stream } = await partly(path, content, 4_000, { 'upload-checksum': `sha1 ${digest}` })
    breakOff(stream)
    await waitUntil(async () => server.running() === 0, { what: 'its end', deadlineMs: 5_000 })
    expect(told(await head(path))).toEqual([200, 0])
  })

  test('by its stall is reset, and others on its connection go on', async () => {
    const content = randomBytes(10_000)
    const [path, other] = [await create(content.length), await create(content.length)]
    const { answer } = await partly(path, content, 4_000)
    await expect(answer).rejects.toThrow(`reset with ${constants.NGHTTP2_CANCEL}`)
    expect(told(await head(path))).toEqual([200, 4_000])
    expect(told(await ask('PATCH', other, { 'upload-offset': 0, ...offsetBody }, content))).toEqual([204, 10_000])
  })

  test('during creation: the upload ends with it, since nobody knows where it is', async () => {
    const openOnes = async () => {
      const [row] = await scene.region.db.query<{ count: number }>(
        `select count(*) as count from uploads where person = $1 and state = 'open'`,
        [scene.people[1].person],
      )
      return Number(row?.count)
    }
    const { stream } = begin('POST', uploads, { 'upload-length': 1_000, ...offsetBody, person: '1' })
    stream.write('begun')
    await waitUntil(async () => (await openOnes()) === 1, { what: 'the upload', deadlineMs: 5_000 })
    breakOff(stream)
    await waitUntil(async () => (await openOnes()) === 0, { what: 'its end', deadlineMs: 5_000 })
  })
})

test('a refusal arrives before a long body is out, and the connection serves on', async () => {
  const path = await create(10)
  const { stream, answer } = begin('PATCH', path, { 'upload-offset': 0, ...offsetBody })
  stream.write(Buffer.alloc(limits.smallUploadBytes))
  const refused = await answer
  expect([refused.status, refused.headers['tus-resumable']]).toEqual([413, '1.0.0'])
  expect(told(await ask('PATCH', path, { 'upload-offset': 0, ...offsetBody }, 'abcdefghij'))).toEqual([204, 10])
})

test('no handler is left behind, and no memory', async () => {
  await waitUntil(async () => server.running() === 0, { what: 'no handler', deadlineMs: 5_000 })
  expect(server.engine.heldBytes()).toBe(0)
})
