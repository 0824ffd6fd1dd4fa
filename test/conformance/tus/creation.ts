/** tus 1.0.0, "Creation". */
import { expect } from 'vitest'
import { content, expectRefused, listOf, locationOf, metadataOf, type Tus, told } from './client.js'
import { clientsChoice, clientsDuty, type Row } from './rows.js'

const section = 'Creation'
const deferred = { 'Upload-Defer-Length': 1 }

export const creation: readonly Row[] = [
  {
    section,
    level: 'SHOULD',
    rule: 'is implemented',
    check: async tus => tus.expectAt(await tus.create(1), 0),
  },
  {
    section,
    level: 'MUST',
    rule: '"creation" is in Tus-Extension',
    check: async tus => {
      expect(listOf((await tus.options()).headers['tus-extension'])).toContain('creation')
    },
  },
  {
    section: 'Creation: Upload-Defer-Length',
    level: 'MUST',
    rule: 'its value is 1; any other is 400',
    check: async tus => {
      for (const value of ['', '0', '2', 'true', '1.0', '01', '1, 1']) {
        expectRefused(await tus.post({ 'Upload-Defer-Length': value }), 400)
        expectRefused(await tus.post({ 'Upload-Length': 1, 'Upload-Defer-Length': value }), 400)
      }
    },
  },
  {
    section: 'Creation: Upload-Defer-Length',
    level: 'MUST',
    rule: 'is left out when the length is not deferred',
    check: async tus => {
      const created = await tus.post({ 'Upload-Length': 1 })
      const found = await tus.head(locationOf(created))
      expect([created, found].map(({ headers }) => headers['upload-defer-length'])).toEqual([undefined, undefined])
    },
  },
  {
    section: 'Creation: Upload-Metadata',
    level: 'MUST',
    rule: 'comma-separated pairs, each a key and a value in base64 with a space between',
    check: async tus => {
      for (const value of ['a YQ== b', 'a  YQ==', 'a YQ', 'a not-base64', 'a YQ=', ',', 'a YQ==,', 'a\tYQ==']) {
        expectRefused(await tus.post({ 'Upload-Length': 1, 'Upload-Metadata': value }), 400)
      }
    },
  },
  {
    section: 'Creation: Upload-Metadata',
    level: 'MUST NOT',
    rule: 'a key is empty, or has spaces or commas',
    check: async tus => {
      for (const value of ['a YQ==, ,b Yg==', 'a YQ==,, b Yg==', 'a b YQ==']) {
        expectRefused(await tus.post({ 'Upload-Length': 1, 'Upload-Metadata': value }), 400)
      }
    },
  },
  {
    section: 'Creation: Upload-Metadata',
    level: 'SHOULD',
    rule: 'a key is ASCII',
    check: async tus => {
      expectRefused(await tus.post({ 'Upload-Length': 1, 'Upload-Metadata': 'schl\u00fcssel YQ==' }), 400)
    },
  },
  {
    section: 'Creation: Upload-Metadata',
    level: 'MUST',
    rule: 'all keys are unique',
    check: async tus => {
      for (const value of ['a YQ==,a YQ==', 'a YQ==,b Yg==,a Yw==', 'a,a', 'constructor YQ==,constructor YQ==']) {
        expectRefused(await tus.post({ 'Upload-Length': 1, 'Upload-Metadata': value }), 400)
      }
    },
  },
  {
    section: 'Creation: Upload-Metadata',
    level: 'MAY',
    rule: 'a value is empty, with the space before it or without',
    check: async tus => {
      for (const value of ['private', 'a YQ==,private', 'private,a YQ==', 'constructor', '__proto__ YQ==,a']) {
        const path = await tus.create(1, { 'Upload-Metadata': value })
        expect((await tus.head(path)).headers['upload-metadata']).toBe(value)
      }
    },
  },
  {
    section: 'Creation: Upload-Metadata',
    level: 'MUST',
    rule: 'is one pair or more',
    otherwise: 'clients send an empty header for an upload without metadata, and are taken at their word',
    check: async tus => {
      const path = await tus.create(1, { 'Upload-Metadata': '' })
      expect((await tus.head(path)).headers['upload-metadata']).toBeUndefined()
    },
  },
  {
    section: 'Creation: Upload-Metadata',
    level: 'SHOULD',
    rule: 'values are never used in a header before they are looked at',
    check: async tus => {
      const filename = 'a.jpg\r\nX-Smuggled: yes\u0000/../../etc/passwd'
      const header = metadataOf({ filename, note: filename })
      const created = await tus.post({ 'Upload-Length': 1, 'Upload-Metadata': header })
      const found = await tus.head(locationOf(created))
      for (const { headers } of [created, found]) expect(headers['x-smuggled']).toBeUndefined()
      expect(found.headers['upload-metadata']).toBe(header)
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: 'an upload is asked for by a POST to a known URL',
    notOurs: clientsDuty,
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: 'there is one of Upload-Length and Upload-Defer-Length: neither and both are 400',
    check: async tus => {
      expectRefused(await tus.post({}), 400)
      expectRefused(await tus.post({ 'Upload-Length': 1, ...deferred }), 400)
      expect(told(await tus.post(deferred))).toEqual([201, '0'])
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: 'a deferred length is set by a later PATCH',
    check: async tus => {
      const path = await deferredUpload(tus)
      await tus.patch(path, 0, 'abc')
      expect(told(await tus.patch(path, 3, 'def', { 'Upload-Length': 8 }))).toEqual([204, '6'])
      const found = (await tus.head(path)).headers
      expect([found['upload-length'], found['upload-defer-length']]).toEqual(['8', undefined])
      expect(told(await tus.patch(path, 6, 'gh'))).toEqual([204, '8'])
      // Also with the last bytes, and with none at all.
      const other = await deferredUpload(tus)
      expect(told(await tus.patch(other, 0, 'ab', { 'Upload-Length': 2 }))).toEqual([204, '2'])
      const third = await deferredUpload(tus)
      await tus.patch(third, 0, 'ab')
      expect(told(await tus.patch(third, 2, '', { 'Upload-Length': 2 }))).toEqual([204, '2'])
      expect((await tus.head(third)).headers['upload-length']).toBe('2')
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST NOT',
    rule: 'a length is changed once it is set: 400, and the upload stays as it was',
    check: async tus => {
      const path = await deferredUpload(tus)
      await tus.patch(path, 0, 'ab', { 'Upload-Length': 8 })
      const plain = await tus.create(8)
      await tus.patch(plain, 0, 'ab')
      for (const upload of [path, plain]) {
        for (const length of [7, 9, 0])
          expectRefused(await tus.patch(upload, 2, 'cd', { 'Upload-Length': length }), 400)
        await tus.expectAt(upload, 2)
        expect((await tus.head(upload)).headers['upload-length']).toBe('8')
        expect(told(await tus.patch(upload, 2, 'cd', { 'Upload-Length': 8 }))).toEqual([204, '4'])
      }
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST NOT',
    rule: 'a length is less than what is there already, or no length: 400',
    check: async tus => {
      const path = await deferredUpload(tus)
      await tus.patch(path, 0, 'abcd')
      for (const length of [3, '', '-1', 'x'])
        expectRefused(await tus.patch(path, 4, '', { 'Upload-Length': length }), 400)
      const found = await tus.head(path)
      expect([...told(found), found.headers['upload-defer-length']]).toEqual([200, '4', '1'])
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: 'Upload-Defer-Length: 1 is in every response to HEAD while the length is not known',
    check: async tus => {
      const path = await deferredUpload(tus)
      for (const offset of [0, 2]) {
        const { headers } = await tus.head(path)
        expect([headers['upload-defer-length'], headers['upload-length']]).toEqual(['1', undefined])
        await tus.patch(path, offset, 'ab')
      }
      expect((await tus.head(path)).headers['upload-defer-length']).toBe('1')
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: '"creation-defer-length" is in Tus-Extension',
    check: async tus => {
      expect(listOf((await tus.options()).headers['tus-extension'])).toContain('creation-defer-length')
    },
  },
  {
    section: 'Creation: POST',
    level: 'MAY',
    rule: 'Upload-Length is 0: such an upload is complete at once',
    check: async tus => {
      const created = await tus.post({ 'Upload-Length': 0 })
      expect(told(created)).toEqual([201, '0'])
      const found = await tus.head(locationOf(created))
      expect([...told(found), found.headers['upload-length']]).toEqual([200, '0', '0'])
    },
  },
  {
    section: 'Creation: POST',
    level: 'MAY',
    rule: 'Upload-Metadata comes with it',
    notOurs: clientsChoice,
  },
  {
    section: 'Creation: POST',
    level: 'MAY',
    rule: 'the server rejects an upload for its metadata: what says that it is no picture and no video',
    check: async tus => {
      const header = metadataOf({ filename: 'a.pdf', filetype: 'application/pdf' })
      expectRefused(await tus.post({ 'Upload-Length': 1, 'Upload-Metadata': header }), 415)
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: 'HEAD tells Upload-Metadata as the client wrote it',
    check: async tus => {
      for (const header of ['filename YS5qcGc=,private ', 'b Yg==, a YQ==', 'z,y eQ==']) {
        const path = await tus.create(1, { 'Upload-Metadata': header })
        expect((await tus.head(path)).headers['upload-metadata']).toBe(header.trim())
        await tus.patch(path, 0, content(1))
        expect((await tus.head(path)).headers['upload-metadata']).toBe(header.trim())
      }
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: 'more than the maximum is 413',
    check: async tus => {
      const maxBytes = Number((await tus.options()).headers['tus-max-size'])
      expectRefused(await tus.post({ 'Upload-Length': maxBytes + 1 }), 413)
      expectRefused(await tus.post({ 'Upload-Length': Number.MAX_SAFE_INTEGER }), 413)
      expectRefused(await tus.post({ 'Upload-Length': maxBytes + 1, 'Upload-Concat': 'partial' }), 413)
      const path = await deferredUpload(tus)
      expectRefused(await tus.patch(path, 0, 'a', { 'Upload-Length': maxBytes + 1 }), 413)
      await tus.expectAt(path, 0)
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: 'a created upload is 201 with its URL in Location, absolute or relative',
    check: async tus => {
      const created = await tus.post({ 'Upload-Length': 1 })
      expect(created.status).toBe(201)
      expect(created.headers.location).toMatch(/^(https?:\/\/[^/]+)?\/\S+$/)
      await tus.expectAt(locationOf(created), 0)
      const paths = new Set([await tus.create(1), await tus.create(1), locationOf(created)])
      expect(paths.size).toBe(3)
    },
  },
  {
    section: 'Creation: POST',
    level: 'MUST',
    rule: 'the upload itself uses the core protocol',
    notOurs: clientsDuty,
  },
]

const deferredUpload = async (tus: Tus): Promise<string> => locationOf(await tus.post(deferred))
