/** "Offset Retrieval", "Upload Cancellation" and what OPTIONS tells. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { content, isBefore, limitsOf, locationOf, onceRead, receiptOf, refused, told } from './client.js'
import { isNamed, type Row } from './rows.js'

const section = 'Offset Retrieval'
const absent = '0'.repeat(26)

export const retrieval: readonly Row[] = [
  {
    section,
    level: 'MUST',
    rule: 'HEAD is 204 with offset, completeness, limits, and the length once it is known',
    check: async ietf => {
      const path = await ietf.create()
      await ietf.patch(path, 0, content(300), ietf.goesOn)
      const before = await ietf.head(path)
      expect([...told(before), ietf.isComplete(before), before.text]).toEqual([204, '300', false, ''])
      expect(before.headers['upload-length']).toBeUndefined()
      expect(limitsOf(before)['max-size']).toBeGreaterThan(0)
      await ietf.patch(path, 300, content(200), { ...ietf.goesOn, 'Upload-Length': 900 })
      const after = await ietf.head(path)
      expect([...told(after), ietf.isComplete(after), after.headers['upload-length']]).toEqual([
        204,
        '500',
        false,
        '900',
      ])
    },
  },
  {
    section,
    level: 'SHOULD',
    rule: 'Cache-Control: no-store',
    check: async ietf => {
      const path = await ietf.create()
      expect((await ietf.head(path)).headers['cache-control']).toBe('no-store')
      expect((await ietf.patch(path, 0, 'ab', ietf.ends)).headers['cache-control']).toBe('no-store')
      expect((await ietf.head(path)).headers['cache-control']).toBe('no-store')
    },
  },
  {
    section: 'Limits',
    level: 'MUST',
    rule: 'an upload tells how many seconds it still lives, by the name that the version has for it',
    check: async ietf => {
      const key = isBefore(ietf.version, 7) ? 'expires' : 'max-age'
      const created = await ietf.post(ietf.goesOn)
      const limits = limitsOf(created)
      expect(Object.keys(limits).sort()).toEqual([key, 'max-size', 'min-size'].sort())
      const later = limitsOf(await ietf.head(locationOf(created)))
      expect(later[key]).toBeGreaterThan((limits[key] as number) - 60)
      expect(later[key]).toBeLessThanOrEqual(limits[key] as number)
    },
  },
  {
    section: 'Upload Resource',
    level: 'SHOULD',
    rule: 'stays after the upload is complete, and tells its receipt',
    check: async ietf => {
      const path = locationOf(await ietf.post(ietf.ends, content()))
      const first = await ietf.head(path)
      expect([...told(first), ietf.isComplete(first)]).toEqual([204, '1000', true])
      expect(receiptOf(first)[0]).toBeDefined()
      expect(receiptOf(await ietf.head(path))).toEqual(receiptOf(first))
    },
  },
  {
    section,
    level: 'MAY',
    rule: 'GET asks the same',
    check: async ietf => {
      const answer = await ietf.ask('GET', await ietf.create())
      expect([...told(answer), ietf.isComplete(answer), answer.text]).toEqual([204, '0', false, ''])
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'up to -05: HEAD and DELETE with fields of another request are refused',
    of: version => isBefore(version, 7),
    check: async ietf => {
      const path = await ietf.create()
      const fields = [ietf.goesOn, { 'Upload-Offset': 0 }, ...(ietf.version === 6 ? [{ 'Upload-Length': 1 }] : [])]
      for (const headers of fields) {
        expect((await ietf.head(path, headers)).status).toBe(400)
        refused(await ietf.delete(path, headers), 400)
      }
      await ietf.expectAt(path, 0)
    },
  },
  {
    section: 'Concurrency',
    level: 'MUST',
    rule: 'an offset that was told is accepted: a request that still writes is ended first',
    check: async ietf => {
      const body = content(10_000)
      const headers = { 'Upload-Offset': 0, ...ietf.type, ...ietf.ends, 'Content-Length': body.length }
      await onceRead(async delayMs => {
        const path = await ietf.create()
        const older = ietf.begin('PATCH', path, { headers })
        older.request.write(body.subarray(0, 4_000))
        await sleep(delayMs)
        const offset = Number(told(await ietf.head(path))[1])
        if (offset === 0) {
          older.request.destroy()
          return false
        }
        await expect(older.answer).rejects.toThrow()
        const last = await ietf.patch(path, offset, body.subarray(offset), ietf.ends)
        expect([last.headers['upload-offset'], ietf.isComplete(last)]).toEqual(['10000', true])
        return true
      })
    },
  },
  {
    section,
    level: 'MUST',
    rule: 'an upload that is not there is 404, and says nothing of an offset',
    check: async ietf => {
      const mark = ietf.version === 'unnamed' ? '?dialect=ietf' : ''
      for (const id of [absent, 'x', '%', '%00', 'a/b', 'constructor', '0'.repeat(2_000)]) {
        const path = `${ietf.target.path}/${id}${mark}`
        expect(told(await ietf.head(path)), id).toEqual([404, undefined])
        refused(await ietf.patch(path, 0, 'ab', ietf.ends), 404)
        refused(await ietf.delete(path), 404)
      }
    },
  },
  {
    section: 'Upload Cancellation',
    level: 'MUST',
    rule: 'DELETE ends the upload: 204, then 404 (up to -05) or 410',
    check: async ietf => {
      const path = await ietf.create()
      await ietf.patch(path, 0, content(300), ietf.goesOn)
      const answer = await ietf.delete(path)
      expect([answer.status, answer.text]).toEqual([204, ''])
      const ended = isBefore(ietf.version, 7) ? 404 : 410
      expect(told(await ietf.head(path))).toEqual([ended, undefined])
      refused(await ietf.patch(path, 300, 'ab', ietf.ends), ended)
      refused(await ietf.delete(path), ended)
    },
  },
  {
    section: 'Upload Cancellation',
    level: 'SHOULD',
    rule: 'a request that still writes is ended',
    check: async ietf => {
      const path = await ietf.create()
      const headers = { 'Upload-Offset': 0, ...ietf.type, ...ietf.ends, 'Content-Length': 10_000 }
      const older = ietf.begin('PATCH', path, { headers })
      older.request.write(content(4_000))
      expect((await ietf.delete(path)).status).toBe(204)
      older.request.end(content(6_000))
      // Ended, or told that its upload has.
      const end = await older.answer.then(
        ({ status }) => status,
        () => 'broken off',
      )
      expect(['broken off', 404, 410]).toContain(end)
      expect((await ietf.head(path)).status).toBe(isBefore(ietf.version, 7) ? 404 : 410)
    },
  },
  {
    section: 'Limits',
    level: 'MAY',
    rule: 'after its lifetime an upload is not there any more; one that is complete has nothing to lose',
    needs: 'expireAll',
    check: async ietf => {
      const path = await ietf.create()
      const done = locationOf(await ietf.post(ietf.ends, content()))
      ietf.target.expireAll?.()
      const ended = isBefore(ietf.version, 7) ? 404 : 410
      expect((await ietf.head(path)).status).toBe(ended)
      refused(await ietf.patch(path, 0, 'ab', ietf.ends), ended)
      expect(told(await ietf.head(done))).toEqual([204, '1000'])
    },
  },
  {
    section: 'Limits',
    level: 'MUST',
    rule: 'OPTIONS tells the limits, and that partial uploads are accepted',
    of: isNamed,
    check: async ietf => {
      for (const path of [ietf.target.path, await ietf.create()]) {
        const answer = await ietf.ask('OPTIONS', path)
        expect([answer.status, answer.text]).toEqual([200, ''])
        expect(limitsOf(answer)['max-size']).toBeGreaterThan(0)
        expect(String(answer.headers['accept-patch']).split(', ')).toContain('application/partial-upload')
        expect(answer.headers.allow).toContain('OPTIONS')
      }
    },
  },
  {
    section: 'Upload Resource',
    level: 'MUST',
    rule: 'other methods are 405 and hear which there are',
    check: async ietf => {
      const path = await ietf.create()
      for (const method of ['POST', 'PUT']) {
        const answer = await ietf.ask(method, path, { headers: ietf.ends, body: 'ab' })
        refused(answer, 405)
        expect(answer.headers.allow).toBe('OPTIONS, HEAD, GET, PATCH, DELETE')
      }
      const answer = await ietf.ask('PATCH', ietf.target.path, { headers: { ...ietf.type, ...ietf.ends }, body: 'ab' })
      refused(answer, 405)
      expect(answer.headers.allow).toBe('OPTIONS, POST, PUT')
      await ietf.expectAt(path, 0)
    },
  },
]
