/** Goal: devices over HTTP: a token is shown once, revoked at once, and nobody else's business. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatDeviceToken, newSecret } from '../../src/accounts/credentials.js'
import { otherRegion, readProblem, startRegion, type TestRegion } from './region.js'

let here: TestRegion
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())

test('added by a session, used, listed without its token, revoked: 401 from the next request on', async () => {
  const { cookie } = await here.addPerson()
  const added = await here.ask('POST', '/v1/devices', { cookie, json: { name: 'new phone' } })
  expect(added.status).toBe(201)
  const { id, name, token } = (await added.json()) as { id: string; name: string; token: string }
  expect(name).toBe('new phone')
  expect(token).toMatch(/^ps1\.us-west-2\.[A-Za-z0-9_-]{43}$/)

  const listed = await here.ask('GET', '/v1/devices', { token })
  const text = await listed.text()
  expect(JSON.parse(text)).toMatchObject({
    devices: expect.arrayContaining([{ id, name, createdAt: here.clock.now().toISOString(), revokedAt: null }]),
  })
  expect(text).not.toContain('ps1.')

  expect((await here.ask('DELETE', `/v1/devices/${id}`, { token })).status).toBe(204)
  expect(await readProblem(await here.ask('GET', '/v1/me', { token }))).toMatchObject({ status: 401 })
})

test('a device adds no devices', async () => {
  const { token } = await here.addPerson()
  const response = await here.ask('POST', '/v1/devices', { token, json: { name: 'another' } })
  expect(await readProblem(response)).toMatchObject({ status: 403, kind: 'forbidden' })
})

test('another person’s device is not there', async () => {
  const [ana, ben] = [await here.addPerson(), await here.addPerson()]
  const [device] = await here.accounts.listDevices(ana.person)
  for (const id of [device?.id, 'nonsense', 'x%00y']) {
    const response = await here.ask('DELETE', `/v1/devices/${id}`, { cookie: ben.cookie })
    expect(await readProblem(response)).toMatchObject({ status: 404, kind: 'not_found' })
  }
  expect((await here.ask('GET', '/v1/me', { token: ana.token })).status).toBe(200)
})

test('a token of another region is told where to go', async () => {
  const token = formatDeviceToken(otherRegion.id, newSecret())
  expect(await readProblem(await here.ask('GET', '/v1/me', { token }))).toMatchObject({
    status: 421,
    kind: 'misdirected',
    facts: { region: otherRegion.id, apiUrl: otherRegion.apiUrl },
  })
})

test.each([
  ['nothing', {}],
  ['an unknown token', { Authorization: `Bearer ps1.us-west-2.${'A'.repeat(43)}` }],
  ['no token', { Authorization: 'Bearer' }],
  ['another scheme', { Authorization: 'Basic YTpi' }],
  ['an unknown cookie', { Cookie: `photosync_session_us-west-2=${'A'.repeat(43)}` }],
  ['a broken cookie', { Cookie: 'photosync_session_us-west-2=%00' }],
])('%s: 401', async (_, headers) => {
  const response = await here.ask('GET', '/v1/me', { headers })
  expect(response.headers.get('www-authenticate')).toBe('Bearer')
  expect(await readProblem(response)).toMatchObject({
    contentType: 'application/problem+json',
    type: 'about:blank',
    status: 401,
    kind: 'unauthenticated',
  })
})
