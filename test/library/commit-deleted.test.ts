/**
 * Goal: content that its owner has deleted stays so or comes back, as whoever sends it asks; and a part comes to its whole and to no
 * other, whatever has become of the two.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import type { Placement } from '../../src/core/keys.js'
import { takeOutOfTrash } from '../../src/library/trash/trash.js'
import { openUploadRegion, type UploadRegion } from '../upload/region.js'
import { originalsOf } from './originals.js'

let region: UploadRegion
let ana: Placement
let photos: ReturnType<typeof originalsOf>
beforeAll(async () => {
  region = await openUploadRegion()
})
afterAll(() => region.close())
beforeEach(async () => {
  ana = await region.addPerson()
  photos = originalsOf(region.db, ana)
})

const keepDeleted = true
const asked = { kind: 'conflict' }
const part = (photo: string, role: 'motion' | 'edit' | 'sidecar') => ({ partOf: { photo, role } })

describe('content that is in the trash', () => {
  test('comes back with its parts when it is sent', async () => {
    const whole = await photos.send('whole')
    const edit = await photos.send('edit', part(whole.photo, 'edit'))
    await photos.trash(whole.photo)
    expect(await photos.send('whole')).toEqual({ photo: whole.photo, duplicate: true, deleted: false })
    expect(await photos.rows('whole')).toMatchObject([{ trashed: false }])
    expect(await photos.rows('edit')).toMatchObject([{ trashed: false }])
    const [first, second] = [whole.photo, edit.photo].toSorted()
    expect((await photos.changes()).slice(-2)).toEqual([`restored ${first}`, `restored ${second}`])
  })

  test('comes back with its whole when a part of it is sent', async () => {
    const whole = await photos.send('whole')
    const edit = await photos.send('edit', part(whole.photo, 'edit'))
    await photos.trash(whole.photo)
    const again = await photos.send('edit', part(whole.photo, 'edit'))
    expect(again).toEqual({ photo: edit.photo, duplicate: true, deleted: false })
    expect(await photos.rows('whole')).toMatchObject([{ trashed: false }])
  })

  test('stays there when it is sent by one who leaves it so', async () => {
    const whole = await photos.send('whole')
    await photos.trash(whole.photo)
    const before = await photos.changes()
    expect(await photos.send('whole', { keepDeleted })).toEqual({ photo: whole.photo, duplicate: true, deleted: true })
    expect(await photos.rows('whole')).toMatchObject([{ trashed: true }])
    expect(await photos.changes()).toEqual(before)
  })

  test('stays there also when it is sent as a part of a photo that can be seen', async () => {
    const [lone, whole] = [await photos.send('lone'), await photos.send('whole')]
    await photos.trash(lone.photo)
    const receipt = await photos.send('lone', { keepDeleted, ...part(whole.photo, 'edit') })
    expect(receipt).toEqual({ photo: lone.photo, duplicate: true, deleted: true })
    expect(await photos.rows('lone')).toEqual([{ id: lone.photo, partOf: null, role: null, trashed: true }])
  })

  test('takes new parts in, without coming back', async () => {
    const whole = await photos.send('whole')
    await photos.trash(whole.photo)
    const sidecar = await photos.send('xmp', part(whole.photo, 'sidecar'))
    expect(sidecar).toMatchObject({ duplicate: false, deleted: false })
    expect(await photos.rows('xmp')).toMatchObject([{ partOf: whole.photo, trashed: true }])
    expect(await photos.rows('whole')).toMatchObject([{ trashed: true }])
  })
})

describe('content that is in the trash and whose original was lost', () => {
  const lost = async () => {
    const { photo } = await photos.send('whole')
    await photos.trash(photo)
    await photos.lose(photo)
    return photo
  }

  test('stays deleted for one who leaves it so, and is told by the photo that it was', async () => {
    const photo = await lost()
    const before = await photos.changes()
    expect(await photos.send('whole', { keepDeleted })).toEqual({ photo, duplicate: true, deleted: true })
    const { photo: other } = await photos.send('other')
    const asPart = await photos.send('whole', { keepDeleted, ...part(other, 'edit') })
    expect(asPart).toEqual({ photo, duplicate: true, deleted: true })
    expect(await photos.changes()).toEqual([...before, `stored ${other}`])
  })

  test('comes back as a new photo for one who sends it by hand, and stays so when that one is lost', async () => {
    const photo = await lost()
    const again = await photos.send('whole')
    expect(again).toMatchObject({ duplicate: false, deleted: false })
    expect(await photos.send('whole', { keepDeleted })).toEqual({ photo: again.photo, duplicate: true, deleted: false })
    await photos.lose(again.photo)
    const third = await photos.send('whole', { keepDeleted })
    expect(third).toMatchObject({ duplicate: false, deleted: false })
    expect(new Set([photo, again.photo, third.photo]).size).toBe(3)
  })

  test('stays deleted also when a copy was lost before that its owner has kept', async () => {
    const { photo: kept } = await photos.send('whole')
    await photos.lose(kept)
    const photo = await lost()
    expect(await photos.send('whole', { keepDeleted })).toEqual({ photo, duplicate: true, deleted: true })
  })

  test('comes again once it is taken out of the trash', async () => {
    const photo = await lost()
    await takeOutOfTrash(region.db, ana, { photos: [photo], now: new Date() })
    expect(await photos.send('whole', { keepDeleted })).toMatchObject({ duplicate: false, deleted: false })
  })
})

describe('content that was deleted for good', () => {
  test('stays so for one who leaves it so, and is told by the photo that it was', async () => {
    const whole = await photos.send('whole')
    await photos.remove(whole.photo)
    expect(await photos.send('whole', { keepDeleted })).toEqual({ photo: whole.photo, duplicate: true, deleted: true })
    expect(await photos.rows('whole')).toEqual([])
  })

  test('comes back as a new photo, and then is nothing deleted any more', async () => {
    const whole = await photos.send('whole')
    await photos.remove(whole.photo)
    const again = await photos.send('whole')
    expect(again).toMatchObject({ duplicate: false, deleted: false })
    expect(again.photo).not.toBe(whole.photo)
    expect(await photos.send('whole', { keepDeleted })).toEqual({ photo: again.photo, duplicate: true, deleted: false })
    await photos.remove(again.photo)
    expect(await photos.send('whole', { keepDeleted })).toEqual({ photo: again.photo, duplicate: true, deleted: true })
  })

  test('does not come back as the whole of its parts', async () => {
    const whole = await photos.send('whole')
    await photos.remove(whole.photo)
    await expect(photos.send('edit', part(whole.photo, 'edit'))).rejects.toMatchObject(asked)
    expect(await photos.rows('edit')).toEqual([])
  })

  test.each([true, false])('stays so when a sidecar of the same bytes comes (keepDeleted: %s)', async keepSidecar => {
    const [gone, other] = [await photos.send('bytes'), await photos.send('other')]
    await photos.remove(gone.photo)
    const sidecar = await photos.send('bytes', { keepDeleted: keepSidecar, ...part(other.photo, 'sidecar') })
    expect(sidecar).toMatchObject({ duplicate: false, deleted: false })
    expect(await photos.send('bytes', { keepDeleted })).toEqual({ photo: gone.photo, duplicate: true, deleted: true })
  })

  test('keeps nobody from having sidecars of the same bytes', async () => {
    const [whole, other] = [await photos.send('whole'), await photos.send('other')]
    await photos.send('xmp', part(whole.photo, 'sidecar'))
    await photos.remove(whole.photo)
    const sidecar = await photos.send('xmp', { keepDeleted, ...part(other.photo, 'sidecar') })
    expect(sidecar).toMatchObject({ duplicate: false, deleted: false })
    expect(await photos.rows('xmp')).toMatchObject([{ partOf: other.photo, trashed: false }])
  })
})

describe('a part', () => {
  test('was a photo of its own before: both are told of', async () => {
    const [lone, whole] = [await photos.send('lone'), await photos.send('whole')]
    const receipt = await photos.send('lone', part(whole.photo, 'motion'))
    expect(receipt).toEqual({ photo: lone.photo, duplicate: true, deleted: false })
    expect(await photos.rows('lone')).toMatchObject([{ partOf: whole.photo, role: 'motion' }])
    expect((await photos.changes()).slice(-2)).toEqual([`edited ${lone.photo}`, `edited ${whole.photo}`])
    const before = await photos.changes()
    await photos.send('lone', part(whole.photo, 'motion'))
    expect(await photos.changes()).toEqual(before)
  })

  test.each([
    [
      'has parts of its own',
      async () => {
        const lone = await photos.send('lone')
        await photos.send('edit', part(lone.photo, 'edit'))
        return (await photos.send('whole')).photo
      },
    ],
    [
      'would go to the trash by that',
      async () => {
        await photos.send('lone')
        const whole = await photos.send('whole')
        await photos.trash(whole.photo)
        return whole.photo
      },
    ],
  ])('stays a photo of its own when it %s', async (_why, prepare) => {
    const whole = await prepare()
    await photos.send('lone', part(whole, 'motion'))
    expect(await photos.rows('lone')).toMatchObject([{ partOf: null, role: null, trashed: false }])
  })

  test('is none of itself', async () => {
    const whole = await photos.send('whole')
    expect(await photos.send('whole', part(whole.photo, 'edit'))).toMatchObject({ photo: whole.photo, duplicate: true })
    expect(await photos.rows('whole')).toMatchObject([{ partOf: null }])
  })

  test('stays with the first of two that claim it', async () => {
    const [whole, other] = [await photos.send('whole'), await photos.send('other')]
    await photos.send('film', part(whole.photo, 'motion'))
    expect(await photos.send('film', part(other.photo, 'motion'))).toMatchObject({ duplicate: true })
    expect(await photos.rows('film')).toMatchObject([{ partOf: whole.photo }])
  })

  test('follows a whole that was lost to the one that came in its place', async () => {
    const lost = await photos.send('whole')
    await photos.send('edit', part(lost.photo, 'edit'))
    await photos.send('xmp', part(lost.photo, 'sidecar'))
    await photos.lose(lost.photo)
    const again = await photos.send('whole')
    expect(again.duplicate).toBe(false)
    await photos.send('edit', part(again.photo, 'edit'))
    await photos.send('xmp', part(again.photo, 'sidecar'))
    expect(await photos.rows('edit')).toMatchObject([{ partOf: again.photo }])
    expect((await photos.rows('xmp')).map(({ partOf }) => partOf)).toContain(again.photo)
  })

  test('a sidecar is one for each photo, also of the same bytes, and one only', async () => {
    const [whole, other] = [await photos.send('whole'), await photos.send('other')]
    const first = await photos.send('xmp', part(whole.photo, 'sidecar'))
    const second = await photos.send('xmp', part(other.photo, 'sidecar'))
    expect([first.duplicate, second.duplicate]).toEqual([false, false])
    const again = await photos.send('xmp', part(other.photo, 'sidecar'))
    expect(again).toEqual({ photo: second.photo, duplicate: true, deleted: false })
    const wholes = (await photos.rows('xmp')).map(({ partOf }) => partOf)
    expect(wholes.toSorted()).toEqual([whole.photo, other.photo].toSorted())
  })

  test.each([
    ['a photo that is not there', async () => newId()],
    ['a part', async () => (await photos.send('film', part((await photos.send('whole')).photo, 'motion'))).photo],
    ["somebody else's photo", async () => (await originalsOf(region.db, await region.addPerson()).send('bens')).photo],
  ])('of %s is refused', async (_what, prepare) => {
    const whole = await prepare()
    const before = await photos.changes()
    await expect(photos.send('late', part(whole, 'edit'))).rejects.toMatchObject(asked)
    expect(await photos.rows('late')).toEqual([])
    expect(await photos.changes()).toEqual(before)
  })
})
