/** tus 1.0.0, "Expiration". */
import { expect } from 'vitest'
import { type Answer, content, expectRefused, listOf, locationOf, offsetType } from './client.js'
import { clientsDuty, type Row } from './rows.js'

const section = 'Expiration'

export const expiration: readonly Row[] = [
  {
    section,
    level: 'MAY',
    rule: 'unfinished uploads are removed once they expire; stored ones are not',
    needs: 'expireAll',
    check: async tus => {
      const stored = locationOf(await tus.post({ 'Upload-Length': 3, ...offsetType }, content(3)))
      const open = await tus.create(3)
      tus.target.expireAll?.()
      expect((await tus.head(open)).status).toBe(410)
      await tus.expectAt(stored, 3)
    },
  },
  {
    section,
    level: 'MUST',
    rule: '"expiration" is in Tus-Extension',
    check: async tus => {
      expect(listOf((await tus.options()).headers['tus-extension'])).toContain('expiration')
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'Upload-Expires is looked at before an upload is resumed',
    notOurs: clientsDuty,
  },
  {
    section,
    level: 'MUST',
    rule: 'Upload-Expires is in every response to a PATCH of an upload that will expire',
    check: async tus => {
      const path = await tus.create(4)
      for (const offset of [0, 1, 2]) expectExpires(await tus.patch(path, offset, 'a'))
      expectExpires(await tus.head(path))
      // One that is stored does not expire.
      expect((await tus.patch(path, 3, 'a')).headers['upload-expires']).toBeUndefined()
      expect((await tus.head(path)).headers['upload-expires']).toBeUndefined()
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'also in those that refuse the request',
    otherwise: 'a refusal may come before the upload was looked for; the next HEAD tells it, and it does not change',
    check: async tus => {
      const path = await tus.create(4)
      const { 'upload-expires': before } = (await tus.head(path)).headers
      expectRefused(await tus.patch(path, 2, 'a'), 409)
      expect((await tus.head(path)).headers['upload-expires']).toBe(before)
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'Upload-Expires is in the response to the creation when it is known by then',
    check: async tus => {
      expectExpires(await tus.post({ 'Upload-Length': 4 }))
      expectExpires(await tus.post({ 'Upload-Defer-Length': 1 }))
      expectExpires(await tus.post({ 'Upload-Length': 4, ...offsetType }, 'abc'))
      expectExpires(await tus.post({ 'Upload-Length': 4, 'Upload-Concat': 'partial' }))
      const stored = await tus.post({ 'Upload-Length': 4, ...offsetType }, content(4))
      expect([stored.status, stored.headers['upload-expires']]).toEqual([201, undefined])
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'an upload that was removed is 404 or 410: 410 where they are kept track of',
    needs: 'expireAll',
    check: async tus => {
      const path = await tus.create(3)
      await tus.patch(path, 0, 'a')
      tus.target.expireAll?.()
      expectRefused(await tus.patch(path, 1, 'b'), 410)
      const head = await tus.head(path)
      expect([head.status, head.headers['upload-offset']]).toEqual([410, undefined])
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'the client then starts a new upload',
    notOurs: clientsDuty,
  },
  {
    section,
    level: 'MUST',
    rule: 'Upload-Expires is a date as HTTP writes it (RFC 9110 §5.6.7)',
    check: async tus => expectExpires(await tus.post({ 'Upload-Length': 4 })),
  },
]

const httpDate =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/

function expectExpires({ status, headers }: Answer): void {
  expect(status).toBeLessThan(300)
  const expires = String(headers['upload-expires'])
  expect(expires).toMatch(httpDate)
  expect(new Date(expires).toUTCString()).toBe(expires)
}
