/** Goal: pages of the origins that the operator named can use the whole API, errors too; pages of all others can read nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rawRoutes } from '../../src/http/raw.js'
import { makeCertificate } from './certificate.js'
import { cookie, readUntil, type Scene, type SceneOptions, startScene, token } from './scene.js'

const origin = 'https://app.example'
const other = 'https://other.example'

const routes: SceneOptions['routes'] = parts => [
  rawRoutes(parts, {
    prefix: '/v1/uploads',
    handle: async (request, response) => {
      if (request.url?.endsWith('/broken')) throw new Error('inner words')
      response.writeHead(201, { Location: '/v1/uploads/x', 'Upload-Offset': '0' }).end()
    },
    options: async (_request, response) => void response.writeHead(200, { 'Tus-Version': '1.0.0' }).end(),
  }),
  async app => {
    app.get('/v1/photos', async () => ({ photos: [] }))
    app.get('/', { config: { open: true } }, async () => 'the gallery')
  },
]

describe.each([
  ['HTTP/1.1', false],
  ['HTTP/2', true],
])('over %s', (_, tls) => {
  let here: Scene
  beforeAll(async () => {
    here = await startScene({
      ...(tls && { tls: makeCertificate() }),
      corsOrigins: ['capacitor://localhost', origin],
      routes,
    })
  })
  afterAll(() => here.close())

  const ask = (method: string, path: string, from: string | undefined, headers: Record<string, string> = {}) =>
    here.ask(method, path, { token, headers: { ...(from && { Origin: from }), ...headers } })

  test.each([
    ['GET', '/v1/photos', 200, {}],
    ['POST', '/v1/uploads', 201, {}],
    ['POST', '/v1/uploads/broken', 500, {}],
    ['GET', '/v1/nowhere', 404, {}],
    ['GET', '/v1/photos/%zz', 400, {}],
    ['GET', '/v1/photos', 401, { authorization: 'Bearer nobody' }],
    ['POST', '/v1/uploads', 401, { authorization: 'Basic eA==' }],
    ['GET', '/v1/photos', 417, { expect: 'wonders' }],
    ['OPTIONS', '/v1/uploads', 200, {}],
  ])('%s %s, %i: a configured origin’s page reads it, and no other', async (method, path, status, headers) => {
    for (const [from, allowed] of [
      [origin, origin],
      ['capacitor://localhost', 'capacitor://localhost'],
      [other, null],
      [`${origin}.evil.example`, null],
      ['https://APP.example', null],
      ['null', null],
      [undefined, null],
    ] as const) {
      // What fetch sends cannot expect anything.
      if ('expect' in headers && !tls) return
      const response = await ask(method, path, from, headers)
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([status, allowed])
      expect(response.headers.get('vary')).toBe('Origin')
      const exposed = response.headers.get('access-control-expose-headers')?.toLowerCase().split(', ') ?? []
      if (!allowed) expect(exposed).toEqual([])
      else {
        expect(exposed).toEqual(expect.arrayContaining(['location', 'upload-offset', 'retry-after', 'photosync-photo']))
      }
      expect(response.headers.has('access-control-allow-credentials')).toBe(false)
    }
  })

  test.each(['/v1/photos', '/v1/uploads', '/v1/uploads/x', '/v1/nowhere'])(
    'a preflight of %s needs no caller',
    async path => {
      const asked = {
        Origin: origin,
        'Access-Control-Request-Method': 'PATCH',
        'Access-Control-Request-Headers': 'authorization, content-type, tus-resumable, upload-offset',
      }
      const { status, headers } = await here.ask('OPTIONS', path, { headers: asked })
      expect(status).toBe(204)
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('vary')).toBe('Origin')
      expect(headers.get('access-control-max-age')).toBe('7200')
      expect(headers.get('access-control-allow-methods')?.split(', ')).toEqual(
        expect.arrayContaining(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE']),
      )
      const allowed = headers.get('access-control-allow-headers')?.toLowerCase().split(', ')
      expect(allowed).toEqual(expect.arrayContaining(asked['Access-Control-Request-Headers'].split(', ')))
      expect(headers.has('access-control-allow-credentials')).toBe(false)
    },
  )

  test('all headers that tus-js-client sends are allowed, and all that it reads are exposed', async () => {
    const preflight = await here.ask('OPTIONS', '/v1/uploads', {
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
    })
    const allowed = preflight.headers.get('access-control-allow-headers')?.toLowerCase().split(', ') ?? []
    const sent =
      'tus-resumable upload-draft-interop-version upload-length upload-offset upload-defer-length upload-metadata'
    const rare = 'upload-concat upload-complete x-http-method-override x-request-id x-requested-with content-type'
    for (const name of `${sent} ${rare}`.split(' ')) expect(allowed).toContain(name)
    const exposed = (await ask('POST', '/v1/uploads', origin)).headers.get('access-control-expose-headers')
    for (const name of ['location', 'upload-offset', 'upload-length', 'upload-concat']) {
      expect(exposed?.toLowerCase().split(', ')).toContain(name)
    }
  })

  test('a preflight of another origin learns nothing', async () => {
    const headers = { Origin: other, 'Access-Control-Request-Method': 'PATCH' }
    const photos = await here.ask('OPTIONS', '/v1/photos', { headers })
    const uploads = await here.ask('OPTIONS', '/v1/uploads', { headers })
    expect([photos.status, uploads.status]).toEqual([404, 200])
    for (const response of [photos, uploads]) {
      expect([...response.headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
    }
  })

  test('the gallery’s own pages are nobody else’s', async () => {
    const { headers } = await ask('GET', '/', origin)
    expect([headers.has('access-control-allow-origin'), headers.has('vary')]).toEqual([false, false])
  })

  test('a cookie changes nothing for another site’s page, which can’t use it', async () => {
    const headers = { Origin: origin, 'Sec-Fetch-Site': 'same-site' }
    expect((await here.ask('POST', '/v1/uploads', { cookie, headers })).status).toBe(403)
  })
})

test('what expects the impossible is refused readably, over HTTP/1.1 too', async () => {
  const here = await startScene({ corsOrigins: [origin], routes })
  const socket = await here.socket()
  socket.write(
    `GET /v1/photos HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\nExpect: wonders\r\nConnection: close\r\n\r\n`,
  )
  const text = await readUntil(socket)
  await here.close()
  expect(text).toMatch(/^HTTP\/1\.1 417 /)
  expect(text).toMatch(new RegExp(`\r\nAccess-Control-Allow-Origin: ${origin}\r\n`, 'i'))
})

test('without configured origins nothing is said of them', async () => {
  const here = await startScene({ routes })
  const { headers } = await here.ask('GET', '/v1/photos', { token, headers: { Origin: origin } })
  const preflight = await here.ask('OPTIONS', '/v1/photos', {
    headers: { Origin: origin, 'Access-Control-Request-Method': 'GET' },
  })
  await here.close()
  expect(preflight.status).toBe(404)
  expect([...headers.keys(), ...preflight.headers.keys()].filter(name => /^access-control|^vary/.test(name))).toEqual(
    [],
  )
})
