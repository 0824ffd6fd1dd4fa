/**
 * Goal: a photo that becomes a part of another leaves to it what its owner did with it: its places in albums, the favourite mark and
 * the words. Nothing of that is lost, what the whole has already stays, and every mirror ends with what is so.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { addToAlbum, listAlbum, listAlbums, putAlbum } from '../../src/library/albums/albums.js'
import type { Edit } from '../../src/library/edits/edit.js'
import { editPhoto } from '../../src/library/edits/edits.js'
import type { Photo } from '../../src/library/photo.js'
import { findPhoto } from '../../src/library/photos-sql.js'
import { takeOutOfTrash, trashPhotos } from '../../src/library/trash/trash.js'
import { recordReady } from '../../src/library/work-sql.js'
import { snapshotOf, startReader } from '../feed-history.js'
import { startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { beginWork, readyWith, send, sentPhoto } from './trash-scene.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
})

const now = () => here.clock.now()
const photoOf = async (id: string): Promise<Photo> => (await findPhoto(here.db, ana, id)) as Photo
const edit = (photo: string, said: Edit) => editPhoto(here.db, ana, { photo, edit: said, now: now() })
const trash = (...photos: string[]) => trashPhotos(here.db, ana, { photos, now: now() })
const restore = (...photos: string[]) => takeOutOfTrash(here.db, ana, { photos, now: now() })
const ready = async (photo: string, kind: 'picture' | 'video', live: string | null) =>
  recordReady(here.db, await beginWork(here, photo), readyWith({ live }, kind), now())

async function albumOf(...photos: string[]): Promise<string> {
  const album = newId()
  await putAlbum(here.db, ana, { id: album, name: 'Sea', now: now() })
  await addToAlbum(here.db, ana, { album, photos, now: now() })
  return album
}
const listed = async (album: string) => (await listAlbum(here.db, ana, album, { limit: 10 })).id
const counted = async () => (await listAlbums(here.db, ana)).map(({ photos, cover }) => ({ photos, cover }))

/** Of the feed: what became of which photo, and in which album. */
async function changesOf(): Promise<string[]> {
  const rows = await here.db.query<{ kind: string; photo: string; album: string | null }>(
    'select kind, photo, album from changes where person = $1 order by seq',
    [ana.person],
  )
  return rows.map(({ kind, photo, album }) => [kind, photo, album ?? []].flat().join(' '))
}

/** Two photos, and what makes the first a part of the second. */
interface Joining {
  part: string
  whole: string
  join(): Promise<unknown>
}

async function liveVideo(): Promise<Joining> {
  const [part, whole] = [await sentPhoto(here, ana), await sentPhoto(here, ana)]
  await ready(part, 'video', 'L1')
  return { part, whole, join: () => ready(whole, 'picture', 'L1') }
}

async function livePicture(): Promise<Joining> {
  const [part, whole] = [await sentPhoto(here, ana), await sentPhoto(here, ana)]
  await ready(whole, 'picture', 'L1')
  return { part, whole, join: () => ready(part, 'video', 'L1') }
}

async function sentAsEdit(): Promise<Joining> {
  const content = randomBytes(16)
  const [part, whole] = [await sentPhoto(here, ana, { content }), await sentPhoto(here, ana)]
  return { part, whole, join: () => send(here, ana, { content, partOf: { photo: whole, role: 'edit' } }) }
}

describe.each([
  ['the video of a Live Photo, when its picture comes', liveVideo],
  ['a video, when it turns out to be that of a Live Photo', livePicture],
  ['a photo that is sent again as an edit', sentAsEdit],
])('%s', (_what, prepare) => {
  test('leaves its places in albums to the whole, and the feed tells of it', async () => {
    const { part, whole, join } = await prepare()
    const both = await albumOf(part, whole)
    const lone = await albumOf(part)
    const [early, late] = [startReader(here.db, ana), startReader(here.db, ana)]
    await early.readAll(2)
    const before = (await changesOf()).length
    await join()
    expect((await photoOf(part)).partOf).toBe(whole)
    expect([await listed(both), await listed(lone)]).toEqual([[whole], [whole]])
    expect(await counted()).toEqual([both, lone].map(() => ({ photos: 1, cover: whole })))
    const told = (await changesOf()).slice(before)
    const ofAlbums = told.filter(change => /^(added|removed)/.test(change))
    expect(ofAlbums.toSorted()).toEqual(
      [`removed ${part} ${both}`, `removed ${part} ${lone}`, `added ${whole} ${lone}`].toSorted(),
    )
    for (const photo of [part, whole]) expect(told).toContainEqual(expect.stringMatching(`^(ready|edited) ${photo}$`))
    await early.readAll(2)
    await late.readAll(3)
    const snapshot = await snapshotOf(here.db, ana.person)
    expect(early.mirror()).toEqual(snapshot)
    expect(late.mirror()).toEqual(snapshot)
  })

  test('leaves the favourite mark and the words', async () => {
    const { part, whole, join } = await prepare()
    const said = { description: 'At the sea', rating: 4, takenAt: '2021-06-07T08:09:10', takenOffsetMinutes: -120 }
    await edit(part, { ...said, favourite: true })
    await join()
    expect(await photoOf(whole)).toMatchObject({ ...said, favourite: true, shownAt: said.takenAt })
    expect(await photoOf(part)).toMatchObject({ partOf: whole, favourite: false })
    // They are the owner's words of the whole from now on.
    await edit(whole, { rating: null, favourite: false })
    // A worker looks for the stars of the file.
    await ready(whole, 'picture', null)
    expect(await photoOf(whole)).toMatchObject({ ...said, rating: null, favourite: false, shownAt: said.takenAt })
  })

  test('says nothing where the whole has words of its own, and takes no mark away', async () => {
    const { part, whole, join } = await prepare()
    await edit(part, { description: 'of the part', rating: 1, takenOffsetMinutes: 60 })
    const mine = { description: '', takenAt: '2022-02-02T02:02:02' }
    await edit(whole, { ...mine, favourite: true })
    await join()
    expect(await photoOf(whole)).toMatchObject({
      description: null,
      rating: 1,
      takenAt: mine.takenAt,
      shownAt: mine.takenAt,
      takenOffsetMinutes: null,
      favourite: true,
    })
    const [left] = await here.db.query('select edits from photos where id = $1', [part])
    expect(left).toEqual({ edits: { description: 'of the part', taken_offset_minutes: 60 } })
  })
})

test('a Live Photo that is joined in the trash is in its albums when it comes back', async () => {
  const { part, whole, join } = await liveVideo()
  const album = await albumOf(part)
  await trash(part, whole)
  await join()
  expect(await listed(album)).toEqual([])
  await restore(whole)
  expect(await listed(album)).toEqual([whole])
  const reader = startReader(here.db, ana)
  await reader.readAll(10)
  expect(reader.mirror()).toEqual(await snapshotOf(here.db, ana.person))
})
