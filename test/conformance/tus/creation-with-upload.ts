/** tus 1.0.0, "Creation With Upload". */
import { expect } from 'vitest'
import { content, expectRefused, listOf, locationOf, offsetType, told, wholeOf } from './client.js'
import { clientsChoice, clientsDuty, type Row } from './rows.js'

const section = 'Creation With Upload'

export const creationWithUpload: readonly Row[] = [
  {
    section,
    level: 'MAY',
    rule: 'the creation brings parts of the upload',
    notOurs: clientsChoice,
  },
  {
    section,
    level: 'MUST',
    rule: '"creation-with-upload" is in Tus-Extension, and only together with "creation"',
    check: async tus => {
      const extensions = listOf((await tus.options()).headers['tus-extension'])
      expect(extensions).toEqual(expect.arrayContaining(['creation', 'creation-with-upload']))
    },
  },
  {
    section,
    level: 'MAY',
    rule: 'the body is all of the upload, or a chunk of it',
    check: async tus => {
      const bytes = content()
      const wanted = { 'Upload-Length': bytes.length, 'Upload-Metadata': wholeOf(bytes), ...offsetType }
      const whole = await tus.post(wanted, bytes)
      expect(told(whole)).toEqual([201, '1000'])
      await tus.expectAt(locationOf(whole), 1_000)
      const begun = await tus.post(wanted, bytes.subarray(0, 300))
      expect(told(begun)).toEqual([201, '300'])
      await tus.expectAt(locationOf(begun), 300)
      expect(told(await tus.patch(locationOf(begun), 300, bytes.subarray(300)))).toEqual([204, '1000'])
    },
  },
  {
    section,
    level: 'MAY',
    rule: 'the rules of PATCH hold: more than the length is 413, and leaves nothing',
    check: async tus => {
      const answer = await tus.post({ 'Upload-Length': 3, ...offsetType }, 'abcd')
      expectRefused(answer, 413)
      expect(answer.headers.location).toBeUndefined()
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'bytes come with Content-Type: application/offset+octet-stream; of any other body none is taken',
    check: async tus => {
      for (const type of [undefined, 'application/octet-stream', 'image/jpeg', 'application/x-www-form-urlencoded']) {
        const answer = await tus.post({ 'Upload-Length': 4, 'Content-Type': type }, 'abcd')
        expect(told(answer)).toEqual([201, '0'])
        await tus.expectAt(locationOf(answer), 0)
      }
      const written = { 'Content-Type': 'Application/Offset+Octet-Stream' }
      expect(told(await tus.post({ 'Upload-Length': 4, ...written }, 'abcd'))).toEqual([201, '4'])
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'as many bytes as possible are accepted',
    check: async tus => {
      const bytes = content(300_000)
      const headers = { 'Upload-Length': bytes.length, 'Upload-Metadata': wholeOf(bytes), ...offsetType }
      expect(told(await tus.post(headers, bytes))).toEqual([201, '300000'])
      const { request, answer } = tus.begin('POST', tus.target.path, {
        headers: { ...headers, 'Transfer-Encoding': 'chunked' },
      })
      for (let at = 0; at < bytes.length; at += 70_000) request.write(bytes.subarray(at, at + 70_000))
      request.end()
      expect(told(await answer)).toEqual([201, '300000'])
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'Upload-Offset in the response is where the upload is after the accepted bytes',
    check: async tus => {
      for (const sizeBytes of [0, 1, 99]) {
        const answer = await tus.post({ 'Upload-Length': 100, ...offsetType }, content(sizeBytes))
        expect(told(answer)).toEqual([201, String(sizeBytes)])
        await tus.expectAt(locationOf(answer), sizeBytes)
      }
      // Also while the length is not known.
      const open = await tus.post({ 'Upload-Defer-Length': 1, ...offsetType }, 'abc')
      expect(told(open)).toEqual([201, '3'])
      expect(told(await tus.patch(locationOf(open), 3, 'd', { 'Upload-Length': 4 }))).toEqual([204, '4'])
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'the extension is looked for before it is used',
    notOurs: clientsDuty,
  },
  {
    section,
    level: 'SHOULD',
    rule: 'the client sends Expect: 100-continue',
    notOurs: `${clientsDuty}; that it is answered in time is shown by the tests of the HTTP server`,
  },
]
