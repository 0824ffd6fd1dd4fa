/** tus 1.0.0, "Checksum". */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { expect } from 'vitest'
import { waitUntil } from '../../support/wait-until.js'
import { content, expectRefused, listOf, locationOf, offsetType, type Tus, told, wholeOf } from './client.js'
import { clientsChoice, type Row } from './rows.js'

const section = 'Checksum'
const algorithms = ['sha1', 'sha256', 'md5', 'crc32'] as const

export const checksum: readonly Row[] = [
  {
    section,
    level: 'MUST',
    rule: '"checksum" is in Tus-Extension',
    check: async tus => {
      expect(listOf((await tus.options()).headers['tus-extension'])).toContain('checksum')
    },
  },
  {
    section,
    level: 'MAY',
    rule: 'a PATCH has Upload-Checksum',
    notOurs: clientsChoice,
  },
  {
    section,
    level: 'MUST',
    rule: 'the chunk is verified: 204 when its checksum matches',
    check: async tus => {
      const bytes = content()
      const path = await tus.create(bytes.length, { 'Upload-Metadata': wholeOf(bytes) })
      for (const [index, algorithm] of algorithms.entries()) {
        const chunk = bytes.subarray(index * 250, (index + 1) * 250)
        const answer = await tus.patch(path, index * 250, chunk, { 'Upload-Checksum': sumOf(algorithm, chunk) })
        expect(told(answer), algorithm).toEqual([204, String((index + 1) * 250)])
      }
      // Of no bytes, too.
      const empty = await tus.create(1)
      const headers = { 'Upload-Checksum': sumOf('sha1', Buffer.alloc(0)) }
      expect(told(await tus.patch(empty, 0, '', headers))).toEqual([204, '0'])
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'the chunk is discarded when its checksum does not match: 460, and the offset stays',
    check: async tus => {
      const bytes = content()
      const path = await tus.create(bytes.length, { 'Upload-Metadata': wholeOf(bytes) })
      await tus.patch(path, 0, bytes.subarray(0, 100))
      for (const algorithm of algorithms) {
        const headers = { 'Upload-Checksum': sumOf(algorithm, bytes.subarray(100)) }
        // Corrupted on the way: some bytes of it, and its last ones that would complete the upload.
        expectRefused(await tus.patch(path, 100, content(50), headers), 460)
        expectRefused(await tus.patch(path, 100, content(900), headers), 460)
        expectRefused(await chunked(tus, path, 100, content(900), headers), 460)
        await tus.expectAt(path, 100)
      }
      expectRefused(await tus.patch(path, 100, '', { 'Upload-Checksum': sumOf('md5', bytes) }), 460)
      await tus.expectAt(path, 100)
      const rest = bytes.subarray(100)
      const headers = { 'Upload-Checksum': sumOf('sha256', rest) }
      // The whole file is checked, too: nothing of what was discarded is in it.
      expect(told(await chunked(tus, path, 100, rest, headers))).toEqual([204, '1000'])
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'nothing is kept of a chunk with a checksum that breaks off: it cannot be verified',
    check: async tus => {
      const bytes = content(5_000)
      const sum = { 'Upload-Checksum': sumOf('sha1', bytes) }
      // Whether the server has received it can't be seen from here: it is given longer each time.
      for (const waitMs of [0, 25, 100, 250]) {
        const path = await tus.create(bytes.length)
        const headers = { 'Upload-Offset': 0, ...offsetType, 'Content-Length': bytes.length, ...sum }
        const { request } = tus.begin('PATCH', path, { headers })
        await new Promise(resolve => request.write(bytes.subarray(0, 4_000), resolve))
        await sleep(waitMs)
        request.destroy()
        await tus.expectAt(path, 0)
        // It may come late, and is then in the way of a newer one.
        const goesOn = async () => (await tus.patch(path, 0, bytes, sum)).status === 204
        await waitUntil(goesOn, { what: 'the same bytes again', deadlineMs: 10_000 })
      }
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'the chunk is discarded when its algorithm is not supported: 400, and the offset stays',
    check: async tus => {
      const path = await tus.create(3)
      const digest = createHash('sha1').update('abc').digest('base64')
      for (const name of ['sha3', 'SHA1', 'sha-1', 'crc32c', 'constructor', '__proto__', 'sha1,md5', '']) {
        expectRefused(await tus.patch(path, 0, 'abc', { 'Upload-Checksum': `${name} ${digest}` }), 400)
      }
      await tus.expectAt(path, 0)
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'sha1 is supported',
    check: async tus => {
      const path = await tus.create(3)
      const headers = { 'Upload-Checksum': 'sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=' }
      expect(told(await tus.patch(path, 0, 'abc', headers))).toEqual([204, '3'])
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'names of algorithms are ASCII without uppercase letters',
    check: async tus => {
      const names = listOf((await tus.options()).headers['tus-checksum-algorithm'])
      for (const name of names) expect(name).toMatch(/^[\x21-\x2b\x2d-\x40\x5b-\x7e]+$/)
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'Tus-Checksum-Algorithm is in the response to OPTIONS: a comma-separated list of what is supported',
    check: async tus => {
      const names = listOf((await tus.options()).headers['tus-checksum-algorithm'])
      expect(names.sort()).toEqual([...algorithms].sort())
    },
  },
  {
    section,
    level: 'MUST',
    rule: '"checksum-trailer" is in Tus-Extension where trailers are handled: here they are not',
    check: async tus => {
      expect(listOf((await tus.options()).headers['tus-extension'])).not.toContain('checksum-trailer')
    },
  },
  {
    section: 'Checksum: Upload-Checksum',
    level: 'MUST',
    rule: 'a name and the checksum in base64, with a space between: anything else is 400',
    check: async tus => {
      const path = await tus.create(3)
      const right = sumOf('sha1', Buffer.from('abc'))
      const [, base64 = ''] = right.split(' ')
      const values = ['', 'sha1', 'sha1 ', base64, `sha1:${base64}`, `sha1  ${base64}`, `${right} x`, `${right}=`]
      const digests = ['AAAA', base64.slice(0, -1), base64.slice(0, -4), '*'.repeat(28), '9'.repeat(40)]
      for (const value of [...values, ...digests.map(digest => `sha1 ${digest}`), `${right}, ${right}`]) {
        expectRefused(await tus.patch(path, 0, 'abc', { 'Upload-Checksum': value }), 400)
      }
      await tus.expectAt(path, 0)
    },
  },
  {
    section: 'Checksum: Upload-Checksum',
    level: 'MUST',
    rule: 'is of the bytes that this request brings, also those that come with the creation',
    check: async tus => {
      const bytes = content(100)
      const wanted = { 'Upload-Length': 100, 'Upload-Metadata': wholeOf(bytes), ...offsetType }
      const wrong = await tus.post({ ...wanted, 'Upload-Checksum': sumOf('crc32', content(40)) }, bytes.subarray(0, 40))
      expectRefused(wrong, 460)
      expect(wrong.headers.location).toBeUndefined()
      const sum = { 'Upload-Checksum': sumOf('crc32', bytes.subarray(0, 40)) }
      const begun = await tus.post({ ...wanted, ...sum }, bytes.subarray(0, 40))
      expect(told(begun)).toEqual([201, '40'])
      const rest = bytes.subarray(40)
      const last = await tus.patch(locationOf(begun), 40, rest, { 'Upload-Checksum': sumOf('md5', rest) })
      expect(told(last)).toEqual([204, '100'])
      expectRefused(await tus.post({ 'Upload-Length': 1, 'Upload-Checksum': 'sha3 AAAA', ...offsetType }, 'a'), 400)
    },
  },
]

function sumOf(algorithm: (typeof algorithms)[number], bytes: Buffer): string {
  if (algorithm !== 'crc32') return `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`
  const digest = Buffer.alloc(4)
  digest.writeUInt32BE(crc32(bytes))
  return `crc32 ${digest.toString('base64')}`
}

/** A PATCH that does not say how long it is. */
function chunked(tus: Tus, path: string, offset: number, bytes: Buffer, headers: Readonly<Record<string, string>>) {
  const all = { 'Upload-Offset': offset, ...offsetType, 'Transfer-Encoding': 'chunked', ...headers }
  const { request, answer } = tus.begin('PATCH', path, { headers: all })
  request.write(bytes.subarray(0, 10))
  request.end(bytes.subarray(10))
  return answer
}
