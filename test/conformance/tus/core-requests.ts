/** tus 1.0.0, "Core Protocol": Requests. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { waitUntil } from '../../support/wait-until.js'
import { content, expectRefused, listOf, offsetType, type Tus, told, wholeOf } from './client.js'
import { clientsChoice, clientsDuty, type Row } from './rows.js'

export const coreRequests: readonly Row[] = [
  {
    section: 'Core: HEAD',
    level: 'MUST',
    rule: 'Upload-Offset is always told, also when it is 0 and when the upload is complete',
    check: async tus => {
      const path = await tus.create(4)
      await tus.expectAt(path, 0)
      await tus.patch(path, 0, content(3))
      await tus.expectAt(path, 3)
      await tus.patch(path, 3, content(1))
      await tus.expectAt(path, 4)
    },
  },
  {
    section: 'Core: HEAD',
    level: 'MUST',
    rule: 'Upload-Length is told when it is known',
    check: async tus => {
      const path = await tus.create(4)
      expect((await tus.head(path)).headers['upload-length']).toBe('4')
      await tus.patch(path, 0, content(4))
      expect((await tus.head(path)).headers['upload-length']).toBe('4')
    },
  },
  {
    section: 'Core: HEAD',
    level: 'SHOULD',
    rule: 'what is not found is 404, 410 or 403, without Upload-Offset',
    check: async tus => {
      const ended = await tus.create(4)
      await tus.delete(ended)
      expect(told(await tus.head(ended))).toEqual([410, undefined])
      for (const id of ['0'.repeat(26), 'x', '', '..', 'a/b', 'constructor', '%2e%2e']) {
        expect(told(await tus.head(`${tus.target.path}/${id}`)), id).toEqual([404, undefined])
      }
    },
  },
  {
    section: 'Core: HEAD',
    level: 'SHOULD',
    rule: 'a successful one is 200 or 204, and has no body',
    check: async tus => {
      const answer = await tus.head(await tus.create(4))
      expect([answer.status, answer.text]).toEqual([200, ''])
    },
  },
  {
    section: 'Core: HEAD',
    level: 'MUST',
    rule: 'caches are kept from it by Cache-Control: no-store',
    check: async tus => {
      const path = await tus.create(4)
      expect((await tus.head(path)).headers['cache-control']).toBe('no-store')
      await tus.delete(path)
      // 404 and 410 may be kept by a cache otherwise (RFC 9110 §15.1).
      expect((await tus.head(path)).headers['cache-control']).toBe('no-store')
      const asPost = await tus.ask('POST', path, { headers: { 'X-HTTP-Method-Override': 'HEAD' } })
      expect(asPost.headers['cache-control']).toBe('no-store')
    },
  },
  {
    section: 'Core: PATCH',
    level: 'SHOULD',
    rule: 'is accepted by any upload, and the bytes are applied at Upload-Offset',
    check: async tus => {
      const bytes = content(1_000)
      const path = await tus.create(bytes.length, { 'Upload-Metadata': wholeOf(bytes) })
      let offset = 0
      for (const sizeBytes of [1, 499, 0, 300, 200]) {
        const answer = await tus.patch(path, offset, bytes.subarray(offset, offset + sizeBytes))
        offset += sizeBytes
        expect(told(answer)).toEqual([204, String(offset)])
      }
      // The bytes themselves: the same in another order are not this file.
      const other = await tus.create(bytes.length, { 'Upload-Metadata': wholeOf(bytes) })
      await tus.patch(other, 0, bytes.subarray(500))
      expectRefused(await tus.patch(other, 500, bytes.subarray(0, 500)), 460)
    },
  },
  {
    section: 'Core: PATCH',
    level: 'MUST',
    rule: 'has Content-Type: application/offset+octet-stream; another one is 415',
    check: async tus => {
      const path = await tus.create(4)
      for (const type of [
        undefined,
        '',
        'application/octet-stream',
        'image/jpeg',
        'application/offset',
        'text/plain',
      ]) {
        expectRefused(await tus.patch(path, 0, 'abcd', { 'Content-Type': type }), 415)
      }
      await tus.expectAt(path, 0)
      // RFC 9110 §8.3.1: in any case, and parameters may follow.
      const written = { 'Content-Type': 'Application/Offset+Octet-Stream; charset=binary' }
      expect(told(await tus.patch(path, 0, 'ab', written))).toEqual([204, '2'])
    },
  },
  {
    section: 'Core: PATCH',
    level: 'MUST',
    rule: 'Upload-Offset is where the upload is; else 409, and the upload stays as it was',
    check: async tus => {
      const path = await tus.create(10)
      await tus.patch(path, 0, content(4))
      for (const offset of [0, 3, 5, 9, 10, 11, Number.MAX_SAFE_INTEGER]) {
        const answer = await tus.patch(path, offset, 'x')
        expectRefused(answer, 409)
        expect(answer.headers['upload-offset']).toBe('4')
        await tus.expectAt(path, 4)
      }
      expect(told(await tus.patch(path, 4, content(6)))).toEqual([204, '10'])
      expectRefused(await tus.patch(path, 3, 'x'), 409)
    },
  },
  {
    section: 'Core: PATCH',
    level: 'MAY',
    rule: 'Concatenation is used for parallel uploads',
    notOurs: clientsChoice,
  },
  {
    section: 'Core: PATCH',
    level: 'SHOULD',
    rule: 'all remaining bytes come in a single request',
    notOurs: clientsDuty,
  },
  {
    section: 'Core: PATCH',
    level: 'MAY',
    rule: 'several small ones come one after the other',
    notOurs: clientsChoice,
  },
  {
    section: 'Core: PATCH',
    level: 'MUST',
    rule: 'a successful one is 204 with the new Upload-Offset: the old one and the bytes received',
    check: async tus => {
      const path = await tus.create(10)
      expect(told(await tus.patch(path, 0, 'abc'))).toEqual([204, '3'])
      expect(told(await tus.patch(path, 3, ''))).toEqual([204, '3'])
      const { request, answer } = tus.begin('PATCH', path, {
        headers: { 'Upload-Offset': 3, ...offsetType, 'Transfer-Encoding': 'chunked' },
      })
      request.write('def')
      request.end('gh')
      expect(told(await answer)).toEqual([204, '8'])
      await tus.expectAt(path, 8)
    },
  },
  {
    section: 'Core: PATCH',
    level: 'SHOULD',
    rule: 'against what is not there it is 404',
    check: async tus => {
      expectRefused(await tus.patch(`${tus.target.path}/${'0'.repeat(26)}`, 0, 'a'), 404)
      expectRefused(await tus.patch(`${tus.target.path}/x`, 0, 'a'), 404)
    },
  },
  {
    section: 'Core: PATCH',
    level: 'SHOULD',
    rule: 'network errors are noticed and handled: the upload goes on from where HEAD says',
    check: async tus => {
      const bytes = content(200_000)
      const path = await tus.create(bytes.length, { 'Upload-Metadata': wholeOf(bytes) })
      const headers = { 'Upload-Offset': 0, ...offsetType, 'Content-Length': bytes.length }
      const { request } = tus.begin('PATCH', path, { headers })
      await new Promise(resolve => request.write(bytes.subarray(0, 100_000), resolve))
      request.destroy()
      await goOn(tus, path, bytes)
    },
  },
  {
    section: 'Core: PATCH',
    level: 'SHOULD',
    rule: 'a timeout is handled by closing the connection, and what came is kept',
    needs: 'stalling',
    check: async tus => {
      const path = await tus.create(10)
      const headers = { 'Upload-Offset': 0, ...offsetType, 'Content-Length': 10 }
      const { request, answer } = tus.begin('PATCH', path, { headers, origin: tus.target.stalling as string })
      request.write('abcde')
      await expect(answer).rejects.toThrow()
      await tus.expectAt(path, 5)
    },
  },
  {
    section: 'Core: PATCH',
    level: 'SHOULD',
    rule: 'as much as possible of what was received is stored',
    check: async tus => {
      let waitMs = 10
      const keepsAll = async () => {
        const path = await tus.create(5_000)
        const headers = { 'Upload-Offset': 0, ...offsetType, 'Content-Length': 5_000 }
        const { request } = tus.begin('PATCH', path, { headers })
        await new Promise(resolve => request.write(content(4_999), resolve))
        // Whether the server has received it can't be seen from here: it is given longer each time.
        await sleep(waitMs)
        waitMs *= 2
        request.destroy()
        const { headers: found } = await tus.head(path)
        return found['upload-offset'] === '4999'
      }
      await waitUntil(keepsAll, { what: 'every byte of a request that broke off', deadlineMs: 10_000 })
    },
  },
  {
    section: 'Core: OPTIONS',
    level: 'MUST',
    rule: 'a successful one is 204 or 200, with Tus-Version',
    check: async tus => {
      const answer = await tus.options()
      expect([answer.status, listOf(answer.headers['tus-version'])]).toEqual([200, ['1.0.0']])
    },
  },
  {
    section: 'Core: OPTIONS',
    level: 'MAY',
    rule: 'tells Tus-Extension and Tus-Max-Size: it does',
    check: async tus => {
      const { headers } = await tus.options()
      expect([typeof headers['tus-extension'], typeof headers['tus-max-size']]).toEqual(['string', 'string'])
    },
  },
  {
    section: 'Core: OPTIONS',
    level: 'SHOULD NOT',
    rule: 'the request has Tus-Resumable',
    notOurs: clientsDuty,
  },
  {
    section: 'Core: OPTIONS',
    level: 'MUST',
    rule: 'Tus-Resumable in the request is ignored',
    check: async tus => {
      for (const version of ['1.0.0', '0.2.2', 'nonsense']) {
        const answer = await tus.ask('OPTIONS', tus.target.path, { headers: { 'Tus-Resumable': version } })
        expect([answer.status, answer.headers['tus-version']]).toEqual([200, '1.0.0'])
      }
    },
  },
  {
    section: 'Extensions',
    level: 'SHOULD',
    rule: 'features are found by OPTIONS and Tus-Extension: those of this server',
    check: async tus => {
      const offered = listOf((await tus.options()).headers['tus-extension']).sort()
      const expected = ['checksum', 'concatenation', 'creation', 'creation-defer-length', 'creation-with-upload']
      expect(offered).toEqual([...expected, 'expiration', 'termination'])
    },
  },
]

/** As a client does whose connection broke. A broken request may reach the server late, and is then in the way of a newer one. */
async function goOn(tus: Tus, path: string, bytes: Buffer): Promise<void> {
  let offset = 0
  const isDone = async () => {
    const { status, headers } = await tus.head(path)
    expect(status).toBe(200)
    const now = Number(headers['upload-offset'])
    // What was told never goes back.
    expect(now).toBeGreaterThanOrEqual(offset)
    offset = now
    return (await tus.patch(path, offset, bytes.subarray(offset))).status === 204
  }
  await waitUntil(isDone, { what: 'the rest of the upload', deadlineMs: 10_000 })
  await tus.expectAt(path, bytes.length)
}
