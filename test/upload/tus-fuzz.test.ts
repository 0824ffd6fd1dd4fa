/** Goal: whatever a request's headers say, it is answered, in tus' way, and never as a failure of ours. */
import http from 'node:http'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useTus } from './tus-scene.js'
import { ask, type Headers, offsetBody, uploads } from './tus-server.js'

const scene = useTus()

/** What may be in a header at all (RFC 9110 §5.5). */
const junk = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/)
const count = fc.constantFrom('0', '1', '5', '1000', '-1', '1e3', '9007199254740993', '5, 5', '')
const base64 = fc.stringMatching(/^[A-Za-z0-9+/]{0,43}={0,2}$/)
const named = fc.constantFrom('constructor', '__proto__', 'sha1', 'crc32', 'filename', 'sha256', 'filetype', 'modified')
const pairs = fc.array(fc.tuple(named, base64), { maxLength: 4 }).map(all => all.map(pair => pair.join(' ')).join(','))

const header = fc.oneof(
  ...Object.entries({
    'Tus-Resumable': junk,
    'Upload-Length': fc.oneof(count, junk),
    'Upload-Offset': fc.oneof(count, junk),
    'Upload-Defer-Length': fc.oneof(fc.constant('1'), junk),
    'Upload-Metadata': fc.oneof(pairs, junk, fc.array(pairs, { minLength: 2, maxLength: 3 })),
    'Upload-Checksum': fc.oneof(
      fc.constant('crc32 AAAAAA=='),
      fc.tuple(named, base64).map(pair => pair.join(' ')),
      junk,
    ),
    'Upload-Concat': fc.oneof(
      fc.constantFrom('partial', 'final;', `final;${uploads}/x`),
      junk.map(text => `final;${text}`),
      junk,
    ),
    'Content-Type': junk,
    'X-HTTP-Method-Override': fc.oneof(fc.constantFrom('PATCH', 'HEAD', 'DELETE', 'POST', 'OPTIONS', 'TRACE'), junk),
    'X-Forwarded-Proto': fc.oneof(fc.constantFrom('gopher', 'https, http', '://'), junk),
    'X-Forwarded-Host': junk,
    Forwarded: junk,
    Host: fc.oneof(fc.constantFrom('', 'a b', '[', ':0'), junk),
  }).map(([name, value]) => fc.tuple(fc.constant(name), fc.option(value, { nil: undefined }))),
)

/** What a client means to send. A few of its headers then are others, or are left out. */
const proper: Readonly<Record<string, Headers>> = {
  POST: { 'Upload-Length': 3, ...offsetBody },
  PATCH: { 'Upload-Offset': 0, ...offsetBody },
}

interface Asked {
  method: string
  /** Below the collection; "UPLOAD": of an upload that exists. */
  below: string
  spoilt: [string, string | string[] | undefined][]
  body: string
}

const request: fc.Arbitrary<Asked> = fc.record({
  method: fc.constantFrom('POST', 'POST', 'POST', 'PATCH', 'PATCH', 'HEAD', 'DELETE', 'GET', 'PUT', 'OPTIONS'),
  below: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('', 'UPLOAD') },
    { weight: 1, arbitrary: fc.constantFrom('/', '/x', '/%', '/%00', '//', '/..', `/${'0'.repeat(4_000)}`, '?', '?/') },
  ),
  spoilt: fc.array(header, { maxLength: 4 }),
  body: fc.constantFrom('', 'abc'),
})

/** Node would send other methods' bodies without saying how long they are. */
const bodied = new Set(['POST', 'PATCH', 'PUT'])

test('every request is answered, and none as our failure', { timeout: 120_000 }, async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  const create = async () => {
    const { headers } = await ask(scene.tus.port, 'POST', uploads, { headers: { 'Upload-Length': 1_000 } })
    return headers.location as string
  }
  const seen = new Set<number>()
  try {
    let upload = await create()
    const isAnswered = async ({ method, below, spoilt, body }: Asked) => {
      const path = below === 'UPLOAD' ? upload : `${uploads}${below}`
      const headers = { ...proper[method], ...Object.fromEntries(spoilt) }
      const said = Object.entries(headers).filter(([, value]) => value !== undefined)
      const options = { headers: Object.fromEntries(said) as Headers, agent, ...(bodied.has(method) && { body }) }
      const { status, headers: answered, text } = await ask(scene.tus.port, method, path, options)
      seen.add(status)
      if (status === 410) upload = await create()
      expect(status, text).toBeLessThan(500)
      expect(answered['tus-resumable']).toBe('1.0.0')
      const isHead = method === 'HEAD' || /^head$/i.test(String(headers['X-HTTP-Method-Override']))
      if (status >= 400 && !isHead) expect(text).toMatch(/\w{2,} \w{2,}/)
    }
    await fc.assert(fc.asyncProperty(request, isAnswered), { numRuns: 1_000 })
    // Some of them are what a client means.
    expect([200, 201, 204, 400, 404, 405, 412, 415].filter(status => !seen.has(status))).toEqual([])
  } finally {
    agent.destroy()
  }
})
