/**
 * Goal: whoever says "Expect: 100-continue" hears "continue" when its body is wanted and not before, so that what is refused for its
 * head alone is never sent; and nobody waits for a word that doesn't come.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import { rawRoutes } from '../../src/http/raw.js'
import { waitUntil } from '../support/wait-until.js'
import { makeCertificate } from './certificate.js'
import { bodyOf, readUntil, type Scene, startScene, token } from './scene.js'

let here: Scene
let handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>

async function start(tls: boolean): Promise<void> {
  here = await startScene({
    ...(tls && { tls: makeCertificate() }),
    routes: parts => [
      rawRoutes(parts, {
        prefix: '/v1/uploads',
        handle: (request, response) => handle(request, response),
        options: async (_request, response) => void response.writeHead(204).end(),
        errorHeaders: { 'Tus-Resumable': '1.0.0' },
      }),
      async app => {
        app.post('/v1/json', async request => ({ got: request.body }))
      },
    ],
  })
  handle = async (request, response) => {
    let sizeBytes = 0
    for await (const chunk of request) sizeBytes += (chunk as Buffer).length
    response.end(`${sizeBytes} bytes`)
  }
}
afterEach(() => here.close())

const goOn = 'HTTP/1.1 100 Continue\r\n\r\n'

interface Head {
  path?: string
  version?: string
  expect?: string
  authorization?: string
  type?: string
  length?: number
}

function head({
  path = '/v1/uploads/x',
  version = '1.1',
  expect: expectation = '100-continue',
  authorization = `Bearer ${token}`,
  type = 'application/offset+octet-stream',
  length = 5,
}: Head = {}): string {
  const lines = [`POST ${path} HTTP/${version}`, 'Host: x', `Authorization: ${authorization}`, `Expect: ${expectation}`]
  return [...lines, `Content-Type: ${type}`, `Content-Length: ${length}`, '', ''].join('\r\n')
}

describe('over HTTP/1.1', () => {
  beforeEach(() => start(false))

  test.each<[string, (request: IncomingMessage) => Promise<unknown>]>([
    ['a loop', request => request.toArray()],
    [
      'a listener',
      request =>
        once(
          request.on('data', () => {}),
          'end',
        ),
    ],
    [
      '"readable"',
      request =>
        once(
          request.on('readable', () => request.read()),
          'end',
        ),
    ],
    ['a pipe', request => request.pipe(new PassThrough()).toArray()],
    ['resume', request => once(request.resume(), 'end')],
  ])('"continue" goes out when the body is read by %s, and not before', async (_, read) => {
    let enter: ((value: unknown) => void) | undefined
    handle = async (request, response) => {
      await new Promise(resolve => {
        enter = resolve
      })
      await read(request)
      response.end('all of it')
    }
    const socket = await here.socket()
    socket.write(head())
    await waitUntil(async () => enter !== undefined, { what: 'the handler', deadlineMs: 5_000 })
    expect(socket.bytesRead).toBe(0)
    enter?.(undefined)
    expect(await readUntil(socket, text => text.includes('\r\n\r\n'))).toBe(goOn)
    socket.write('bytes')
    expect(await readUntil(socket, text => text.includes('all of it'))).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    // The connection serves the next request.
    socket.write(head())
    await waitUntil(async () => enter !== undefined, { what: 'the handler', deadlineMs: 5_000 })
    socket.destroy()
  })

  test('JSON is asked for when it is parsed', async () => {
    const socket = await here.socket()
    socket.write(head({ path: '/v1/json', type: 'application/json', length: 10 }))
    expect(await readUntil(socket, text => text.includes('\r\n\r\n'))).toBe(goOn)
    socket.write('{"so":[1]}')
    expect(await readUntil(socket, text => text.includes('}'))).toContain('{"got":{"so":[1]}}')
    socket.destroy()
  })

  test.each<[string, Head, number]>([
    ['nobody', { authorization: 'Bearer somebody-else' }, 401],
    ['nowhere', { path: '/v1/nowhere' }, 404],
    ['a route that is not this one', { path: '/v1/json', type: 'text/plain' }, 415],
    ['too much', { path: '/v1/json', type: 'application/json', length: limits.jsonBodyBytes + 1 }, 413],
    ['a handler that looks at the head alone', { path: '/v1/uploads/refused' }, 412],
  ])('%s: the answer is final, and ends the connection', async (_, fields, status) => {
    handle = async (_request, response) => void response.writeHead(412, { 'Content-Length': 0 }).end()
    const socket = await here.socket()
    socket.write(head(fields))
    const text = await readUntil(socket)
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(text.toLowerCase()).toContain('\r\nconnection: close\r\n')
  })

  test('it is not said in the midst of an answer', async () => {
    handle = async (request, response) => {
      response.writeHead(200, { 'Content-Length': 11 }).write('one ')
      request.resume()
      await new Promise(resolve => setImmediate(resolve))
      response.end('and two')
    }
    const socket = await here.socket()
    socket.write(head())
    expect(await readUntil(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\none and two$/s)
  })

  test('who doesn’t wait is served all the same', async () => {
    const socket = await here.socket()
    socket.write(`${head()}bytes`)
    expect(await readUntil(socket, text => text.includes('5 bytes'))).toContain('HTTP/1.1 200 OK')
    socket.destroy()
  })

  test.each([
    ['/v1/uploads/x', '200-ok'],
    ['/v1/json', '100-continue, and-more'],
  ])('%s: another expectation, %j, is refused', async (path, expectation) => {
    const socket = await here.socket()
    socket.write(head({ path, expect: expectation, length: 0 }))
    const text = await readUntil(socket, all => all.includes('}'))
    expect(text).toMatch(/^HTTP\/1\.1 417 /)
    expect(text.includes('Tus-Resumable: 1.0.0') || text.includes('tus-resumable: 1.0.0')).toBe(path !== '/v1/json')
    expect(text).toContain('"status":417')
    socket.destroy()
  })

  test.each(['100-continue', '200-ok'])('HTTP/1.0 knows no expectations, nor %j', async expectation => {
    const socket = await here.socket()
    socket.write(`${head({ version: '1.0', expect: expectation })}bytes`)
    const text = await readUntil(socket)
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text).toMatch(/5 bytes$/)
  })
})

describe('over HTTP/2', () => {
  beforeEach(() => start(true))

  async function ask(fields: Record<string, string>) {
    const session = await here.session()
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/uploads/x',
      authorization: `Bearer ${token}`,
      expect: '100-continue',
      ...fields,
    })
    const heard: string[] = []
    stream.on('continue', () => {
      heard.push('continue')
      stream.end('bytes')
    })
    const [{ ':status': status }] = (await once(stream, 'response')) as [Record<string, unknown>]
    return { heard, status, body: (await bodyOf(stream)).toString() }
  }

  test('"continue" goes out when the body is read', async () => {
    expect(await ask({})).toEqual({ heard: ['continue'], status: 200, body: '5 bytes' })
    expect(await ask({ ':path': '/v1/json', 'content-type': 'application/json', 'content-length': '5' })).toMatchObject(
      {
        heard: ['continue'],
        status: 400,
      },
    )
  })

  test('a refusal is final', async () => {
    expect(await ask({ authorization: 'Bearer somebody-else' })).toMatchObject({ heard: [], status: 401 })
    expect(await ask({ ':path': '/v1/nowhere' })).toMatchObject({ heard: [], status: 404 })
  })

  test('another expectation is refused', async () => {
    expect(await ask({ expect: '200-ok' })).toMatchObject({ heard: [], status: 417 })
  })
})
