/**
 * Goal: whatever a person's handsets and the workers do at the same time, with albums, Live Photos, parts, losses and compaction among
 * it, what is left agrees with itself, and readers of the feed that followed all along have exactly what is there.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isAppError } from '../../src/core/errors.js'
import { newId } from '../../src/core/ids.js'
import { recipe } from '../../src/core/renditions.js'
import { addToAlbum, deleteAlbum, putAlbum, removeFromAlbum } from '../../src/library/albums/albums.js'
import { editPhoto, editPhotos } from '../../src/library/edits/edits.js'
import { keepPlaces } from '../../src/library/places.js'
import { recordSidecar } from '../../src/library/sidecars-sql.js'
import { deleteTrashed, emptyTrash, takeOutOfTrash, trashPhotos } from '../../src/library/trash/trash.js'
import { beginAttempt, recordReady, recordVerdict } from '../../src/library/work-sql.js'
import { compactFeed } from '../../workers/compact/compact.js'
import { snapshotOf, startReader } from '../feed-history.js'
import { startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { type SeededRandom, seededRandom } from '../support/seed.js'
import { readyWith, type Sent, send } from './trash-scene.js'

let here: TestRegion
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())

const rounds = 8
const lanes = 6
const stepsPerLane = 25

const oddOnes = `
  select 'a part without its whole' as what, id from photos part
  where person = $1 and part_of is not null and not exists (select from photos whole where whole.id = part.part_of and whole.part_of is null)
  union all
  select 'a part elsewhere than its whole', part.id from photos part join photos whole on whole.id = part.part_of
  where part.person = $1 and part.trashed_at is distinct from whole.trashed_at
  union all
  select 'a part in an album', photo from album_photos join photos on photos.id = photo where person = $1 and part_of is not null
  union all
  select 'a part that is a favourite', id from photos where person = $1 and part_of is not null and favourite
  union all
  select 'there, and deleted', stone.photo from tombstones stone join photos using (person, epoch, sha256)
  where person = $1 and stone.lifted_at is null and role is distinct from 'sidecar' and not lost`

/** What one step may be told among others: what it was for is gone, is a part by now, or has just changed. */
const mayBe = (error: unknown) =>
  (['not_found', 'conflict', 'gone', 'unavailable'] as const).some(kind => isAppError(error, kind))

interface Scene {
  ana: TestPerson
  random: SeededRandom
  contents: readonly Buffer[]
  photos: string[]
  albums: string[]
  readers: ReturnType<typeof startReader>[]
}

/** What one handset or worker may do, each as often as it stands here. */
function stepsOf({ ana, random, contents, photos, albums, readers }: Scene): (() => Promise<unknown>)[] {
  const { db } = here
  const now = new Date()
  const pick = <T>(of: readonly T[]): T => of[random.between(0, of.length - 1)] as T
  const [photo, album, content, keepDeleted] = [pick(photos), pick(albums), pick(contents), random.next() < 0.5]
  const some = { photos: Array.from({ length: random.between(1, 4) }, () => pick(photos)), now }
  const sendOne = async (sent: Sent) => photos.push((await send(here, ana, { keepDeleted, ...sent })).photo)
  const look = async () => {
    const work = await beginAttempt(db, photo, recipe)
    if (!work || work.role === 'sidecar') return
    const facts = { live: `L${random.between(0, 2)}`, latitude: 1, longitude: 1 }
    await recordReady(db, work, readyWith(facts, pick(['picture', 'video'] as const)), now)
  }
  const lose = async () => {
    const work = random.next() < 0.3 && (await beginAttempt(db, photo, recipe))
    const verdict = {
      state: 'quarantined',
      reason: 'It is missing',
      verified: false,
      lost: true,
      mediaType: null,
    } as const
    if (work) await recordVerdict(db, work, verdict, now)
  }
  const sendSidecar = async () => {
    const sidecar = { content: contents[0] as Buffer, partOf: { photo, role: 'sidecar' }, keepDeleted } as const
    const { photo: id } = await send(here, ana, sidecar)
    const facts = { rating: 3, description: 'x', latitude: 1, longitude: 1 }
    await recordSidecar(db, { ...ana, id }, { facts, mediaType: 'application/rdf+xml', recipe }, now)
  }
  const inYears = new Date(now.getTime() + 100 * 24 * 3600_000)
  return [
    () => trashPhotos(db, ana, some),
    () => trashPhotos(db, ana, some),
    () => takeOutOfTrash(db, ana, some),
    () => deleteTrashed(db, ana, some),
    () => emptyTrash(db, ana, { now }),
    () => editPhotos(db, ana, { ...some, marks: { favourite: random.next() < 0.5 } }),
    () => editPhoto(db, ana, { photo, edit: { rating: pick([null, 1, 5]), favourite: random.next() < 0.5 }, now }),
    () => sendOne({ content }),
    () => sendOne({ content: pick([content, random.bytes(16)]), partOf: { photo, role: pick(['motion', 'edit']) } }),
    sendSidecar,
    look,
    look,
    lose,
    () => putAlbum(db, ana, { id: album, name: `n${random.between(0, 9)}`, now }),
    () => addToAlbum(db, ana, { album, ...some }),
    () => addToAlbum(db, ana, { album, ...some }),
    () => removeFromAlbum(db, ana, { album, ...some }),
    async () => {
      if (random.next() < 0.3) await deleteAlbum(db, ana, album, now)
      albums.push(newId())
    },
    () => keepPlaces(here, ana, random.next() < 0.5),
    () => compactFeed(db, ana, inYears, new AbortController().signal, { batch: 5 }),
    () => pick(readers).read(random.between(1, 5)),
  ]
}

test('everything at once', { timeout: 240_000 }, async () => {
  const random = seededRandom()
  for (let round = 0; round < rounds; round++) {
    const ana = await here.addPerson()
    const contents = Array.from({ length: 10 }, () => random.bytes(16))
    const photos: string[] = []
    for (const content of contents) photos.push((await send(here, ana, { content })).photo)
    const albums = [newId(), newId()]
    const now = new Date()
    for (const id of albums) await putAlbum(here.db, ana, { id, name: 'A', now })
    const readers = [startReader(here.db, ana), startReader(here.db, ana)]
    const scene = { ana, random, contents, photos, albums, readers }
    const failures: unknown[] = []
    const lane = async () => {
      for (let count = 0; count < stepsPerLane; count++) {
        const steps = stepsOf(scene)
        const step = steps[random.between(0, steps.length - 1)] as () => Promise<unknown>
        await step().catch(error => mayBe(error) || failures.push(error))
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    expect(failures).toEqual([])
    expect(await here.db.query(oddOnes, [ana.person])).toEqual([])
    const snapshot = await snapshotOf(here.db, ana.person)
    for (const reader of [...readers, startReader(here.db, ana)]) {
      await reader.readAll(3)
      expect(reader.mirror()).toEqual(snapshot)
    }
  }
})
