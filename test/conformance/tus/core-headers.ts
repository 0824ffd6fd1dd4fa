/** tus 1.0.0, "Core Protocol": Headers. */
import { expect } from 'vitest'
import { type Answer, content, expectRefused, listOf, locationOf, offsetType, type Tus, told } from './client.js'
import { clientsDuty, type Row } from './rows.js'

const noCounts = ['', '-1', '+1', '1.0', '1e1', '0x1', 'abc', '1 0', '0,0', '99999999999999999999']

export const coreHeaders: readonly Row[] = [
  {
    section: 'Core: Upload-Offset',
    level: 'MUST',
    rule: 'the value is a non-negative integer',
    check: async tus => {
      const path = await tus.create(10)
      for (const offset of noCounts) expectRefused(await tus.patch(path, offset, 'a'), 400)
      expectRefused(await tus.ask('PATCH', path, { headers: offsetType, body: 'a' }), 400)
      await tus.expectAt(path, 0)
    },
  },
  {
    section: 'Core: Upload-Length',
    level: 'MUST',
    rule: 'the value is a non-negative integer',
    check: async tus => {
      for (const length of noCounts) expectRefused(await tus.post({ 'Upload-Length': length }), 400)
    },
  },
  {
    section: 'Core: Tus-Version',
    level: 'MUST',
    rule: 'a comma-separated list of the versions, the preferred one first',
    check: async tus => {
      const versions = listOf((await tus.options()).headers['tus-version'])
      expect(versions[0]).toBe('1.0.0')
      for (const version of versions) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
    },
  },
  {
    section: 'Core: Tus-Resumable',
    level: 'MUST',
    rule: 'is in every response, with the version that the server uses',
    check: async tus => {
      for (const [status, answer] of await answersOfEveryKind(tus)) {
        expect([answer.status, answer.headers['tus-resumable']]).toEqual([status, '1.0.0'])
      }
    },
  },
  {
    section: 'Core: Tus-Resumable',
    level: 'MUST',
    rule: 'is in every request but OPTIONS: without it none is processed',
    check: async tus => {
      const path = await tus.create(3)
      await expectUnprocessed(tus, path, undefined)
    },
  },
  {
    section: 'Core: Tus-Resumable',
    level: 'MUST',
    rule: 'another version is answered 412 with Tus-Version',
    check: async tus => {
      for (const version of ['0.2.2', '1.0', '1.0.1', '2.0.0', '', '1.0.0, 2.0.0', '*']) {
        const answer = await tus.post({ 'Tus-Resumable': version, 'Upload-Length': 1 })
        expectRefused(answer, 412)
        expect(listOf(answer.headers['tus-version'])).toContain('1.0.0')
      }
    },
  },
  {
    section: 'Core: Tus-Resumable',
    level: 'MUST NOT',
    rule: 'a request of another version is processed',
    check: async tus => {
      const path = await tus.create(3)
      await expectUnprocessed(tus, path, '2.0.0')
    },
  },
  {
    section: 'Core: Tus-Extension',
    level: 'MUST',
    rule: 'a comma-separated list of the extensions',
    check: async tus => {
      const extensions = listOf((await tus.options()).headers['tus-extension'])
      for (const extension of extensions) expect(extension).toMatch(/^[a-z-]+$/)
      expect(new Set(extensions).size).toBe(extensions.length)
    },
  },
  {
    section: 'Core: Tus-Extension',
    level: 'MUST',
    rule: 'is left out when there are no extensions',
    notOurs: 'this server has extensions',
  },
  {
    section: 'Core: Tus-Max-Size',
    level: 'MUST',
    rule: 'a non-negative integer',
    check: async tus => {
      expect((await tus.options()).headers['tus-max-size']).toMatch(/^\d+$/)
    },
  },
  {
    section: 'Core: Tus-Max-Size',
    level: 'SHOULD',
    rule: 'is told when there is a hard limit, and is that limit',
    check: async tus => {
      const maxBytes = Number((await tus.options()).headers['tus-max-size'])
      expectRefused(await tus.post({ 'Upload-Length': maxBytes + 1 }), 413)
      const largest = await tus.create(maxBytes)
      expect((await tus.delete(largest)).status).toBe(204)
    },
  },
  {
    section: 'Core: X-HTTP-Method-Override',
    level: 'MUST',
    rule: 'is taken for the request’s method, and the actual one is ignored',
    check: async tus => {
      const path = await tus.create(5)
      const as = (method: string, headers = {}, body = '') =>
        tus.ask('POST', path, { headers: { 'X-HTTP-Method-Override': method, ...headers }, body })
      expect(told(await as('PATCH', { 'Upload-Offset': 0, ...offsetType }, 'abc'))).toEqual([204, '3'])
      const head = await as('HEAD')
      expect([...told(head), head.headers['upload-length'], head.text]).toEqual([200, '3', '5', ''])
      const viaPut = { 'X-HTTP-Method-Override': 'PATCH', 'Upload-Offset': 3, ...offsetType }
      expect(told(await tus.ask('PUT', path, { headers: viaPut, body: 'd' }))).toEqual([204, '4'])
      const created = await tus.ask('PUT', tus.target.path, {
        headers: { 'X-HTTP-Method-Override': 'POST', 'Upload-Length': 5 },
      })
      await tus.expectAt(locationOf(created), 0)
      expect((await as('DELETE')).status).toBe(204)
      expect((await tus.head(path)).status).toBe(410)
    },
  },
  {
    section: 'Core: X-HTTP-Method-Override',
    level: 'MUST',
    rule: 'also of a GET, a HEAD and an OPTIONS',
    otherwise:
      'what changes an upload comes by a method that says it changes something: GET and HEAD are repeated and prefetched, and a browser’s cookie is guarded by the method; OPTIONS is answered to everybody',
    check: async tus => {
      const path = await tus.create(5)
      const headers = { 'X-HTTP-Method-Override': 'DELETE' }
      expect((await tus.ask('GET', path, { headers })).status).toBe(400)
      expect((await tus.ask('HEAD', path, { headers })).status).toBe(400)
      expect((await tus.ask('OPTIONS', path, { headers })).status).toBe(200)
      await tus.expectAt(path, 0)
      expect(told(await tus.ask('GET', path, { headers: { 'X-HTTP-Method-Override': 'HEAD' } }))).toEqual([200, '0'])
    },
  },
  {
    section: 'Core: X-HTTP-Method-Override',
    level: 'SHOULD',
    rule: 'is sent where PATCH and DELETE cannot be',
    notOurs: clientsDuty,
  },
]

/** One answer of each status that a test can bring about. */
async function answersOfEveryKind(tus: Tus): Promise<[number, Answer][]> {
  const bytes = content(20)
  const path = await tus.create(20)
  const ended = await tus.create(1)
  const absent = `${tus.target.path}/${'0'.repeat(26)}`
  const wrong = { 'Upload-Checksum': `sha1 ${Buffer.alloc(20).toString('base64')}` }
  return [
    [201, await tus.post({ 'Upload-Length': 1 })],
    [204, await tus.patch(path, 0, bytes.subarray(0, 10))],
    [200, await tus.head(path)],
    [204, await tus.delete(ended)],
    [400, await tus.post({})],
    [404, await tus.head(absent)],
    [404, await tus.ask('DELETE', `${tus.target.path}/no/such/../thing`)],
    [405, await tus.ask('PUT', path)],
    [405, await tus.ask('GET', path)],
    [405, await tus.ask('POST', path, { headers: { 'Upload-Length': 1 } })],
    [409, await tus.patch(path, 3, bytes)],
    [410, await tus.head(ended)],
    [412, await tus.post({ 'Upload-Length': 1, 'Tus-Resumable': '9.0.0' })],
    [413, await tus.patch(path, 10, content(20))],
    [415, await tus.patch(path, 10, bytes, { 'Content-Type': 'text/plain' })],
    [460, await tus.patch(path, 10, bytes.subarray(10), wrong)],
    [204, await tus.patch(path, 10, bytes.subarray(10))],
  ]
}

async function expectUnprocessed(tus: Tus, path: string, version: string | undefined): Promise<void> {
  const headers = { 'Tus-Resumable': version }
  expectRefused(await tus.patch(path, 0, 'abc', headers), 412)
  expectRefused(await tus.ask('DELETE', path, { headers }), 412)
  expectRefused(await tus.post({ 'Upload-Length': 1, ...headers }), 412)
  const head = await tus.ask('HEAD', path, { headers })
  expect([...told(head), listOf(head.headers['tus-version'])[0]]).toEqual([412, undefined, '1.0.0'])
  await tus.expectAt(path, 0)
}
