/** Goal: the gallery's page is served to everybody, strictly fenced, and hides no address of the API. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { siteRoutes } from '../../src/gallery/site/routes.js'
import { readProblem, startRegion, type TestRegion } from './region.js'

let here: TestRegion
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'photosync-site-'))
  await mkdir(join(folder, 'app/assets'), { recursive: true })
  await writeFile(join(folder, 'secret.txt'), 'outside')
  await writeFile(join(folder, 'app/index.html'), '<!doctype html><title>Photos</title>')
  await writeFile(join(folder, 'app/assets/main-1a2b.js'), 'export {}')
  here = await startRegion({ routes: () => [siteRoutes({ folder: join(folder, 'app') })] })
})
afterAll(async () => {
  await here.close()
  await rm(folder, { recursive: true })
})

test.each(['/', '/sign-in', '/photos/some-photo', '/index.html'])('%s is the page', async path => {
  const response = await here.ask('GET', path)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
      "media-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  })
  expect(await response.text()).toContain('<title>Photos</title>')
})

test('assets may be kept for good', async () => {
  const response = await here.ask('GET', '/assets/main-1a2b.js')
  expect(response.headers.get('content-type')).toMatch(/^(text|application)\/javascript/)
  expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(await response.text()).toBe('export {}')
})

test.each([
  '/assets/gone.js',
  '/v1/unknown',
  '/v1',
  '/..%2fsecret.txt',
  '/assets/..%2f..%2fsecret.txt',
  '/%2e%2e/secret.txt',
  '/.hidden',
  '/a%00.js',
  '/a%5c..%5cb.js',
])('%s is not there', async path => {
  const response = await here.ask('GET', path)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const problem = await readProblem(response)
  expect(problem).toMatchObject({
    contentType: 'application/problem+json',
    kind: 'not_found',
  })
})

test('what needs a caller still does', async () => {
  expect((await here.ask('GET', '/v1/me')).status).toBe(401)
})

test('an app that isn’t built says what to do', async () => {
  const bare = await startRegion({ routes: () => [siteRoutes({ folder: join(folder, 'nowhere') })] })
  try {
    const problem = await readProblem(await bare.ask('GET', '/'))
    expect(problem).toMatchObject({ status: 404, detail: expect.stringContaining('npm run build') })
  } finally {
    await bare.close()
  }
})
