/**
 * Goal: raw handlers get an untouched request of a proven caller, fail as problems, and are waited for when the server ends; over
 * HTTP/1.1 and over HTTP/2 alike.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Caller } from '../../src/accounts/caller.js'
import { AppError } from '../../src/core/errors.js'
import { limits } from '../../src/core/limits.js'
import { rawRoutes } from '../../src/http/raw.js'
import { closeHttp } from '../../src/http/server.js'
import { waitUntil } from '../support/wait-until.js'
import { makeCertificate } from './certificate.js'
import { readProblem } from './region.js'
import { cookie, readUntil, type Scene, startScene, token } from './scene.js'

let here: Scene
let handle: (request: IncomingMessage, response: ServerResponse, caller: Caller) => Promise<void>

const start = (tls: boolean) =>
  startScene({
    ...(tls && { tls: makeCertificate() }),
    routes: parts => [
      rawRoutes(parts, {
        prefix: '/v1/uploads',
        handle: (request, response, caller) => handle(request, response, caller),
        options: async (_request, response) => {
          response.writeHead(204, { 'Tus-Version': '1.0.0' }).end()
        },
        errorHeaders: { 'Tus-Resumable': '1.0.0' },
      }),
    ],
  })

async function count(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let sizeBytes = 0
  for await (const chunk of request) sizeBytes += (chunk as Buffer).length
  response.end(`${request.method} ${request.url} ${sizeBytes}`)
}

describe.each([
  ['HTTP/1.1', false],
  ['HTTP/2', true],
])('over %s', (_, tls) => {
  beforeEach(async () => {
    here = await start(tls)
  })
  afterEach(() => here.close())

  test.each(['/v1/uploads/%', '/v1/uploads/%zz?a=%', '/v1/uploads/%ff/b'])(
    'an address that is none reaches it: %s',
    async path => {
      handle = async (_request, response) => void response.writeHead(404, { 'Tus-Resumable': '1.0.0' }).end()
      const response = await here.ask('HEAD', path, { token })
      expect([response.status, response.headers.get('tus-resumable')]).toEqual([404, '1.0.0'])
      const elsewhere = await here.ask('GET', '/v1/other/%zz', { token })
      expect([elsewhere.status, elsewhere.headers.get('tus-resumable')]).toEqual([400, null])
    },
  )

  test('a method that nobody answers has its headers all the same', async () => {
    const response = await here.ask('PROPFIND', '/v1/uploads/x', { token })
    expect([response.status, response.headers.get('tus-resumable')]).toEqual([404, '1.0.0'])
  })

  describe('a request', () => {
    test.each([
      ['POST', '/v1/uploads', 'application/octet-stream'],
      ['PATCH', '/v1/uploads/some-id', 'application/offset+octet-stream'],
      ['PUT', '/v1/uploads/a/b', 'application/json'],
      ['POST', '/v1/uploads?x=1', ''],
    ])('%s %s as %j arrives whole, however large', async (method, path, contentType) => {
      handle = count
      const body = Buffer.alloc(limits.jsonBodyBytes * 4, 'x')
      const headers = contentType ? { 'Content-Type': contentType } : {}
      const response = await here.ask(method, path, { token, body, headers })
      expect(await response.text()).toBe(`${method} ${path} ${body.length}`)
    })

    test('whose length nobody said arrives whole', async () => {
      let length: string | undefined = 'unseen'
      handle = async (request, response) => {
        length = request.headers['content-length']
        await count(request, response)
      }
      const pieces = [Buffer.alloc(300_000, 'a'), Buffer.alloc(1, 'b'), Buffer.alloc(200_000, 'c')]
      const response = await here.ask('PATCH', '/v1/uploads/x', { token, body: streamOf(pieces) })
      expect([length, await response.text()]).toEqual([undefined, 'PATCH /v1/uploads/x 500001'])
    })

    test.each(['GET', 'HEAD', 'DELETE'])('%s has its caller', async method => {
      let seen: Caller | undefined
      handle = async (_request, response, caller) => {
        seen = caller
        response.writeHead(200).end()
      }
      // As a browser's own page asks.
      const headers = { 'Sec-Fetch-Site': 'same-origin' }
      expect((await here.ask(method, '/v1/uploads/x', { cookie, headers })).status).toBe(200)
      expect(seen).toEqual({ person: 'ana', epoch: 1, device: null, session: true })
    })

    test('OPTIONS is for everybody', async () => {
      const response = await here.ask('OPTIONS', '/v1/uploads')
      expect([response.status, response.headers.get('tus-version')]).toEqual([204, '1.0.0'])
    })

    test('without a caller never reaches the handler', async () => {
      handle = async () => expect.unreachable()
      for (const [headers, status] of [
        [{}, 401],
        [{ Cookie: cookie, Origin: 'https://evil.example' }, 403],
      ] as const) {
        const response = await here.ask('POST', '/v1/uploads', { headers, body: 'x' })
        expect(response.headers.get('tus-resumable')).toBe('1.0.0')
        expect(await readProblem(response)).toMatchObject({ contentType: 'application/problem+json', status })
      }
    })

    test('may say that it comes from the address that it goes to', async () => {
      handle = count
      const response = await here.ask('POST', '/v1/uploads', {
        headers: { Cookie: cookie, Origin: here.url },
        body: 'x',
      })
      expect(await response.text()).toBe('POST /v1/uploads 1')
    })

    test('is answered with an id and is not cached, unless the handler says otherwise', async () => {
      handle = async (request, response) => {
        response.writeHead(200, request.url?.endsWith('?own') ? { 'Cache-Control': 'max-age=60' } : {}).end()
      }
      for (const [path, caching] of [
        ['/v1/uploads', 'no-store'],
        ['/v1/uploads?own', 'max-age=60'],
      ] as const) {
        const { headers } = await here.ask('GET', path, { token })
        expect([headers.get('x-request-id'), headers.get('cache-control')]).toEqual([expect.any(String), caching])
      }
    })
  })

  describe('a handler that fails', () => {
    test('before it answered: a problem', async () => {
      handle = async () => {
        throw new AppError('held', 'Someone else sends it', { retryAfterSeconds: 1 })
      }
      const response = await here.ask('PATCH', '/v1/uploads/x', { token, body: 'x' })
      expect([response.headers.get('tus-resumable'), response.headers.get('retry-after')]).toEqual(['1.0.0', '1'])
      expect(await readProblem(response)).toMatchObject({ status: 423, kind: 'held', detail: 'Someone else sends it' })
    })

    test('in the midst of its answer: it breaks off', async () => {
      handle = async (_request, response) => {
        response.writeHead(200, { 'Content-Length': 10 }).write('half')
        throw new Error('lost')
      }
      const answer = here.ask('GET', '/v1/uploads/x', { token }).then(response => response.text())
      await expect(answer).rejects.toThrow()
    })
  })

  test('every request is timed by its pattern, also one that broke', async () => {
    handle = count
    await (await here.ask('POST', '/v1/uploads/secret-id', { token, body: 'x' })).text()
    handle = async (_request, response) => void response.destroy()
    await here
      .ask('GET', '/v1/uploads/secret-id', { token })
      .then(response => response.text())
      .catch(() => {})
    await waitUntil(async () => (await metricsText()).includes('photosync_http_requests_open 0'), {
      what: 'the end of both',
      deadlineMs: 5_000,
    })
    const text = await metricsText()
    expect(text).toContain('_count{method="POST",route="/v1/uploads/*",status="2xx"} 1')
    expect(text).toContain('_count{method="GET",route="/v1/uploads/*",status="broken"} 1')
    expect(text).not.toContain('secret-id')
  })

  describe('closing', () => {
    test('lets a request finish and ends its connection', async () => {
      let finish: (() => void) | undefined
      handle = async (_request, response) => {
        await new Promise<void>(resolve => {
          finish = resolve
        })
        response.end('done')
      }
      const answer = here.ask('GET', '/v1/uploads/x', { token })
      await waitUntil(async () => finish !== undefined, { what: 'the handler', deadlineMs: 5_000 })
      const closed = closeHttp(here.app, { deadlineMs: 60_000 })
      await waitUntil(async () => !here.app.server.listening, { what: 'no more listening', deadlineMs: 5_000 })
      await expect(here.socket()).rejects.toThrow('ECONNREFUSED')
      finish?.()
      expect(await (await answer).text()).toBe('done')
      // Long before the deadline, or this test would time out.
      await closed
    })

    test('ends a slow request at the deadline, and waits for its handler to store what came', async () => {
      let stored = false
      let started = false
      handle = async request => {
        started = true
        const broken = new Promise(resolve => request.once('close', resolve))
        request.resume()
        await broken
        await new Promise(resolve => setTimeout(resolve, 200))
        stored = true
      }
      const endless = new ReadableStream({ start: controller => controller.enqueue(Buffer.from('begun')) })
      const answer = here.ask('POST', '/v1/uploads', { token, body: endless }).catch(error => error)
      await waitUntil(async () => started, { what: 'the handler', deadlineMs: 5_000 })
      await closeHttp(here.app, { deadlineMs: 200 })
      expect(stored).toBe(true)
      expect(await answer).toBeInstanceOf(Error)
    })
  })
})

describe('bytes over HTTP/1.1', () => {
  beforeEach(async () => {
    here = await start(false)
    handle = count
  })
  afterEach(() => here.close())

  const post = (more: string) =>
    `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n${more}`

  test.each([
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;name=value\r\nd\r\n0\r\n\r\n', '200', ' 4'],
    ['by length', 'Content-Length: 4\r\n\r\nabcd', '200', ' 4'],
    // Two ends are a way to smuggle a request past a proxy (RFC 9112 §6.3).
    ['both', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', '400', '"kind":"invalid"'],
    ['two lengths', 'Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd', '400', '"kind":"invalid"'],
    ['a chunk without a size', 'Transfer-Encoding: chunked\r\n\r\nxyz\r\n', '400', '"kind":"invalid"'],
  ])('%s', async (_, more, status, words) => {
    const socket = await here.socket()
    socket.write(post(more))
    const text = await readUntil(socket)
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(text).toContain(words)
  })

  describe('an answer before the end of the body', () => {
    beforeEach(() => {
      handle = async (_request, response) => void response.writeHead(409).end()
    })
    const open = (length: number) =>
      `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${length}\r\n\r\n`

    test('leaves the connection to the next request, once the rest has come', async () => {
      const socket = await here.socket()
      socket.write(`${open(200_000)}some`)
      expect(await readUntil(socket, text => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 409 /)
      socket.write(Buffer.alloc(199_996))
      socket.write(open(0))
      expect(await readUntil(socket, text => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 409 /)
      socket.destroy()
    })
  })
})

function streamOf(pieces: readonly Buffer[]): ReadableStream {
  return new ReadableStream({
    start: controller => {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })
}

const metricsText = () => here.metrics.registry.metrics()
