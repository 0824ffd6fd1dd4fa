/** Goal: signing in and out over HTTP: one sentence for every wrong try, a cookie that scripts and other sites can't use. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import { readProblem, startRegion, type TestRegion } from './region.js'

let here: TestRegion
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())

const signIn = (json: unknown, headers?: Record<string, string>) =>
  here.ask('POST', '/v1/sessions', { json, ...(headers && { headers }) })

describe('signing in', () => {
  test('with the right password: who, where, and a cookie that opens the rest', async () => {
    const { person, email, password } = await here.addPerson()
    const response = await signIn({ email: email.toUpperCase(), password })
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({ person: { id: person, email }, region: 'us-west-2' })
    expect(response.headers.get('cache-control')).toBe('no-store')

    const cookie = response.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^photosync_session_us-west-2=[A-Za-z0-9_-]{43}; /)
    expect(cookie.split('; ').slice(1).sort()).toEqual([
      'HttpOnly',
      `Max-Age=${limits.sessionLifetimeMs / 1000}`,
      'Path=/',
      'SameSite=Strict',
    ])
    const me = await here.ask('GET', '/v1/me', { cookie: cookie.split(';')[0] ?? '' })
    expect(await me.json()).toEqual({
      id: person,
      email,
      region: 'us-west-2',
      photos: 0,
      parts: 0,
      bytes: 0,
      unreadable: 0,
      quarantined: 0,
      trashed: 0,
      waiting: 0,
      agreesToSync: true,
    })
  })

  test('the cookie is Secure when the browser came by https', async () => {
    const { email, password } = await here.addPerson()
    const { host } = new URL(here.url)
    const response = await signIn({ email, password }, { Origin: `https://${host}` })
    expect(response.headers.get('set-cookie')).toContain('; Secure')
  })

  test('a wrong password and an unknown address get the same answer', async () => {
    const { email } = await here.addPerson()
    const wrong = await readProblem(await signIn({ email, password: 'not this one' }))
    const unknown = await readProblem(await signIn({ email: 'nobody@example.org', password: 'not this one' }))
    expect(wrong).toEqual(unknown)
    expect(wrong).toMatchObject({ status: 401, kind: 'unauthenticated', title: 'Unauthenticated' })
    here.clock.advance(5 * 60_000)
  })

  test('ten wrong tries, then 429 with when to come back, also for the right password', async () => {
    const { email, password } = await here.addPerson()
    for (let i = 0; i < 10; i++) expect((await signIn({ email, password: 'wrong' })).status).toBe(401)
    const response = await signIn({ email, password })
    expect(response.headers.get('retry-after')).toBe('300')
    expect(await readProblem(response)).toMatchObject({ status: 429, kind: 'too_many' })
    here.clock.advance(5 * 60_000)
    expect((await signIn({ email, password })).status).toBe(201)
  })

  test('by a link', async () => {
    const { person } = await here.addPerson()
    const link = await here.accounts.createSignInLink(person)
    const response = await signIn({ link })
    expect(response.status).toBe(201)
    expect(await response.json()).toMatchObject({ person: { id: person } })
    expect(response.headers.get('set-cookie')).toContain('photosync_session_us-west-2=')
    expect((await signIn({ link: `${link.slice(1)}A` })).status).toBe(401)
  })

  test.each([
    [{}, 'email is missing; password is missing'],
    [{ email: 7, password: 'x' }, 'email must be text'],
    [{ link: null }, 'link must be text'],
    [[], 'Send a JSON object, with Content-Type: application/json'],
  ])('%j is told what is wrong', async (body, detail) => {
    expect(await readProblem(await signIn(body))).toMatchObject({ status: 400, kind: 'invalid', detail })
  })
})

test('signing out ends the session and clears the cookie', async () => {
  const { cookie } = await here.addPerson()
  const response = await here.ask('DELETE', '/v1/sessions', { cookie })
  expect(response.status).toBe(204)
  expect(response.headers.get('set-cookie')).toMatch(/^photosync_session_us-west-2=; .*Expires=Thu, 01 Jan 1970/)
  const after = await here.ask('GET', '/v1/me', { cookie })
  expect(await readProblem(after)).toMatchObject({ status: 401, kind: 'unauthenticated' })
  expect(after.headers.get('www-authenticate')).toBe('Bearer')
})

describe('other sites’ pages', () => {
  const ownHost = () => new URL(here.url).host
  test.each([
    ['nothing (a program)', () => ({}), 201],
    ['same-origin', () => ({ 'sec-fetch-site': 'same-origin', origin: `http://${ownHost()}` }), 201],
    ['none (typed by the user)', () => ({ 'sec-fetch-site': 'none' }), 201],
    ['our origin, by an older browser', () => ({ origin: `https://${ownHost()}` }), 201],
    ['cross-site', () => ({ 'sec-fetch-site': 'cross-site' }), 403],
    ['same-site, another origin', () => ({ 'sec-fetch-site': 'same-site' }), 403],
    ['another origin', () => ({ origin: 'https://evil.example' }), 403],
    ['another port', () => ({ origin: 'http://127.0.0.1:1' }), 403],
    ['no origin (a sandbox)', () => ({ origin: 'null' }), 403],
  ])('a cookie with %s: adding a device gives', async (_, headers, status) => {
    const { cookie } = await here.addPerson()
    const response = await here.app.inject({
      method: 'POST',
      url: '/v1/devices',
      headers: { host: ownHost(), cookie, ...headers() },
      payload: { name: 'phone' },
    })
    expect(response.statusCode).toBe(status)
    if (status === 403) expect(response.json()).toMatchObject({ kind: 'forbidden' })
  })

  test('reading needs no proof, and a bearer token none either', async () => {
    const { cookie, token } = await here.addPerson()
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    expect((await here.app.inject({ url: '/v1/me', headers: { cookie, ...headers } })).statusCode).toBe(200)
    const check = await here.app.inject({
      method: 'POST',
      url: '/v1/sync/check',
      headers: { authorization: `Bearer ${token}`, ...headers },
      payload: { sha256: [] },
    })
    expect(check.statusCode).toBe(200)
  })

  test('another site can’t sign its visitor in', async () => {
    const { email, password } = await here.addPerson()
    const response = await signIn({ email, password }, { Origin: 'https://evil.example' })
    expect(response.status).toBe(403)
    expect(response.headers.get('set-cookie')).toBeNull()
  })
})
