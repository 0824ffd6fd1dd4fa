/** Goal: raw handlers get an untouched request of a proven caller, fail as problems, and are waited for when the server ends. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Caller } from '../../src/accounts/caller.js'
import { AppError } from '../../src/core/errors.js'
import { limits } from '../../src/core/limits.js'
import { rawRoutes } from '../../src/http/raw.js'
import { closeHttp } from '../../src/http/server.js'
import { waitUntil } from '../support/wait-until.js'
import { readProblem, startRegion, type TestPerson, type TestRegion } from './region.js'

let here: TestRegion
let ana: TestPerson
let handle: (request: IncomingMessage, response: ServerResponse, caller: Caller) => Promise<void>

beforeEach(async () => {
  here = await startRegion({
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
  ana = await here.addPerson()
})
afterEach(() => here.close())

async function count(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let sizeBytes = 0
  for await (const chunk of request) sizeBytes += (chunk as Buffer).length
  response.end(`${request.method} ${request.url} ${sizeBytes}`)
}

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
    const response = await here.ask(method, path, { token: ana.token, body, headers })
    expect(await response.text()).toBe(`${method} ${path} ${body.length}`)
  })

  test.each(['GET', 'HEAD', 'DELETE'])('%s has its caller', async method => {
    let seen: Caller | undefined
    handle = async (_request, response, caller) => {
      seen = caller
      response.writeHead(200).end()
    }
    expect((await here.ask(method, '/v1/uploads/x', { cookie: ana.cookie })).status).toBe(200)
    expect(seen).toEqual({ person: ana.person, epoch: 1, device: null, session: true })
  })

  test('OPTIONS is for everybody', async () => {
    const response = await here.ask('OPTIONS', '/v1/uploads')
    expect([response.status, response.headers.get('tus-version')]).toEqual([204, '1.0.0'])
  })

  test('without a caller never reaches the handler', async () => {
    handle = async () => expect.unreachable()
    for (const [headers, status] of [
      [{}, 401],
      [{ Cookie: ana.cookie, Origin: 'https://evil.example' }, 403],
    ] as const) {
      const response = await here.ask('POST', '/v1/uploads', { headers, body: 'x' })
      expect(response.headers.get('tus-resumable')).toBe('1.0.0')
      expect(await readProblem(response)).toMatchObject({ contentType: 'application/problem+json', status })
    }
  })
})

describe('a handler that fails', () => {
  test('before it answered: a problem', async () => {
    handle = async () => {
      throw new AppError('held', 'Someone else sends it', { retryAfterSeconds: 1 })
    }
    const response = await here.ask('PATCH', '/v1/uploads/x', { token: ana.token, body: 'x' })
    expect([response.headers.get('tus-resumable'), response.headers.get('retry-after')]).toEqual(['1.0.0', '1'])
    expect(await readProblem(response)).toMatchObject({ status: 423, kind: 'held', detail: 'Someone else sends it' })
  })

  test('in the midst of its answer: the connection breaks off', async () => {
    handle = async (_request, response) => {
      response.writeHead(200, { 'Content-Length': 10 }).write('half')
      throw new Error('lost')
    }
    const answer = here.ask('GET', '/v1/uploads/x', { token: ana.token }).then(response => response.text())
    await expect(answer).rejects.toThrow(TypeError)
  })
})

test('every request is timed by its pattern, also one that broke', async () => {
  handle = count
  await (await here.ask('POST', '/v1/uploads/secret-id', { token: ana.token, body: 'x' })).text()
  handle = async (_request, response) => void response.destroy()
  await here.ask('GET', '/v1/uploads/secret-id', { token: ana.token }).catch(() => {})
  const text = await here.metrics.registry.metrics()
  expect(text).toContain('_count{method="POST",route="/v1/uploads/*",status="2xx"} 1')
  expect(text).toContain('_count{method="GET",route="/v1/uploads/*",status="broken"} 1')
  expect(text).toContain('photosync_http_requests_open 0')
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
    const answer = here.ask('GET', '/v1/uploads/x', { token: ana.token })
    await waitUntil(async () => finish !== undefined, { what: 'the handler', deadlineMs: 5_000 })
    const closed = closeHttp(here.app, { deadlineMs: 10_000 })
    await waitUntil(async () => !here.app.server.listening, { what: 'no more listening', deadlineMs: 5_000 })
    await expect(here.ask('OPTIONS', '/v1/uploads')).rejects.toThrow(TypeError)
    finish?.()
    expect(await (await answer).text()).toBe('done')
    const startedAt = performance.now()
    await closed
    expect(performance.now() - startedAt).toBeLessThan(5_000)
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
    const answer = here.ask('POST', '/v1/uploads', { token: ana.token, body: endless }).catch(error => error)
    await waitUntil(async () => started, { what: 'the handler', deadlineMs: 5_000 })
    await closeHttp(here.app, { deadlineMs: 200 })
    expect(stored).toBe(true)
    expect(await answer).toBeInstanceOf(TypeError)
  })
})
