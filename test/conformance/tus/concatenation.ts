/** tus 1.0.0, "Concatenation". */
import { expect } from 'vitest'
import {
  content,
  expectRefused,
  listOf,
  locationOf,
  metadataOf,
  offsetType,
  type Tus,
  told,
  wholeOf,
} from './client.js'
import { clientsChoice, clientsDuty, type Row } from './rows.js'

const section = 'Concatenation'
const partial = { 'Upload-Concat': 'partial' }

export const concatenation: readonly Row[] = [
  {
    section,
    level: 'MUST',
    rule: '"concatenation" is in Tus-Extension',
    check: async tus => {
      expect(listOf((await tus.options()).headers['tus-extension'])).toContain('concatenation')
    },
  },
  {
    section,
    level: 'SHOULD NOT',
    rule: 'a partial upload is processed before it is concatenated: it is no photo, and has no receipt',
    check: async tus => {
      const path = await partialOf(tus, content())
      const found = await tus.head(path)
      expect([...told(found), found.headers['photosync-photo']]).toEqual([200, '1000', undefined])
      // It waits for its final one, and not for ever.
      expect(found.headers['upload-expires']).toMatch(/GMT$/)
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'the length of the final upload is the sum of its parts’',
    check: async tus => {
      const { final } = await finalOf(tus, [content(300), content(1), content(0), content(700)])
      const found = await tus.head(final)
      expect([...told(found), found.headers['upload-length']]).toEqual([200, '1001', '1001'])
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'the parts are put together in the order in which they are named',
    check: async tus => {
      const pieces = [content(400), content(400), content(400)]
      const whole = { 'Upload-Metadata': wholeOf(Buffer.concat(pieces)) }
      const paths: string[] = []
      // Created and sent in another order than they are named in.
      for (const piece of pieces.toReversed()) paths.unshift(await partialOf(tus, piece))
      const [first = '', second = '', third = ''] = paths
      expectRefused(await tus.post({ 'Upload-Concat': `final;${second} ${first} ${third}`, ...whole }), 460)
      expect((await tus.post({ 'Upload-Concat': `final;${first} ${second} ${third}`, ...whole })).status).toBe(201)
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'the parts are complete when they are concatenated',
    notOurs: clientsDuty,
  },
  {
    section,
    level: 'MUST NOT',
    rule: 'the creation of a final upload has Upload-Length: 400, and the parts stay as they are',
    check: async tus => {
      const paths = [await partialOf(tus, content()), await partialOf(tus, content())]
      const concat = { 'Upload-Concat': `final;${paths.join(' ')}` }
      for (const length of [2_000, 1, 0, 'x', ''])
        expectRefused(await tus.post({ ...concat, 'Upload-Length': length }), 400)
      expectRefused(await tus.post({ ...concat, 'Upload-Defer-Length': 1 }), 400)
      expectRefused(await tus.post({ ...concat, ...offsetType }, 'more'), 400)
      for (const path of paths) await tus.expectAt(path, 1_000)
      expect((await tus.post(concat)).status).toBe(201)
    },
  },
  {
    section,
    level: 'MUST',
    rule: '"concatenation-unfinished" is in Tus-Extension where unfinished parts are taken: here they are not',
    check: async tus => {
      expect(listOf((await tus.options()).headers['tus-extension'])).not.toContain('concatenation-unfinished')
      const done = await partialOf(tus, content(10))
      const begun = await tus.create(10, partial)
      await tus.patch(begun, 0, 'abc')
      expectRefused(await tus.post({ 'Upload-Concat': `final;${done} ${begun}` }), 400)
      await tus.expectAt(begun, 3)
      await tus.patch(begun, 3, content(7))
      expect((await tus.post({ 'Upload-Concat': `final;${done} ${begun}` })).status).toBe(201)
    },
  },
  {
    section,
    level: 'SHALL NOT',
    rule: 'the parts’ metadata becomes the final upload’s',
    check: async tus => {
      const named = { 'Upload-Metadata': metadataOf({ filename: 'part.jpg', secret: 'x' }) }
      const { final } = await finalOf(tus, [content(10), content(10)], {}, named)
      expect((await tus.head(final)).headers['upload-metadata']).toBeUndefined()
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'metadata comes with the concatenation',
    check: async tus => {
      const named = { 'Upload-Metadata': metadataOf({ filename: 'whole.jpg' }) }
      const { final } = await finalOf(tus, [content(10), content(10)], named)
      expect((await tus.head(final)).headers['upload-metadata']).toBe(named['Upload-Metadata'])
      const paths = `final;${await partialOf(tus, content(10))}`
      expectRefused(await tus.post({ 'Upload-Concat': paths, 'Upload-Metadata': 'a YQ==,a YQ==' }), 400)
    },
  },
  {
    section,
    level: 'MAY',
    rule: 'the parts are deleted after concatenation; the same concatenation again is the same upload',
    check: async tus => {
      const { final, concat } = await finalOf(tus, [content(10), content(10)])
      const again = await tus.post({ 'Upload-Concat': concat })
      expect([again.status, locationOf(again)]).toEqual([201, final])
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'a PATCH of a final upload is 403, and modifies neither it nor its parts',
    check: async tus => {
      const { final, paths } = await finalOf(tus, [content(10), content(10)])
      for (const offset of [0, 10, 20]) {
        for (const body of ['', 'a']) expectRefused(await tus.patch(final, offset, body), 403)
      }
      await tus.expectAt(final, 20)
      // Nor is one of its parts to be had for more.
      for (const path of paths) expect((await tus.patch(path, 10, 'a')).status).toBeGreaterThanOrEqual(400)
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'HEAD of a final upload tells Upload-Offset and Upload-Length, and they are equal',
    check: async tus => {
      const { final, answer } = await finalOf(tus, [content(10), content(20)])
      expect(told(answer)).toEqual([201, '30'])
      const found = await tus.head(final)
      expect([...told(found), found.headers['upload-length']]).toEqual([200, '30', '30'])
    },
  },
  {
    section,
    level: 'SHOULD NOT',
    rule: 'HEAD of a final upload tells Upload-Offset before the concatenation is finished',
    notOurs: 'here it is finished before anybody hears where the upload is',
  },
  {
    section,
    level: 'MUST',
    rule: 'HEAD of a partial upload tells Upload-Offset, and Upload-Length once it is known',
    check: async tus => {
      const path = locationOf(await tus.post({ 'Upload-Defer-Length': 1, ...partial }))
      await tus.patch(path, 0, 'abc')
      const unknown = await tus.head(path)
      expect([...told(unknown), unknown.headers['upload-length']]).toEqual([200, '3', undefined])
      await tus.patch(path, 3, 'd', { 'Upload-Length': 4 })
      const known = await tus.head(path)
      expect([...told(known), known.headers['upload-length']]).toEqual([200, '4', '4'])
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'HEAD tells Upload-Concat as it was received',
    check: async tus => {
      const path = await tus.create(10, partial)
      expect((await tus.head(path)).headers['upload-concat']).toBe('partial')
      const { final, concat } = await finalOf(tus, [content(10), content(20)])
      expect((await tus.head(final)).headers['upload-concat']).toBe(concat)
      expect((await tus.head(await tus.create(1))).headers['upload-concat']).toBeUndefined()
    },
  },
  {
    section: 'Concatenation: Upload-Concat',
    level: 'MUST',
    rule: 'is "partial", or "final;" and the parts’ URLs with spaces between: anything else is 400',
    check: async tus => {
      for (const value of [
        '',
        'Partial',
        'whole',
        'partial;',
        'final',
        'final;',
        'final; ',
        'final,x',
        ';',
        '__proto__',
      ]) {
        expectRefused(await tus.post({ 'Upload-Length': 10, 'Upload-Concat': value }), 400)
        expectRefused(await tus.post({ 'Upload-Concat': value }), 400)
      }
    },
  },
  {
    section: 'Concatenation: Upload-Concat',
    level: 'MUST',
    rule: 'names partial uploads of this server, and of whoever asks: anything else is 400',
    check: async tus => {
      const part = await partialOf(tus, content(10))
      const whole = locationOf(await tus.post({ 'Upload-Length': 3, ...offsetType }, content(3)))
      const open = await tus.create(3)
      const ended = await partialOf(tus, content(10))
      await tus.delete(ended)
      const id = part.slice(tus.target.path.length + 1)
      const elsewhere = [`https://example.org/${id}`, `/files/${id}`, id, `file://${part}`, 'http://[', `${part}/..`]
      for (const other of [whole, open, ended, `${tus.target.path}/${'0'.repeat(26)}`, tus.target.path, ...elsewhere]) {
        expectRefused(await tus.post({ 'Upload-Concat': `final;${part} ${other}` }), 400)
      }
      await tus.expectAt(part, 10)
    },
  },
  {
    section: 'Concatenation: Upload-Concat',
    level: 'MAY',
    rule: 'the URLs are absolute or relative',
    check: async tus => {
      const [origin = ''] = tus.target.origins
      const prefixes = ['', origin, 'https://a.name.before.the.proxy.example']
      const urls: string[] = []
      for (const prefix of prefixes) urls.push(`${prefix}${await partialOf(tus, content(10))}`)
      const answer = await tus.post({ 'Upload-Concat': `final;${urls.join(' ')}` })
      expect(told(answer)).toEqual([201, '30'])
    },
  },
  {
    section: 'Concatenation: Upload-Concat',
    level: 'MUST NOT',
    rule: 'a URL has spaces',
    notOurs: `${clientsDuty}: a space ends it`,
  },
  {
    section,
    level: 'MAY',
    rule: 'the request for it comes while parts are in progress, or parts are used several times',
    notOurs: `${clientsChoice}; here a part is of one file, since its bytes move into it`,
  },
]

async function partialOf(tus: Tus, bytes: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const path = await tus.create(bytes.length, { ...partial, ...headers })
  if (bytes.length > 0) expect(told(await tus.patch(path, 0, bytes))).toEqual([204, String(bytes.length)])
  return path
}

/** A final upload of these pieces. */
async function finalOf(
  tus: Tus,
  pieces: readonly Buffer[],
  headers: Readonly<Record<string, string>> = {},
  ofPart: Readonly<Record<string, string>> = {},
) {
  const paths: string[] = []
  for (const piece of pieces) paths.push(await partialOf(tus, piece, ofPart))
  const concat = `final;${paths.join(' ')}`
  const answer = await tus.post({ 'Upload-Concat': concat, ...headers })
  return { final: locationOf(answer), paths, concat, answer }
}
