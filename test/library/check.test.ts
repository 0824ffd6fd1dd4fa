/** Goal: a handset is told exactly what it need not send, what its owner deleted, and of what every part was verified. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.js'
import type { Check } from '../../src/library/check/check.js'
import { startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { hashOf, originalsOf } from './originals.js'

let here: TestRegion
let ana: TestPerson
let photos: ReturnType<typeof originalsOf>
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
  photos = originalsOf(here.db, ana)
})

const hex = (content: string) => hashOf(content).toString('hex')
const ask = (hashes: string[]) => here.ask('POST', '/v1/sync/check', { token: ana.token, json: { sha256: hashes } })
const check = async (...contents: string[]): Promise<Check> => (await ask(contents.map(hex))).json() as Promise<Check>
const verify = (photo: string) => here.db.query('update photos set verified_at = now() where id = $1', [photo])
const verified = async (...contents: string[]) => (await check(...contents)).here.map(entry => entry.verified)

test('what is here, what was deleted, and what is neither', async () => {
  const [seen, thrownAway, gone] = [await photos.send('seen'), await photos.send('away'), await photos.send('gone')]
  await photos.trash(thrownAway.photo)
  await photos.remove(gone.photo)
  await originalsOf(here.db, await here.addPerson()).send("ben's")
  const { missing, here: found, deleted } = await check('seen', 'away', 'gone', "ben's", 'never', 'seen')
  expect(missing).toEqual([hex("ben's"), hex('never')])
  const plain = { state: 'stored', reason: null, verified: false, renditions: 0, partOf: null, role: null }
  expect(found).toEqual([{ sha256: hex('seen'), photo: seen.photo, ...plain }])
  expect(deleted.toSorted((one, other) => Number(other.inTrash) - Number(one.inTrash))).toEqual([
    { sha256: hex('away'), photo: thrownAway.photo, at: expect.any(String), inTrash: true },
    { sha256: hex('gone'), photo: gone.photo, at: expect.any(String), inTrash: false },
  ])
})

test('what was deleted and sent again is here, and deleted no more', async () => {
  const { photo } = await photos.send('whole')
  await photos.remove(photo)
  const again = await photos.send('whole')
  expect(await check('whole')).toMatchObject({ missing: [], here: [{ photo: again.photo }], deleted: [] })
  await photos.remove(again.photo)
  expect(await check('whole')).toMatchObject({ missing: [], here: [], deleted: [{ photo: again.photo }] })
})

test('what was lost is to be sent again', async () => {
  const { photo } = await photos.send('whole')
  await photos.lose(photo)
  expect(await check('whole')).toEqual({ missing: [hex('whole')], here: [], deleted: [] })
})

test('what was lost in the trash stays deleted, until the same content is there again', async () => {
  const { photo } = await photos.send('whole')
  await photos.trash(photo)
  await photos.lose(photo)
  expect(await check('whole')).toMatchObject({ missing: [], here: [], deleted: [{ photo, inTrash: true }] })
  const again = await photos.send('whole')
  expect(await check('whole')).toMatchObject({ missing: [], here: [{ photo: again.photo }], deleted: [] })
})

test('the same sidecar is told of once for each photo, and of none in the trash', async () => {
  const [whole, other] = [await photos.send('whole'), await photos.send('other')]
  const first = await photos.send('xmp', { partOf: { photo: whole.photo, role: 'sidecar' } })
  const second = await photos.send('xmp', { partOf: { photo: other.photo, role: 'sidecar' } })
  const entries = (await check('xmp')).here.map(({ photo, partOf, role }) => ({ photo, partOf, role }))
  expect(
    entries.toSorted((one, two) => Number(one.photo === second.photo) - Number(two.photo === second.photo)),
  ).toEqual([
    { photo: first.photo, partOf: whole.photo, role: 'sidecar' },
    { photo: second.photo, partOf: other.photo, role: 'sidecar' },
  ])
  await photos.trash(whole.photo)
  expect(await check('xmp')).toMatchObject({ missing: [], here: [{ photo: second.photo }], deleted: [] })
  await photos.trash(other.photo)
  await photos.remove(whole.photo, other.photo)
  expect(await check('xmp', 'whole')).toMatchObject({
    missing: [hex('xmp')],
    here: [],
    deleted: [{ sha256: hex('whole') }],
  })
})

test('a content is verified when all that it belongs to is', async () => {
  const whole = await photos.send('whole')
  const edit = await photos.send('edit', { partOf: { photo: whole.photo, role: 'edit' } })
  const alone = await photos.send('alone')
  await verify(whole.photo)
  await verify(alone.photo)
  expect(await verified('whole')).toEqual([false])
  expect(await verified('edit')).toEqual([false])
  expect(await verified('alone')).toEqual([true])
  await verify(edit.photo)
  expect(await verified('whole', 'edit')).toEqual([true, true])
  // One more part, and the whole is not all verified any more.
  const sidecar = await photos.send('xmp', { partOf: { photo: whole.photo, role: 'sidecar' } })
  expect(await verified('whole', 'edit')).toEqual([false, false])
  await verify(sidecar.photo)
  expect(await verified('whole', 'edit', 'xmp')).toEqual([true, true, true])
})

test('a part that was lost keeps its whole unverified until its content is there again', async () => {
  const whole = await photos.send('whole')
  const edit = await photos.send('edit', { partOf: { photo: whole.photo, role: 'edit' } })
  await verify(whole.photo)
  await photos.lose(edit.photo)
  expect(await verified('whole')).toEqual([false])
  const again = await photos.send('edit', { partOf: { photo: whole.photo, role: 'edit' } })
  await verify(again.photo)
  expect(await verified('whole')).toEqual([true])
})

test('as many as may be asked at once; one more, and what is no hash, are refused', async () => {
  const many = Array.from({ length: limits.checkHashes }, (_, index) => hex(`content ${index}`))
  const response = await ask(many)
  expect(((await response.json()) as Check).missing).toEqual(many)
  expect((await ask([...many, hex('one more')])).status).toBe(400)
  expect((await ask(['abc'])).status).toBe(400)
  expect(await (await ask([])).json()).toEqual({ missing: [], here: [], deleted: [] })
})
