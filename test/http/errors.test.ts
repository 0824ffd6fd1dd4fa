/** Goal: whatever goes wrong is answered as a problem that says what to do and tells nothing else, and the log gets the rest. */
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError, errorKinds } from '../../src/core/errors.js'
import { limits } from '../../src/core/limits.js'
import { statusOf } from '../../src/http/error-table.js'
import { waitUntil } from '../support/wait-until.js'
import { addPhoto, readProblem, startRegion, type TestPerson, type TestRegion } from './region.js'

let here: TestRegion
let ana: TestPerson
const logged: string[] = []
const sink = new Writable({
  write(chunk, _encoding, done) {
    logged.push(String(chunk))
    done()
  },
})

beforeAll(async () => {
  here = await startRegion({
    log: pino(sink),
    routes: () => [
      async app => {
        app.get('/v1/test/unexpected', async () => {
          throw Object.assign(new Error('inner words'), { detail: 'Key (email)=(ana@example.org)' })
        })
        app.get<{ Params: { kind: (typeof errorKinds)[number] } }>('/v1/test/kinds/:kind', async request => {
          const facts = { offset: 7, status: 1 }
          throw new AppError(request.params.kind, 'Public words', {
            facts,
            retryAfterSeconds: 1.5,
            cause: new Error('why'),
          })
        })
      },
    ],
  })
  ana = await here.addPerson()
})
afterAll(() => here.close())

const ask = (method: string, path: string, options: object = {}) =>
  here.ask(method, path, { token: ana.token, ...options })

test.each(errorKinds)('%s has its status, its facts and when to come back', async kind => {
  const response = await ask('GET', `/v1/test/kinds/${kind}`)
  expect(response.status).toBe(statusOf[kind])
  expect(response.headers.get('retry-after')).toBe('2')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-z]{26}$/)
  const words = kind.replaceAll('_', ' ')
  expect(await readProblem(response)).toEqual({
    contentType: 'application/problem+json',
    type: 'about:blank',
    title: words.charAt(0).toUpperCase() + words.slice(1),
    status: statusOf[kind],
    kind,
    detail: 'Public words',
    facts: { offset: 7 },
  })
})

test('what nobody expected: a fixed sentence outside, everything but rows’ values inside', async () => {
  logged.length = 0
  const response = await ask('GET', '/v1/test/unexpected')
  const text = await response.text()
  expect(JSON.parse(text)).toMatchObject({ status: 500, kind: 'internal', title: 'Internal' })
  expect(text).not.toContain('inner words')
  const line = logged.join('')
  expect(JSON.parse(line)).toMatchObject({
    level: 50,
    requestId: response.headers.get('x-request-id'),
    route: '/v1/test/unexpected',
    error: { message: 'inner words' },
  })
  expect(line).not.toContain('ana@example.org')
})

test('an ordinary refusal is counted and not logged', async () => {
  logged.length = 0
  await ask('GET', '/v1/photos/nonsense')
  expect(logged).toEqual([])
  expect(await here.metrics.registry.metrics()).toMatch(/photosync_http_errors_total\{kind="not_found"\} [1-9]/)
})

test('bodies that can’t be read', async () => {
  const json = { 'Content-Type': 'application/json' }
  const cases = [
    [{ body: '{"sha256": [', headers: json }, 400, 'invalid'],
    [{ body: '', headers: json }, 400, 'invalid'],
    [{ body: '"text"', headers: json }, 400, 'invalid'],
    [{}, 400, 'invalid'],
    [{ body: 'a=b', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, 415, 'unsupported_media'],
    [{ body: '{}', headers: { 'Content-Type': 'text/plain' } }, 415, 'unsupported_media'],
    [{ body: `"${'x'.repeat(limits.jsonBodyBytes)}"`, headers: json }, 413, 'too_large'],
  ] as const
  for (const [options, status, kind] of cases) {
    const problem = await readProblem(await ask('POST', '/v1/sync/check', options))
    expect(problem).toMatchObject({ contentType: 'application/problem+json', status, kind })
  }
})

test('the largest question of what is stored fits', async () => {
  const sha256 = Array.from({ length: limits.checkHashes }, (_, i) => i.toString(16).padStart(64, '0'))
  const response = await ask('POST', '/v1/sync/check', { json: { sha256 } })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ missing: sha256, here: [], deleted: [] })
  const more = await readProblem(await ask('POST', '/v1/sync/check', { json: { sha256: [...sha256, 'f'.repeat(64)] } }))
  expect(more).toMatchObject({ status: 400, detail: 'sha256 must have at most 5000 entries' })
})

test('fields are named where they are, and what was sent is not repeated', async () => {
  const problem = await readProblem(
    await ask('POST', '/v1/sync/check', { json: { sha256: ['0'.repeat(64), 'secret'] } }),
  )
  expect(problem.detail).toBe('sha256[1] must be a SHA-256 in 64 hexadecimal digits')
})

test.each([
  ['GET', '/v1/unknown'],
  ['POST', '/'],
  ['PUT', '/v1/me'],
  ['GET', '/v1'],
])('%s %s is at no address, whoever asks', async (method, path) => {
  expect(await readProblem(await here.ask(method, path))).toMatchObject({ status: 404, kind: 'not_found' })
})

test('an address that encodes nothing', async () => {
  const problem = await readProblem(await ask('GET', '/v1/photos/%zz'))
  expect(problem).toMatchObject({ contentType: 'application/problem+json', status: 400, kind: 'invalid' })
})

test('what isn’t HTTP', async () => {
  const { port } = new URL(here.url)
  const answer = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), '127.0.0.1', () => socket.write('nonsense\r\n\r\n'))
    socket.on('data', chunk => {
      text += chunk
    })
    socket.on('end', () => resolve(text)).on('error', reject)
  })
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/)
  expect(answer).toContain('"kind":"invalid"')
})

test('a client that leaves ends the reading from the bucket, and is no failure', async () => {
  const { id } = await addPhoto(here, ana, { content: 'x'.repeat(16 * 1024 * 1024) })
  const headers = { Authorization: `Bearer ${ana.token}` }
  logged.length = 0

  const leaving = new AbortController()
  const response = await fetch(`${here.url}/v1/photos/${id}/original`, { headers, signal: leaving.signal })
  leaving.abort()
  await expect(response.arrayBuffer()).rejects.toThrow()

  const { get } = here.bucket
  let ended = false
  let begun = false
  here.bucket.get = (_key, { signal } = {}) =>
    new Promise((_resolve, reject) => {
      begun = true
      signal?.addEventListener('abort', () => {
        ended = true
        reject(signal.reason)
      })
    })
  try {
    const impatient = new AbortController()
    const hanging = fetch(`${here.url}/v1/photos/${id}/original`, { headers, signal: impatient.signal })
    await waitUntil(async () => begun, { what: 'the read', deadlineMs: 5_000 })
    impatient.abort()
    await expect(hanging).rejects.toThrow()
    await waitUntil(async () => ended, { what: 'the end of the read', deadlineMs: 5_000 })
  } finally {
    here.bucket.get = get
  }
  expect((await ask('GET', '/v1/me')).status).toBe(200)
  expect(logged).toEqual([])
})
