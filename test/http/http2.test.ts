/**
 * Goal: over HTTP/2 an upload never waits for leave to send on a long link, a body that broke off is never taken for a whole one, and
 * an early answer reaches its client; on the same port HTTP/1.1 goes on.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import { rawRoutes } from '../../src/http/raw.js'
import { readSessionCookie, setSessionCookie } from '../../src/http/session-cookie.js'
import { closeOf } from '../support/close-of.js'
import { waitUntil } from '../support/wait-until.js'
import { makeCertificate } from './certificate.js'
import { endStream, openFrames } from './http2-frames.js'
import { readProblem } from './region.js'
import { bodyOf, readUntil, type Scene, startScene, token } from './scene.js'

const tls = makeCertificate()
let here: Scene
let handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>

const warnings: Error[] = []
process.on('warning', warning => warnings.push(warning))

beforeAll(async () => {
  here = await startScene({
    tls,
    routes: parts => [
      rawRoutes(parts, {
        prefix: '/v1/uploads',
        handle: (request, response) => handle(request, response),
        options: async (_request, response) => void response.writeHead(204).end(),
      }),
      async app => {
        app.post('/v1/json', async (request, reply) => {
          setSessionCookie(request, reply, 'new')
          return { got: request.body, cookie: readSessionCookie(request), from: request.ip }
        })
      },
    ],
  })
})
afterAll(() => here.close())

const upload = { ':method': 'PATCH', ':path': '/v1/uploads/x', authorization: `Bearer ${token}` }

async function count(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let sizeBytes = 0
  for await (const chunk of request) sizeBytes += (chunk as Buffer).length
  response.end(`${sizeBytes} bytes`)
}

describe('the protocol', () => {
  test('is the client’s choice, on one port', async () => {
    handle = count
    const session = await here.session()
    expect(session.alpnProtocol).toBe('h2')
    session.destroy()
    const socket = (await here.socket()) as TLSSocket
    expect(socket.alpnProtocol).toBe('http/1.1')
    const head = `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 3\r\n\r\n`
    socket.write(`${head}abc`)
    expect(await readUntil(socket, text => text.endsWith('bytes'))).toMatch(/^HTTP\/1\.1 200 OK\r\n.*3 bytes$/s)
    socket.destroy()
  })

  test('over TLS HTTP/1.1 needs a Host, too', async () => {
    const socket = await here.socket()
    socket.write('GET /v1/json HTTP/1.1\r\n\r\n')
    expect(await readUntil(socket)).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('JSON, cookies and addresses are what they are over HTTP/1.1', async () => {
    const headers = { cookie: 'photosync_session_us-west-2=mine', 'sec-fetch-site': 'same-origin' }
    const response = await here.ask('POST', '/v1/json', { json: [1], headers })
    expect(await response.json()).toEqual({ got: [1], cookie: 'mine', from: '127.0.0.1' })
    // No proxy and no Origin says so: the connection itself is secure.
    expect(response.headers.get('set-cookie')).toContain('; Secure')
  })

  test.each([
    ['{', 400],
    [`"${'x'.repeat(limits.jsonBodyBytes)}"`, 413],
  ])('a body that can’t be taken is a problem', async (body, status) => {
    const headers = { 'content-type': 'application/json' }
    expect(await readProblem(await here.ask('POST', '/v1/json', { token, body, headers }))).toMatchObject({ status })
  })
})

describe('windows', () => {
  test('let 8.5 MB go before anything of it is read, which keeps 100 Mbit/s full over 340 ms', async () => {
    const release = holdHandlers()
    const session = await here.session()
    const stream = session.request(upload)
    const piece = Buffer.alloc(64 * 1024)
    let sentBytes = 0
    const sendOn = () => {
      stream.write(piece, error => {
        if (error || sentBytes >= 8_500_000) return
        sentBytes += piece.length
        sendOn()
      })
    }
    sendOn()
    await waitUntil(async () => sentBytes >= 8_500_000, { what: '8.5 MB under way', deadlineMs: 20_000 })
    // And another body still has as much again.
    expect(session.state.remoteWindowSize).toBeGreaterThan(4_250_000)
    stream.end()
    release()
    expect((await bodyOf(stream)).toString()).toMatch(/^8\d{6} bytes$/)
    session.destroy()
  })

  test('a hundred uploads on one connection all arrive', async () => {
    handle = count
    const body = Buffer.alloc(300_000)
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => (await here.ask('PATCH', '/v1/uploads/x', { token, body })).text()),
    )
    expect(new Set(answers)).toEqual(new Set(['300000 bytes']))
  })

  test('a hundred large answers on one connection all arrive, when their client is slow', async () => {
    handle = async (_request, response) => void response.end(Buffer.alloc(250_000))
    const session = await here.session()
    const streams = Array.from({ length: 100 }, () => session.request({ ...upload, ':method': 'GET' }))
    await Promise.all(streams.map(stream => once(stream, 'response')))
    const answers = await Promise.all(streams.map(bodyOf))
    expect(new Set(answers.map(({ length }) => length))).toEqual(new Set([250_000]))
    session.destroy()
  })

  test('bound what a client can say before it is heard', async () => {
    const session = await here.session()
    expect(session.remoteSettings).toMatchObject({ maxConcurrentStreams: 100, maxHeaderListSize: 16_384 })
    const stream = session.request({ ...upload, 'upload-metadata': 'x'.repeat(20_000) })
    await once(stream, 'error')
    expect(stream.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    session.destroy()
  })
})

describe('a body that breaks off', () => {
  type Fate = 'whole' | 'broken'
  const authorization = `Bearer ${token}`

  test.each<[string, Fate, (frames: Awaited<ReturnType<typeof openFrames>>) => void]>([
    ['its end', 'whole', ({ data }) => data(Buffer.alloc(0), endStream)],
    ['a reset that cancels', 'broken', ({ reset }) => reset(constants.NGHTTP2_CANCEL)],
    ['a reset without an error', 'broken', ({ reset }) => reset(constants.NGHTTP2_NO_ERROR)],
    ['a connection that is cut', 'broken', ({ socket }) => socket.destroy()],
    ['a connection that is closed', 'broken', ({ socket }) => socket.end()],
  ])('%s makes it %s', async (_, fate, end) => {
    const seen = watchBodies()
    const frames = await openFrames(here.port, tls)
    frames.begin({ authorization })
    frames.data(Buffer.alloc(1_000))
    await waitUntil(async () => seen.bytes === 1_000, { what: 'the first bytes', deadlineMs: 5_000 })
    end(frames)
    await waitUntil(async () => seen.fate !== undefined, { what: 'the end', deadlineMs: 5_000 })
    expect(seen).toMatchObject({ fate, complete: fate === 'whole' })
    frames.socket.destroy()
  })

  test('is broken also when nobody had begun to read it', async () => {
    const release = holdHandlers()
    const seen = watchBodies(handle)
    const frames = await openFrames(here.port, tls)
    frames.begin({ authorization })
    frames.data(Buffer.alloc(1_000))
    frames.reset(constants.NGHTTP2_CANCEL)
    await waitUntil(async () => seen.aborted, { what: 'the reset', deadlineMs: 5_000 })
    release()
    await waitUntil(async () => seen.fate !== undefined, { what: 'the end', deadlineMs: 5_000 })
    expect(seen.fate).toBe('broken')
    frames.socket.destroy()
  })

  test('one that is shorter than it said is broken', async () => {
    const seen = watchBodies()
    const frames = await openFrames(here.port, tls)
    frames.begin({ authorization, 'content-length': '2000' })
    frames.data(Buffer.alloc(1_000), endStream)
    await waitUntil(async () => seen.fate !== undefined, { what: 'the end', deadlineMs: 5_000 })
    expect(seen.fate).toBe('broken')
    frames.socket.destroy()
  })

  test('by the handler’s wish, its client hears of it at once', async () => {
    handle = async request => {
      request.resume()
      request.destroy()
    }
    const session = await here.session()
    const stream = session.request(upload)
    stream.write('some')
    await once(
      stream.on('error', () => {}),
      'close',
    )
    expect([stream.rstCode, session.destroyed]).toEqual([constants.NGHTTP2_CANCEL, false])
    session.destroy()
  })
})

describe('an answer before the end of the body', () => {
  // Larger than the window that the client gives us.
  const answer = Buffer.alloc(300_000, 'answer')

  test.each<[string, (request: IncomingMessage) => Promise<unknown>]>([
    ['none', async () => {}],
    ['some', async request => request.iterator({ destroyOnReturn: false }).next()],
  ])('arrives whole, and the client need send no more, when %s of it was read', async (_, read) => {
    handle = async (request, response) => {
      await read(request)
      response.writeHead(409).end(answer)
    }
    const session = await here.session()
    const stream = session.request(upload)
    stream.write(Buffer.alloc(100_000))
    const got = await bodyOf(stream)
    if (!stream.closed) await closeOf(stream)
    expect([got.equals(answer), stream.rstCode]).toEqual([true, constants.NGHTTP2_NO_ERROR])
    session.destroy()
  })

  test.each<[string, string[], (response: ServerResponse) => void]>([
    ['with a body', ['headers', 'data', 'data+end'], response => response.end('no')],
    ['in parts', ['headers', 'data', 'data', 'data+end'], response => response.write('n', () => response.end('o'))],
    ['without a body', ['headers+end'], response => response.writeHead(204).end()],
    ['empty', ['headers+end'], response => response.end()],
    ['empty after its head', ['headers', 'data+end'], response => response.writeHead(200).end()],
  ])('%s: its own end comes before the word that no more is wanted', async (_, frames, end) => {
    handle = async (request, response) => {
      await request.iterator({ destroyOnReturn: false }).next()
      end(response)
    }
    const { begin, data, received, socket } = await openFrames(here.port, tls)
    begin({ authorization: `Bearer ${token}` })
    data(Buffer.alloc(1_000))
    const isOver = async () => received().some(frame => frame.startsWith('reset'))
    await waitUntil(isOver, { what: 'the word', deadlineMs: 5_000 })
    expect(received()).toEqual([...frames, 'reset 0'])
    socket.destroy()
  })
})

test('Node had nothing to warn of', () => {
  expect(warnings.filter(({ name }) => name === 'UnsupportedWarning')).toEqual([])
})

/** Handlers of requests from now on begin when the function that it returns is called. */
function holdHandlers(): () => void {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  handle = async (request, response) => {
    await held
    await count(request, response)
  }
  return release
}

/** What handlers see of bodies, from now on, where nothing else reads them. */
function watchBodies(read?: typeof handle) {
  const seen: { bytes: number; aborted: boolean; complete?: boolean; fate?: 'whole' | 'broken' } = {
    bytes: 0,
    aborted: false,
  }
  const listen: typeof handle = async (request, response) => {
    for await (const chunk of request) seen.bytes += (chunk as Buffer).length
    response.end()
  }
  handle = async (request, response) => {
    request.once('aborted', () => {
      seen.aborted = true
    })
    try {
      await (read ?? listen)(request, response)
      seen.fate = 'whole'
    } catch {
      seen.fate = 'broken'
    }
    seen.complete = request.complete
  }
  return seen
}
