/** Goal: an upload that begins in one dialect goes on in any other, and every dialect tells the same of it. */
import { describe, expect, test } from 'vitest'
import { openTus } from '../tus/client.js'
import { content, locationOf, openIetf, receiptOf, told, versions } from './client.js'
import { useIetf } from './scene.js'

const scene = useIetf()
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe.each(versions)('interop version %s and tus 1.0', version => {
  const open = () => ({ ietf: openIetf(scene.target, version), tus: openTus(scene.target) })

  test('from the one to the other', async () => {
    const { ietf, tus } = open()
    const body = content()
    const path = locationOf(await ietf.post({ ...ietf.goesOn, 'Upload-Length': body.length }, body.subarray(0, 300)))
    const seen = await tus.head(path)
    expect([...told({ ...seen }), seen.headers['upload-length']]).toEqual([200, '300', '1000'])
    const last = await tus.patch(path, 300, body.subarray(300))
    expect(told(last)).toEqual([204, '1000'])
    const after = await ietf.head(path)
    expect([...told(after), ietf.isComplete(after), ...receiptOf(after)]).toEqual([
      204,
      '1000',
      true,
      ...receiptOf(last),
    ])
    expect((await scene.stored(receiptOf(after)[0])).equals(body)).toBe(true)
  })

  test('from the other to the one', async () => {
    const { ietf, tus } = open()
    const body = content()
    const created = await tus.create(body.length)
    // Its client has the address from there, without what tells an unnamed version’s requests apart.
    const path = version === 'unnamed' ? `${created}?dialect=ietf` : created
    await tus.patch(created, 0, body.subarray(0, 300))
    const seen = await ietf.head(path)
    expect([...told(seen), ietf.isComplete(seen), seen.headers['upload-length']]).toEqual([204, '300', false, '1000'])
    const last = await ietf.patch(path, 300, body.subarray(300), ietf.ends)
    expect([...told(last), ietf.isComplete(last)]).toEqual([201, '1000', true])
    const after = await tus.head(created)
    expect([...told(after), ...receiptOf(after)]).toEqual([200, '1000', ...receiptOf(last)])
    expect((await scene.stored(receiptOf(after)[0])).equals(body)).toBe(true)
  })

  test('of unknown length, both ways', async () => {
    const { ietf, tus } = open()
    const body = content()
    const one = await ietf.create()
    expect((await tus.head(one)).headers['upload-defer-length']).toBe('1')
    const last = await tus.patch(one, 0, body, { 'Upload-Length': body.length })
    expect(receiptOf(await ietf.head(one))).toEqual(receiptOf(last))
    const answer = await tus.post({ 'Upload-Defer-Length': 1 })
    const other = `${answer.headers.location}${version === 'unnamed' ? '?dialect=ietf' : ''}`
    expect((await ietf.head(other)).headers['upload-length']).toBeUndefined()
    await ietf.patch(other, 0, body.subarray(0, 500), ietf.goesOn)
    const ended = await ietf.patch(other, 500, body.subarray(500), ietf.ends)
    expect([...told(ended), ...receiptOf(ended)]).toEqual([201, '1000', receiptOf(last)[0], '?1'])
  })

  test('a newer request of the one ends an older one of the other', async () => {
    const { ietf, tus } = open()
    const path = await ietf.create({ 'Upload-Length': 1_000 })
    const headers = { 'Upload-Offset': 0, 'Content-Type': 'application/offset+octet-stream', 'Content-Length': 1_000 }
    const older = tus.begin('PATCH', path, { headers })
    older.request.write(content(400))
    await scene.untilHeld(path)
    const offset = Number(told(await ietf.head(path))[1])
    const last = await ietf.patch(path, offset, content(1_000 - offset), ietf.ends)
    expect([...told(last), ietf.isComplete(last)]).toEqual([201, '1000', true])
    await expect(older.answer).rejects.toThrow()
  })

  test('ended in the one it has ended in the other', async () => {
    const { ietf, tus } = open()
    const path = await ietf.create()
    expect((await ietf.delete(path)).status).toBe(204)
    expect((await tus.head(path)).status).toBe(410)
  })

  test('what the file is, said in headers of HTTP, is told as Upload-Metadata', async () => {
    const { ietf, tus } = open()
    const disposition = `inline; filename="Meer.jpg"; filename*=UTF-8''%C3%9Cber%20See.jpg`
    const said = { 'Content-Disposition': disposition, 'Content-Type': 'image/jpeg; q=1' }
    const path = await ietf.create(said)
    const metadata = `filename ${base64('Über See.jpg')},filetype ${base64('image/jpeg')}`
    expect((await tus.head(path)).headers['upload-metadata']).toBe(metadata)
    // Said as Upload-Metadata it counts before the others, and stays as it was sent.
    const sent = `a ${base64('b')}, name ${base64('Strand.heic')}`
    const both = await ietf.create({ ...said, 'Upload-Metadata': sent })
    expect((await tus.head(both)).headers['upload-metadata']).toBe(`${sent},filetype ${base64('image/jpeg')}`)
    const bad = await ietf.post({ ...ietf.goesOn, 'Upload-Metadata': 'filename !' })
    expect(bad.status).toBe(400)
  })
})
