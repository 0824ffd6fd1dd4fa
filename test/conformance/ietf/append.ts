/** "Upload Append". */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { content, endEarly, isBefore, limitsOf, locationOf, onceRead, receiptOf, refused, told } from './client.js'
import type { Row } from './rows.js'

const section = 'Upload Append'

export const append: readonly Row[] = [
  {
    section,
    level: 'MUST',
    rule: 'what is appended is acknowledged with the new offset: 201 up to -05, then 204; the last gets what the creation would have got',
    check: async ietf => {
      const body = content()
      const path = await ietf.create()
      const appended = isBefore(ietf.version, 7) ? 201 : 204
      for (const offset of [0, 250]) {
        const answer = await ietf.patch(path, offset, body.subarray(offset, offset + 250), ietf.goesOn)
        expect([...told(answer), ietf.isComplete(answer)]).toEqual([appended, String(offset + 250), false])
      }
      const last = await ietf.patch(path, 500, body.subarray(500), ietf.ends)
      expect([...told(last), ietf.isComplete(last)]).toEqual([201, '1000', true])
      const whole = await ietf.post(ietf.ends, body)
      expect(receiptOf(whole)).toEqual([receiptOf(last)[0], '?1'])
    },
  },
  {
    section: 'Media Type application/partial-upload',
    level: 'MUST',
    rule: 'since -04 an append has that type; before, any',
    check: async ietf => {
      const path = await ietf.create()
      const isTyped = !isBefore(ietf.version, 6)
      let offset = 0
      for (const type of [undefined, 'application/octet-stream', 'application/offset+octet-stream', 'image/jpeg']) {
        const headers = { ...ietf.goesOn, 'Content-Type': type }
        const answer = await ietf.patch(path, offset, 'ab', headers)
        if (isTyped) {
          refused(answer, 415)
          expect(answer.headers['accept-patch']).toBe('application/partial-upload')
        } else {
          offset += 2
          expect(told(answer)).toEqual([201, String(offset)])
        }
      }
      const type = { 'Content-Type': 'Application/Partial-Upload; charset=none' }
      const answer = await ietf.patch(path, offset, 'ab', { ...ietf.goesOn, ...type })
      expect(answer.headers['upload-offset']).toBe(String(offset + 2))
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'another offset than the upload’s is 409 and hears the right one',
    check: async ietf => {
      const path = await ietf.create()
      await ietf.patch(path, 0, content(500), ietf.goesOn)
      for (const offset of [0, 499, 501, 1_000_000]) {
        const answer = await ietf.patch(path, offset, 'ab', ietf.goesOn)
        const problem = refused(answer, 409, 'mismatching-upload-offset')
        expect(problem).toMatchObject({ 'expected-offset': 500, 'provided-offset': offset })
        expect([answer.headers['upload-offset'], ietf.isComplete(answer)]).toEqual(['500', false])
      }
      await ietf.expectAt(path, 500)
    },
  },
  {
    section: 'Offset',
    level: 'MUST',
    rule: 'an Upload-Offset that is no non-negative Integer is ignored, and an append needs one',
    check: async ietf => {
      const path = await ietf.create()
      for (const offset of ['', '-1', '1e0', '0.0', '0x0', '"0"', '0, 0', '9999999999999999', 'abc', '?0']) {
        refused(await ietf.patch(path, offset, 'ab', ietf.goesOn), 400)
      }
      const headers = { ...ietf.type, ...ietf.goesOn }
      refused(await ietf.ask('PATCH', path, { headers, body: 'ab' }), 400)
      await ietf.expectAt(path, 0)
      const answer = await ietf.patch(path, '-0;a="b"', 'ab', ietf.goesOn)
      expect(answer.headers['upload-offset']).toBe('2')
    },
  },
  {
    section: 'Length',
    level: 'MAY',
    rule: 'may come with any append, also without Content-Length, and with one that brings nothing',
    check: async ietf => {
      const chunked = { 'Transfer-Encoding': 'chunked' }
      const lasts: [string, Record<string, string | number>][] = [
        ['abcd', { 'Upload-Length': 6 }],
        ['abcd', { 'Upload-Length': 6, ...chunked }],
        ['abcd', { ...chunked }],
        ['', { 'Content-Length': 0 }],
        ['', { ...chunked }],
      ]
      for (const [body, headers] of lasts) {
        const path = await ietf.create()
        expect((await ietf.patch(path, 0, 'xy', { ...ietf.goesOn, ...chunked })).headers['upload-offset']).toBe('2')
        const last = await ietf.patch(path, 2, body, { ...ietf.ends, ...headers })
        expect([...told(last), ietf.isComplete(last)]).toEqual([201, String(2 + body.length), true])
        expect(last.headers['upload-length']).toBe(String(2 + body.length))
      }
    },
  },
  {
    section: 'Length',
    level: 'MUST',
    rule: 'lengths that disagree, in one request or in several, are refused',
    check: async ietf => {
      const type = 'inconsistent-upload-length'
      const path = await ietf.create({ 'Upload-Length': 10 })
      await ietf.patch(path, 0, 'abcd', ietf.goesOn)
      const chunked = { 'Transfer-Encoding': 'chunked' }
      refused(await ietf.patch(path, 4, 'ef', ietf.ends), 400, type)
      refused(await ietf.patch(path, 4, '', ietf.ends), 400, type)
      refused(await ietf.patch(path, 4, 'ef', { ...ietf.ends, ...chunked }), 400, type)
      refused(await ietf.patch(path, 4, 'ef', { ...ietf.goesOn, 'Upload-Length': 11 }), 400, type)
      refused(await ietf.patch(path, 4, 'ef', { ...ietf.goesOn, 'Upload-Length': 5 }), 400, type)
      refused(await ietf.patch(path, 4, 'efghij', { ...ietf.ends, 'Upload-Length': 11 }), 400, type)
      await ietf.expectAt(path, 4)
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'the offset never exceeds the length; since -06 the upload is to be made unusable then',
    otherwise: 'a client that sent too much once may still finish what it announced: nothing wrong was kept',
    check: async ietf => {
      const type = 'inconsistent-upload-length'
      const path = await ietf.create({ 'Upload-Length': 10 })
      const chunked = { 'Transfer-Encoding': 'chunked' }
      for (const headers of [{}, chunked]) {
        const answer = await ietf.patch(path, 0, 'abcdefghijk', { ...ietf.goesOn, ...headers })
        refused(answer, 400, type)
        expect([answer.headers['upload-offset'], ietf.isComplete(answer)]).toEqual(['0', false])
      }
      const last = await ietf.patch(path, 0, 'abcdefghij', ietf.ends)
      expect([...told(last), ietf.isComplete(last)]).toEqual([201, '10', true])
    },
  },
  {
    section: 'Completeness',
    level: 'MUST NOT',
    rule: 'an upload completes by its length alone',
    otherwise:
      'all bytes of a known length are here, so the photo is stored and the answer says so, as the server may since -12',
    check: async ietf => {
      const path = await ietf.create({ 'Upload-Length': 10 })
      const last = await ietf.patch(path, 0, content(10), ietf.goesOn)
      expect([...told(last), ietf.isComplete(last)]).toEqual([201, '10', true])
      expect(receiptOf(last)[0]).toBeDefined()
      const again = await ietf.patch(path, 10, '', ietf.ends)
      expect([...told(again), ...receiptOf(again)]).toEqual([201, '10', ...receiptOf(last)])
    },
  },
  {
    section: 'Completeness',
    level: 'MUST NOT',
    rule: 'an append that says nothing of completeness completes nothing (-01: it completes)',
    check: async ietf => {
      for (const field of [{}, { 'Upload-Complete': 'yes' }]) {
        const path = await ietf.create()
        const answer = await ietf.patch(path, 0, content(10), field)
        expect([answer.headers['upload-offset'], ietf.isComplete(answer)]).toEqual(['10', ietf.version === 3])
      }
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'to a complete upload nothing is appended',
    check: async ietf => {
      const body = content()
      const created = await ietf.post(ietf.ends, body)
      const path = locationOf(created)
      const type = isBefore(ietf.version, 7) ? 'completed-upload' : 'inconsistent-upload-length'
      for (const headers of [ietf.ends, ietf.goesOn]) {
        const more = await ietf.patch(path, 1_000, 'more', headers)
        refused(more, 400, type)
        expect([ietf.isComplete(more), ...receiptOf(more)]).toEqual([true, ...receiptOf(created)])
      }
      const elsewhere = await ietf.patch(path, 500, body.subarray(500, 700), ietf.goesOn)
      refused(elsewhere, 409, 'mismatching-upload-offset')
      expect(elsewhere.headers['upload-offset']).toBe('1000')
      expect([ietf.isComplete(elsewhere), ...receiptOf(elsewhere)]).toEqual([true, ...receiptOf(created)])
    },
  },
  {
    section: 'Responses to Uploads',
    level: 'MAY',
    rule: 'the last request, sent again because its answer was lost, gets the same answer',
    check: async ietf => {
      const body = content()
      const path = await ietf.create()
      await ietf.patch(path, 0, body.subarray(0, 600), ietf.goesOn)
      const last = await ietf.patch(path, 600, body.subarray(600), ietf.ends)
      for (const [offset, rest] of [
        [600, body.subarray(600)],
        [1_000, ''],
      ] as const) {
        const again = await ietf.patch(path, offset, rest, ietf.ends)
        expect([...told(again), ietf.isComplete(again), ...receiptOf(again)]).toEqual([
          201,
          '1000',
          true,
          ...receiptOf(last),
        ])
      }
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'what came before a break is kept, and the upload is not complete',
    check: async ietf => {
      const body = content(50_000)
      const headers = { 'Upload-Offset': 0, ...ietf.type, ...ietf.ends, 'Content-Length': body.length }
      await onceRead(async delayMs => {
        const path = await ietf.create()
        const { request } = ietf.begin('PATCH', path, { headers })
        await new Promise(resolve => request.write(body.subarray(0, 20_000), resolve))
        await sleep(delayMs)
        await endEarly(request)
        const answer = await ietf.head(path)
        const offset = Number(told(answer)[1])
        expect([answer.status, ietf.isComplete(answer)]).toEqual([204, false])
        if (offset === 0) return false
        const last = await ietf.patch(path, offset, body.subarray(offset), ietf.ends)
        expect([ietf.isComplete(last), receiptOf(await ietf.post(ietf.ends, body))[1]]).toEqual([true, '?1'])
        return true
      })
    },
  },
  {
    section: 'Content Digests',
    level: 'SHOULD',
    rule: 'content that is not what its digest says is not appended, and its client hears of it',
    check: async ietf => {
      const path = await ietf.create()
      const body = content()
      const digest = (algorithm: 'sha256' | 'sha512', bytes: Buffer | string) =>
        `${algorithm.replace('sha', 'sha-')}=:${createHash(algorithm).update(bytes).digest('base64')}:`
      const refusedDigests = [digest('sha256', 'x'), digest('sha512', 'x'), `unixsum=:AA==:, ${digest('sha256', 'x')}`]
      for (const wrong of refusedDigests) {
        const answer = await ietf.patch(path, 0, body, { ...ietf.ends, 'Content-Digest': wrong })
        refused(answer, 400, 'digest-mismatched-values')
        expect([answer.headers['upload-offset'], ietf.isComplete(answer)]).toEqual(['0', false])
      }
      for (const unreadable of ['sha-256', 'sha-256=:AA==:', 'sha-256=AA', 'sha-512=:AA:', ':AA==:', 'sha-256=:%:']) {
        const answer = await ietf.patch(path, 0, body, { ...ietf.ends, 'Content-Digest': unreadable })
        refused(answer, 400, 'digest-invalid-values')
      }
      const parts = [
        [0, digest('sha512', body.subarray(0, 400))],
        [400, `md5=:AAAA:, ${digest('sha256', body.subarray(400, 700))};a=1`],
      ] as const
      for (const [offset, right] of parts) {
        const part = body.subarray(offset, offset === 0 ? 400 : 700)
        const answer = await ietf.patch(path, offset, part, { ...ietf.goesOn, 'Content-Digest': right })
        expect(answer.headers['upload-offset']).toBe(String(offset + part.length))
      }
      const last = await ietf.patch(path, 700, body.subarray(700), { ...ietf.ends, 'Content-Digest': 'sha=:AA==:' })
      expect([...told(last), ietf.isComplete(last)]).toEqual([201, '1000', true])
    },
  },
  {
    section: 'Representation Digests',
    level: 'SHOULD',
    rule: 'may come with an append, too; two that differ are refused',
    check: async ietf => {
      const body = content()
      const digest = (bytes: Buffer | string) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
      const path = await ietf.create({ 'Repr-Digest': digest(body) })
      refused(await ietf.patch(path, 0, body, { ...ietf.goesOn, 'Repr-Digest': digest('another') }), 400)
      await ietf.expectAt(path, 0)
      const headers = { ...ietf.ends, 'Repr-Digest': digest(body) }
      expect(ietf.isComplete(await ietf.patch(path, 0, body, headers))).toBe(true)
      const late = await ietf.create()
      await ietf.patch(late, 0, body.subarray(0, 500), ietf.goesOn)
      const wrong = { ...ietf.ends, 'Repr-Digest': digest('another') }
      refused(await ietf.patch(late, 500, body.subarray(500), wrong), 400, 'digest-mismatched-values')
    },
  },
  {
    section: 'Limits',
    level: 'MUST',
    rule: 'a 413 for a length beyond the limit names the limit',
    check: async ietf => {
      const path = await ietf.create()
      const maxBytes = limitsOf(await ietf.head(path))['max-size'] as number
      const answer = await ietf.patch(path, 0, 'ab', { ...ietf.goesOn, 'Upload-Length': maxBytes + 1 })
      refused(answer, 413)
      expect(limitsOf(answer)['max-size']).toBe(maxBytes)
      await ietf.expectAt(path, 0)
    },
  },
]
