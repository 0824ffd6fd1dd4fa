/**
 * Goal: whoever trashes, restores, empties, edits, sends and works at the same time, no photo is half gone: parts are where their
 * photo is, what is deleted has its tombstone, and the feed tells each step once, without gaps, and ends with what is so.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isAppError } from '../../src/core/errors.js'
import { newId } from '../../src/core/ids.js'
import { recordReady } from '../../src/library/work-sql.js'
import { startRegion, type TestPerson, type TestRegion } from '../http/region.js'
import { storePhotos } from '../queue/stored-photos.js'
import { type SeededRandom, seededRandom } from '../support/seed.js'
import { all, beginWork, changesOf, readyWith, send, sentPhoto, shownOf, trashOf } from './trash-scene.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
})

const { trash, restore, empty } = trashOf(
  () => here,
  () => ana,
)

interface Row {
  id: string
  partOf: string | null
  trashed: boolean
  trashedAt: Date | null
}

async function rowsNow(): Promise<Map<string, Row>> {
  const rows = await here.db.query<Row>(
    `select id, part_of as "partOf", trashed_at is not null as trashed, trashed_at as "trashedAt" from photos where person = $1`,
    [ana.person],
  )
  return new Map(rows.map(row => [row.id, row]))
}

/** What must hold whenever nothing is under way. */
async function expectOrder(): Promise<void> {
  const rows = await rowsNow()
  for (const { id, partOf, trashedAt } of rows.values()) {
    if (partOf === null) continue
    expect(rows.get(partOf), `what ${id} is a part of`).toMatchObject({ partOf: null, trashedAt })
  }
  const stones = await here.db.query<{ photo: string }>('select photo from tombstones where person = $1', [ana.person])
  const dead = new Set(stones.map(({ photo }) => photo))
  expect([...dead].filter(photo => rows.has(photo))).toEqual([])
  const last = new Map<string, string>()
  const inTrash = new Set<string>()
  for (const change of await changesOf(here, ana)) {
    const [kind = '', photo = ''] = change.split(' ')
    expect(last.get(photo), `${change} after its end`).not.toBe('deleted')
    if (kind === 'trashed') inTrash.add(photo)
    // A part may have come to a photo that lay there already.
    if (kind === 'restored' && !inTrash.delete(photo)) expect(rows.get(photo)?.partOf, change).not.toBeNull()
    last.set(photo, kind)
  }
  for (const [photo, kind] of last) expect(kind === 'deleted', photo).toBe(dead.has(photo))
  expect([...dead].filter(photo => last.get(photo) !== 'deleted')).toEqual([])
  const seqs = await here.db.query<{ seq: number }>('select seq from changes where person = $1 order by seq', [
    ana.person,
  ])
  expect(seqs.map(({ seq }) => seq)).toEqual(seqs.map((_, index) => index + 1))
}

test('photos that are trashed while workers record them are both', async () => {
  const photos = await Promise.all(Array.from({ length: 30 }, () => sentPhoto(here, ana)))
  const works = await Promise.all(photos.map(photo => beginWork(here, photo)))
  const ready = works.map(work => recordReady(here.db, work, readyWith(), here.clock.now()))
  const [, ...recorded] = await Promise.all([trash(photos), ...ready])
  expect(recorded).toEqual(photos.map(() => true))
  expect(
    await here.db.query(`select from photos where trashed_at is not null and state = 'ready' and person = $1`, [
      ana.person,
    ]),
  ).toHaveLength(30)
  await expectOrder()
})

test('a trash that is emptied twice at once is emptied once', async () => {
  const photos = await storePhotos(here, ana, 800)
  await trash(photos)
  const emptied = await Promise.all([empty(all), empty(photos), empty(all), empty(photos.toReversed())])
  expect(emptied.reduce((sum, { deleted }) => sum + deleted, 0)).toBe(800)
  expect((await changesOf(here, ana)).filter(change => change.startsWith('deleted'))).toHaveLength(800)
  await expectOrder()
})

test('photos that are restored while the trash is emptied are one or the other', async () => {
  const photos = await storePhotos(here, ana, 600)
  await trash(photos)
  const slices = Array.from({ length: 12 }, (_, index) => photos.slice(index * 50, index * 50 + 50))
  const restoring = slices.map(slice => restore(slice.toReversed()))
  const deleting = [...slices.map(slice => empty(slice)), empty(all)]
  const restored = (await Promise.all(restoring)).reduce((sum, answer) => sum + answer.restored, 0)
  const deleted = (await Promise.all(deleting)).reduce((sum, answer) => sum + answer.deleted, 0)
  expect(restored + deleted).toBe(600)
  expect(await shownOf(here, ana)).toHaveLength(restored)
  await expectOrder()
})

/** As a handset does it: what may succeed when it is tried again is tried again. */
async function sendPatiently(sent: Parameters<typeof send>[2]) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(here, ana, sent)
    } catch (error) {
      if (!isAppError(error, 'unavailable') || attempt > 50) throw error
    }
  }
}

describe('content that is sent while it is deleted', () => {
  test.each([
    ['stays deleted for who wants that', true],
    ['is there in the end for who sends it by hand', false],
  ])('%s', async (_, keepDeleted) => {
    const contents = Array.from({ length: 25 }, () => Buffer.from(newId()))
    const photos = await Promise.all(contents.map(content => sentPhoto(here, ana, { content })))
    await trash(photos)
    const sending = contents.map(content => sendPatiently({ content, keepDeleted }))
    const [, ...receipts] = await Promise.all([empty(all), ...sending])
    if (keepDeleted) expect(receipts.map(({ deleted }) => deleted)).toEqual(contents.map(() => true))
    // Who came first had it restored before it could be deleted.
    expect(await shownOf(here, ana)).toHaveLength(keepDeleted ? 0 : contents.length)
    await expectOrder()
  })
})

describe('everything at once', () => {
  const step = async (
    random: SeededRandom,
    photos: readonly string[],
    contents: readonly Buffer[],
  ): Promise<unknown> => {
    const some = Array.from(
      { length: random.between(1, 6) },
      () => photos[random.between(0, photos.length - 1)] as string,
    )
    const photo = some[0] as string
    const content = contents[random.between(0, contents.length - 1)] as Buffer
    const keepDeleted = random.next() < 0.5
    const kinds: (() => Promise<unknown>)[] = [
      () => trash(some),
      () => trash(some),
      () => restore(some),
      () => empty(some),
      () => empty(all),
      () =>
        here.ask('PATCH', '/v1/photos', { token: ana.token, json: { photos: some, favourite: random.next() < 0.5 } }),
      () => here.ask('PATCH', `/v1/photos/${photo}`, { token: ana.token, json: { rating: random.between(0, 5) } }),
      () => sendPatiently({ content, keepDeleted }),
      () => sendPatiently({ content: random.bytes(16), partOf: { photo, role: 'motion' } }),
      () => sendPatiently({ content: contents[0] as Buffer, partOf: { photo, role: 'sidecar' }, keepDeleted }),
      async () => {
        const live = { live: `L${random.between(0, 3)}` }
        const kind = random.next() < 0.5 ? 'picture' : 'video'
        return recordReady(here.db, await beginWork(here, photo), readyWith(live, kind), here.clock.now())
      },
    ]
    const chosen = kinds[random.between(0, kinds.length - 1)] as () => Promise<unknown>
    return chosen().catch(error => {
      // The photo that it was for is gone, is a part now, or waits for no worker: any of these may be so by now.
      if (isAppError(error, 'conflict') || /waits for nobody/.test(String(error))) return
      throw error
    })
  }

  test('leaves everything in order', { timeout: 120_000 }, async () => {
    const random = seededRandom()
    const contents = Array.from({ length: 12 }, () => random.bytes(16))
    for (let round = 0; round < 12; round++) {
      for (const content of contents) await sendPatiently({ content, keepDeleted: random.next() < 0.3 })
      const photos = [...(await rowsNow()).keys()].toSorted()
      if (photos.length === 0) continue
      await Promise.all(Array.from({ length: 16 }, () => step(random, photos, contents)))
      await expectOrder()
    }
  })
})
