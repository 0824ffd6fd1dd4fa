/** tus 1.0.0, "Termination". */
import { expect } from 'vitest'
import { content, expectRefused, listOf, locationOf, offsetType, told } from './client.js'
import type { Row } from './rows.js'

const section = 'Termination'

export const termination: readonly Row[] = [
  {
    section,
    level: 'MUST',
    rule: '"termination" is in Tus-Extension',
    check: async tus => {
      expect(listOf((await tus.options()).headers['tus-extension'])).toContain('termination')
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'DELETE of an upload is 204: unfinished, begun, of unknown length, partial, complete',
    check: async tus => {
      const begun = await tus.create(3)
      await tus.patch(begun, 0, 'a')
      const paths = [
        await tus.create(3),
        begun,
        locationOf(await tus.post({ 'Upload-Defer-Length': 1 })),
        await tus.create(3, { 'Upload-Concat': 'partial' }),
        locationOf(await tus.post({ 'Upload-Length': 3, ...offsetType }, content(3))),
      ]
      for (const path of paths) {
        const answer = await tus.delete(path)
        expect([answer.status, answer.text, answer.headers['tus-resumable']]).toEqual([204, '', '1.0.0'])
      }
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'it is freed, and from then on 404 or 410 for every request',
    check: async tus => {
      const path = await tus.create(3)
      await tus.patch(path, 0, 'a')
      const part = await tus.create(3, { 'Upload-Concat': 'partial' })
      await tus.patch(part, 0, 'abc')
      for (const ended of [path, part, locationOf(await tus.post({ 'Upload-Defer-Length': 1 }))]) {
        await tus.delete(ended)
        expect(told(await tus.head(ended))).toEqual([410, undefined])
        expectRefused(await tus.patch(ended, 1, 'bc'), 410)
        expectRefused(await tus.patch(ended, 0, 'abc'), 410)
        expectRefused(await tus.delete(ended), 410)
      }
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'also of one that is complete',
    check: async tus => {
      const created = await tus.post({ 'Upload-Length': 3, ...offsetType }, content(3))
      const path = locationOf(created)
      expect((await tus.delete(path)).status).toBe(204)
      expect((await tus.head(path)).status).toBe(410)
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'also one that a request is still writing to',
    check: async tus => {
      const path = await tus.create(10)
      const headers = { 'Upload-Offset': 0, ...offsetType, 'Content-Length': 10 }
      const { request, answer } = tus.begin('PATCH', path, { headers })
      await new Promise(resolve => request.write('abc', resolve))
      expect((await tus.delete(path)).status).toBe(204)
      expect((await tus.head(path)).status).toBe(410)
      request.end('defghij')
      // Refused, or cut off: never acknowledged.
      expect(await answer.then(({ status }) => status).catch(() => 'cut off')).not.toBe(204)
      expect((await tus.head(path)).status).toBe(410)
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'what is not there cannot be terminated: 404',
    check: async tus => {
      expectRefused(await tus.delete(`${tus.target.path}/${'0'.repeat(26)}`), 404)
      expectRefused(await tus.delete(tus.target.path), 404)
    },
  },
]
