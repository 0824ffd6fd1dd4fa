/** "Upload Creation". */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { expect } from 'vitest'
import { content, endEarly, type Ietf, limitsOf, locationOf, receiptOf, refused, told } from './client.js'
import { isNamed, type Row } from './rows.js'

const section = 'Upload Creation'

export const creation: readonly Row[] = [
  {
    section,
    level: 'MUST',
    rule: 'a request that brings the whole file stores it, and its answer says so',
    check: async ietf => {
      const body = content()
      for (const lengths of [{}, { 'Upload-Length': body.length }, { 'Transfer-Encoding': 'chunked' }]) {
        const fresh = Buffer.concat([body, Buffer.from(JSON.stringify(lengths))])
        const length = 'Upload-Length' in lengths ? { 'Upload-Length': fresh.length } : lengths
        const answer = await ietf.post({ ...ietf.ends, ...length }, fresh)
        expect([...told(answer), ietf.isComplete(answer)]).toEqual([201, String(fresh.length), true])
        expect(receiptOf(answer)).toEqual([expect.stringMatching(/^[0-9a-z]{26}$/), '?0'])
        const later = await ietf.head(locationOf(answer))
        expect([...told(later), ...receiptOf(later)]).toEqual([204, String(fresh.length), ...receiptOf(answer)])
      }
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'a 104 tells where the upload is and what limits it has, before any of the content came',
    of: isNamed,
    check: async ietf => {
      const body = content()
      const headers = { ...ietf.ends, 'Content-Length': body.length }
      const { request, answer, interim } = ietf.begin('POST', ietf.target.path, { headers })
      request.flushHeaders()
      const first = await interim
      expect(first.status).toBe(104)
      expect(limitsOf(first)['max-size']).toBeGreaterThan(0)
      request.end(body)
      const final = await answer
      expect([final.status, locationOf(final)]).toEqual([201, locationOf(first)])
      expect(final.interims).toHaveLength(1)
    },
  },
  {
    section: 'Draft Version Identification',
    level: 'MUST',
    rule: 'the 104 names the version of the request',
    of: isNamed,
    check: async ietf => {
      const { interims } = await ietf.post(ietf.goesOn)
      expect(interims.map(({ headers }) => headers['upload-draft-interop-version'])).toEqual([String(ietf.version)])
    },
  },
  {
    section: 'Draft Version Identification',
    level: 'MUST NOT',
    rule: 'a 104 is sent to a request whose version is missing or another; it is served all the same',
    of: version => version === 'unnamed' || version === 8,
    check: async ietf => {
      const others = ietf.version === 'unnamed' ? [undefined] : ['99', '2', '-8', '8.5', 'latest', '8, 8']
      for (const version of others) {
        const body = content()
        const headers = { ...ietf.ends, 'Upload-Draft-Interop-Version': version }
        const answer = await ietf.post(headers, body)
        expect([...told(answer), answer.interims.length]).toEqual([201, String(body.length), 0])
      }
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'a request that brings a part is told so, and where to append the rest',
    check: async ietf => {
      const body = content()
      const answer = await ietf.post(ietf.goesOn, body.subarray(0, 400))
      expect([...told(answer), ietf.isComplete(answer)]).toEqual([201, '400', false])
      expect(limitsOf(answer)['max-size']).toBeGreaterThan(0)
      expect(receiptOf(answer)).toEqual([undefined, undefined])
      const last = await ietf.patch(locationOf(answer), 400, body.subarray(400), ietf.ends)
      expect([last.headers['upload-offset'], ietf.isComplete(last)]).toEqual(['1000', true])
    },
  },
  {
    section,
    level: 'MAY',
    rule: 'the content is empty: of an upload to come, and of an empty file',
    check: async ietf => {
      const path = await ietf.create()
      await ietf.expectAt(path, 0)
      for (const headers of [{ 'Content-Length': 0 }, { 'Transfer-Encoding': 'chunked' }]) {
        const empty = await ietf.post({ ...ietf.ends, ...headers })
        expect([...told(empty), ietf.isComplete(empty)]).toEqual([201, '0', true])
        expect(receiptOf(empty)[0]).toBeDefined()
      }
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'the length is recorded, from Upload-Length or from the Content-Length of what is complete',
    of: isNamed,
    check: async ietf => {
      const path = await ietf.create({ 'Upload-Length': 70 })
      expect((await ietf.head(path)).headers['upload-length']).toBe('70')
      const cut = await cutAfter(ietf, content(), 300)
      expect((await ietf.head(cut)).headers['upload-length']).toBe('1000')
    },
  },
  {
    section: 'Length',
    level: 'MUST',
    rule: 'lengths that disagree in one request are refused',
    check: async ietf => {
      const type = 'inconsistent-upload-length'
      refused(await ietf.post({ ...ietf.ends, 'Upload-Length': 5 }, 'abcd'), 400, type)
      refused(await ietf.post({ ...ietf.ends, 'Upload-Length': 3 }, 'abcd'), 400, type)
      refused(await ietf.post({ ...ietf.goesOn, 'Upload-Length': 3 }, 'abcd'), 400, type)
      const chunked = { 'Upload-Length': 3, 'Transfer-Encoding': 'chunked' }
      refused(await ietf.post({ ...ietf.goesOn, ...chunked }, 'abcd'), 400, type)
      refused(await ietf.post({ ...ietf.ends, ...chunked }, 'ab'), 400, type)
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'what came before a break is kept, and the upload is not complete',
    of: isNamed,
    check: async ietf => {
      const body = content(50_000)
      const path = await cutAfter(ietf, body, 20_000)
      await ietf.expectAt(path, 20_000)
      const last = await ietf.patch(path, 20_000, body.subarray(20_000), ietf.ends)
      expect([ietf.isComplete(last), receiptOf(last)[1]]).toEqual([true, '?0'])
      const again = await ietf.post(ietf.ends, body)
      expect(receiptOf(again)).toEqual([receiptOf(last)[0], '?1'])
    },
  },
  {
    section: 'Completeness',
    level: 'MUST',
    rule: 'a request that does not say whether it brings the end is no creation of an upload',
    of: version => version !== 3,
    check: async ietf => {
      // Without a version it would speak tus 1.0.
      if (ietf.version !== 'unnamed') refused(await ietf.post({}, 'abcd'), 400)
      for (const value of ['', '1', 'true', '?2', '?1, ?0', '?1 ?1', '"?1"', '?1;']) {
        refused(await ietf.post({ 'Upload-Complete': value }, 'abcd'), 400)
      }
    },
  },
  {
    section: 'Completeness',
    level: 'MUST',
    rule: 'Upload-Incomplete left out says the same as ?0; what cannot be read is refused',
    of: version => version === 3,
    check: async ietf => {
      const answer = await ietf.post({}, content())
      expect([...told(answer), ietf.isComplete(answer)]).toEqual([201, '1000', true])
      for (const value of ['', '0', 'false', '?', '?0, ?0']) {
        refused(await ietf.post({ 'Upload-Incomplete': value }, 'abcd'), 400)
      }
    },
  },
  {
    section: 'Completeness',
    level: 'MUST',
    rule: 'fields are Structured Fields: parameters are passed over',
    check: async ietf => {
      const withParameters = Object.fromEntries(
        Object.entries(ietf.ends).map(([name, value]) => [name, ` ${value};a=b; c="d, e";f=:AA==:`]),
      )
      const answer = await ietf.post({ ...withParameters, 'Upload-Length': '0001000;why' }, content())
      expect([...told(answer), ietf.isComplete(answer)]).toEqual([201, '1000', true])
    },
  },
  {
    section: 'Length',
    level: 'MUST',
    rule: 'an Upload-Length that is no non-negative Integer is ignored',
    check: async ietf => {
      for (const value of ['', '-1', '1e3', '4.0', '0x4', '"4"', '4, 4', '9999999999999999', 'abc', '?1']) {
        const answer = await ietf.post({ ...ietf.ends, 'Upload-Length': value }, content())
        expect([...told(answer), answer.headers['upload-length']], value).toEqual([201, '1000', '1000'])
      }
    },
  },
  {
    section: 'Limits',
    level: 'MUST',
    rule: 'a 413 for a length beyond the limit names the limit',
    check: async ietf => {
      const maxBytes = limitsOf(await ietf.post(ietf.goesOn))['max-size'] as number
      const answer = await ietf.post({ ...ietf.goesOn, 'Upload-Length': maxBytes + 1 })
      refused(answer, 413)
      expect(limitsOf(answer)['max-size']).toBe(maxBytes)
      expect(answer.headers.location).toBeUndefined()
      expect((await ietf.post({ ...ietf.goesOn, 'Upload-Length': maxBytes })).status).toBe(201)
    },
  },
  {
    section,
    level: 'MAY',
    rule: 'other methods than POST create, too',
    check: async ietf => {
      const answer = await ietf.ask('PUT', ietf.target.path, { headers: ietf.ends, body: content() })
      expect([...told(answer), ietf.isComplete(answer)]).toEqual([201, '1000', true])
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'representation metadata counts: files that are no photos and content codings are refused',
    check: async ietf => {
      for (const type of ['text/html', 'application/pdf', 'image/', 'multipart/form-data; boundary=x']) {
        refused(await ietf.post({ ...ietf.ends, 'Content-Type': type }, content()), 415)
      }
      refused(await ietf.post({ ...ietf.ends, 'Content-Encoding': 'gzip' }, content()), 415)
      for (const type of [
        'image/jpeg',
        'VIDEO/MP4;codecs=x',
        'application/octet-stream',
        'application/partial-upload',
      ]) {
        const answer = await ietf.post(
          { ...ietf.ends, 'Content-Type': type, 'Content-Encoding': 'identity' },
          content(),
        )
        expect(told(answer), type).toEqual([201, '1000'])
      }
    },
  },
  {
    section: 'Status Code 104',
    level: 'MUST NOT',
    rule: '100 is not omitted because of a 104',
    of: isNamed,
    check: async ietf => {
      const body = content()
      const headers = { ...ietf.ends, 'Content-Length': body.length, Expect: '100-continue' }
      const { request, answer } = ietf.begin('POST', ietf.target.path, { headers })
      request.flushHeaders()
      await once(request, 'continue')
      request.end(body)
      const { status, interims } = await answer
      expect([status, interims.some(interim => interim.status === 104)]).toEqual([201, true])
    },
  },
  {
    section: 'Representation Digests',
    level: 'SHOULD',
    rule: 'a file that is not the one that was announced is not processed, and its client hears of it',
    check: async ietf => {
      const body = content()
      const digest = (bytes: Buffer | string) =>
        `md5=:AAAA:, sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
      const right = await ietf.post({ ...ietf.ends, 'Repr-Digest': digest(body) }, body)
      expect([...told(right), ietf.isComplete(right)]).toEqual([201, '1000', true])
      const wrong = await ietf.post({ ...ietf.ends, 'Repr-Digest': digest('another') }, content())
      refused(wrong, 400, 'digest-mismatched-values')
      expect(receiptOf(wrong)).toEqual([undefined, undefined])
      const path = await ietf.create({ 'Repr-Digest': digest('another') })
      refused(await ietf.patch(path, 0, content(), ietf.ends), 400, 'digest-mismatched-values')
    },
  },
]

/** A creation that breaks off after so many bytes; where its upload is was told by a 104. */
async function cutAfter(ietf: Ietf, body: Buffer, sentBytes: number): Promise<string> {
  const headers = { ...ietf.ends, 'Content-Length': body.length }
  const { request, interim } = ietf.begin('POST', ietf.target.path, { headers })
  request.write(body.subarray(0, sentBytes))
  const path = locationOf(await interim)
  await endEarly(request)
  return path
}
