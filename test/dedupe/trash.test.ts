/** Goal: what is in the trash is like nothing and in no group that is shown, and is compared anew when it comes back. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { type Likeness, writeLikenesses } from '../../src/library/duplicates/compare-sql.js'
import { deleteTrashed, takeOutOfTrash, trashPhotos } from '../../src/library/trash/trash.js'
import { addPhoto, type TestPerson } from '../http/region.js'
import { asJpeg, type DedupeScene, drawPicture, sceneNames, startDedupeScene } from './scene.js'

let scene: DedupeScene
beforeAll(async () => {
  scene = await startDedupeScene()
})
afterAll(() => scene.here.close())

const shown = async ({ token }: TestPerson) => {
  const { groups } = (await (await scene.here.ask('GET', '/v1/duplicates', { token })).json()) as {
    groups: { photos: { id: string }[] }[]
  }
  return groups.map(({ photos }) => photos.map(({ id }) => id).toSorted())
}

test('a copy in the trash, back again, and deleted for good', async () => {
  const { here } = scene
  const ana = await here.addPerson()
  const picture = await drawPicture(sceneNames[0] ?? 'city')
  const copy = await scene.add(ana, { picture: await asJpeg(picture.clone(), 80) })
  await trashPhotos(here.db, ana, { photos: [copy], now: here.clock.now() })
  const kept = await scene.add(ana, { picture: await asJpeg(picture) })
  await scene.dedupe(ana)
  expect(await shown(ana)).toEqual([])
  await takeOutOfTrash(here.db, ana, { photos: [copy], now: here.clock.now() })
  await scene.dedupe(ana)
  expect(await shown(ana)).toEqual([[copy, kept].toSorted()])
  await trashPhotos(here.db, ana, { photos: [copy], now: here.clock.now() })
  expect(await shown(ana)).toEqual([])
  await deleteTrashed(here.db, ana, { photos: [copy], now: here.clock.now() })
  expect(await here.db.query('select from likenesses where photo = $1 or other = $1', [copy])).toEqual([])
  const again = await scene.add(ana, { picture: await asJpeg(picture, 70) })
  await scene.dedupe(ana)
  expect(await shown(ana)).toEqual([[kept, again].toSorted()])
})

test('what was found of a photo that is deleted meanwhile is not written', async () => {
  const { here } = scene
  const ana = await here.addPerson()
  const [photo, other] = [(await addPhoto(here, ana)).id, (await addPhoto(here, ana)).id]
  const like = (a: string, b: string): Likeness => ({ photo: a, other: b, class: 'same', distance: 1 })
  await here.db.transaction(tx => writeLikenesses(tx, [photo], [like(photo, other), like(photo, newId())]))
  const rows = await here.db.query('select other from likenesses where photo = $1', [photo])
  expect(rows).toEqual([{ other }])
})
