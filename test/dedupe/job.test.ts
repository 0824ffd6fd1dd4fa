/**
 * Goal: each new photo finds those it is like among all of its owner's, once and for good: however often the job runs, in whichever
 * batches, with another of itself beside it.
 */
import sharp from 'sharp'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  beforeAllHashes,
  claimUncompared,
  markCompared,
  readNeighbours,
  takeUncompared,
} from '../../src/library/duplicates/compare-sql.js'
import { lookOf } from '../../workers/dedupe/look.js'
import type { TestPerson } from '../http/region.js'
import { lookAt } from './look-at.js'
import { asJpeg, type DedupeScene, drawPicture, startDedupeScene } from './scene.js'

let city: Buffer
let sea: Buffer
beforeAll(async () => {
  city = await asJpeg(await drawPicture('city'))
  sea = await asJpeg(await drawPicture('sea'))
})
const copyOf = (picture: Buffer, width: number) => asJpeg(sharp(picture).resize(width), 70)

async function begin(options: { batch?: number } = {}): Promise<DedupeScene & { ana: TestPerson }> {
  const scene = await startDedupeScene(options)
  onTestFinished(() => scene.here.close())
  return { ...scene, ana: await scene.here.addPerson() }
}

const likenesses = ({ here }: DedupeScene) =>
  here.db.query<{ photo: string; other: string; class: string; distance: number }>(
    'select photo, other, class, distance from likenesses order by photo, other',
  )

describe('the same picture', () => {
  test('is one group, other pictures are in none, and it is told', async () => {
    const scene = await begin()
    const { ana } = scene
    const [original, other] = [await scene.add(ana, { picture: city }), await scene.add(ana, { picture: sea })]
    const copy = await scene.add(ana, { picture: await copyOf(city, 480) })
    await scene.dedupe(ana)
    const groups = await scene.groups(ana)
    expect(groups.get(original)).toEqual(expect.any(String))
    expect(groups.get(copy)).toBe(groups.get(original))
    expect(groups.get(other)).toBeNull()
    expect(await likenesses(scene)).toEqual([
      { photo: copy, other: original, class: 'same', distance: expect.any(Number) },
    ])
    expect(scene.told).toEqual([ana.person])
  })

  test('is found in what was compared long ago, and the group keeps its id', async () => {
    const scene = await begin()
    const { ana } = scene
    const first = await scene.add(ana, { picture: city })
    await scene.dedupe(ana)
    expect(scene.told).toEqual([])
    const second = await scene.add(ana, { picture: await copyOf(city, 480) })
    await scene.dedupe(ana)
    const before = (await scene.groups(ana)).get(first)
    const third = await scene.add(ana, { picture: await copyOf(city, 640) })
    await scene.dedupe(ana)
    const after = await scene.groups(ana)
    expect([first, second, third].map(photo => after.get(photo))).toEqual([before, before, before])
  })

  test('joins two groups under the older id', async () => {
    const scene = await begin()
    const { ana } = scene
    const photos: string[] = []
    for (const picture of [sea, city]) {
      photos.push(await scene.add(ana, { picture }), await scene.add(ana, { picture }))
      await scene.dedupe(ana)
    }
    // As if the two had been told apart before: the younger group's photos look like the older one's now.
    const { grey } = await lookAt(sea)
    const look = lookOf(grey)
    await scene.here.db.query('update photos set phash = $2, look = $3, compared_at = null where id = any($1)', [
      photos.slice(2),
      look?.phash,
      look?.detail,
    ])
    const before = await scene.groups(ana)
    await scene.dedupe(ana)
    const older = before.get(photos[0] as string)
    expect(new Set((await scene.groups(ana)).values())).toEqual(new Set([older]))
  })

  test('looked at anew and found another leaves its group', async () => {
    const scene = await begin()
    const { ana } = scene
    const photos: string[] = []
    for (const picture of [city, city, city]) photos.push(await scene.add(ana, { picture }))
    await scene.dedupe(ana)
    const look = lookOf((await lookAt(sea)).grey)
    await scene.here.db.query('update photos set phash = $2, look = $3, compared_at = null where id = $1', [
      photos[1],
      look?.phash,
      look?.detail,
    ])
    await scene.dedupe(ana)
    const groups = await scene.groups(ana)
    expect(groups.get(photos[1] as string)).toBeNull()
    expect(groups.get(photos[0] as string)).toBe(groups.get(photos[2] as string))
    const kept = await likenesses(scene)
    expect(kept.flatMap(({ photo, other }) => [photo, other])).not.toContain(photos[1])
    expect(kept).toHaveLength(1)
  })
})

test('photos of one moment are similar, and a copy among them is the same', async () => {
  const scene = await begin()
  const { ana } = scene
  const told = { camera: 'Fernweh 3', takenAt: '2025-06-01T10:00:00' }
  const first = await scene.add(ana, { picture: city, ...told })
  const shifted = await asJpeg(sharp(city).extract({ left: 20, top: 8, width: 920, height: 690 }).resize(960, 720))
  const next = await scene.add(ana, { picture: shifted, ...told, takenAt: '2025-06-01T10:00:02' })
  const copy = await scene.add(ana, { picture: await copyOf(city, 480), ...told })
  const later = await scene.add(ana, { picture: sea, ...told, takenAt: '2025-06-01T10:00:30' })
  await scene.dedupe(ana)
  const [same, similar] = [await scene.groups(ana), await scene.groups(ana, 'similar')]
  expect(same.get(first)).toBe(same.get(copy))
  expect(same.get(next)).not.toBe(same.get(first))
  expect(similar.get(next)).toEqual(expect.any(String))
  expect(similar.get(next)).toBe(similar.get(first))
  expect(similar.get(later)).toBeNull()
})

test('nothing is done twice: neither by a second run nor by two at once', async () => {
  const scene = await begin({ batch: 3 })
  const { ana } = scene
  const pictures = [city, sea, await copyOf(city, 480), await copyOf(sea, 480), city, sea, await copyOf(city, 600)]
  for (const picture of pictures) await scene.add(ana, { picture })
  await Promise.all([scene.dedupe(ana), scene.dedupe(ana), scene.dedupe(ana)])
  const [groups, found] = [await scene.groups(ana), await likenesses(scene)]
  expect(new Set(groups.values()).size).toBe(2)
  expect(found).toHaveLength((4 * 3) / 2 + (3 * 2) / 2)
  const [{ waiting } = { waiting: -1 }] = await scene.here.db.query<{ waiting: number }>(
    'select count(*) as waiting from photos where compared_at is null',
  )
  expect(waiting).toBe(0)

  await scene.here.db.query('update photos set compared_at = null')
  await scene.dedupe(ana)
  expect(await likenesses(scene)).toEqual(found)
  expect(new Set((await scene.groups(ana)).values())).toEqual(new Set(groups.values()))
})

test('another process sees what this one compared', async () => {
  const scene = await begin()
  const { ana } = scene
  const { makeDedupe } = await import('../../workers/dedupe/dedupe-job.js')
  const other = makeDedupe({ db: scene.here.db, clock: scene.here.clock, onChange: async () => {} })
  const photos: string[] = []
  for (let i = 0; i < 4; i++) {
    photos.push(await scene.add(ana, { picture: await copyOf(city, 480 + 60 * i) }))
    await (i % 2 === 0 ? scene.dedupe(ana) : other({ person: ana.person }, AbortSignal.timeout(30_000)))
  }
  const groups = await scene.groups(ana)
  expect(new Set(photos.map(photo => groups.get(photo))).size).toBe(1)
  expect(groups.get(photos[0] as string)).toEqual(expect.any(String))
})

test('another process whose clock is behind hides nothing from this one', async () => {
  const scene = await begin()
  const { ana, here } = scene
  const { makeDedupe } = await import('../../workers/dedupe/dedupe-job.js')
  const behind = { now: () => new Date(here.clock.now().getTime() - 3600_000) }
  const other = makeDedupe({ db: here.db, clock: behind, onChange: async () => {} })
  const first = await scene.add(ana, { picture: sea })
  await scene.dedupe(ana)
  // Reads up to there.
  await scene.dedupe(ana)
  await here.db.query('update photos set compared_at = null where id = $1', [first])
  const photos = [await scene.add(ana, { picture: city })]
  await other({ person: ana.person }, AbortSignal.timeout(30_000))
  photos.push(await scene.add(ana, { picture: await copyOf(city, 480) }))
  await scene.dedupe(ana)
  const groups = await scene.groups(ana)
  expect(groups.get(photos[0] as string)).toEqual(expect.any(String))
  expect(groups.get(photos[1] as string)).toBe(groups.get(photos[0] as string))
})

test('one that a worker looks at again meanwhile is compared again, the others are not', async () => {
  const { here, ana, add } = await begin()
  const [again, once] = [await add(ana, { picture: city }), await add(ana, { picture: sea })]
  await here.db.transaction(async tx => {
    const taken = await takeUncompared(tx, ana, 10)
    expect(taken.map(({ id }) => id)).toEqual([again, once])
    await here.db.query(`update photos set verified_at = verified_at + interval '1 s' where id = $1`, [again])
    await markCompared(tx, taken, beforeAllHashes)
  })
  expect((await takeUncompared(here.db, ana, 10)).map(({ id }) => id)).toEqual([again])
})

test('of a library that has one date each photo has some neighbours, at a cost that does not grow with it', async () => {
  const { here, ana } = await begin()
  await here.db.query(
    `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, state, shown_at, taken_at, phash, compared_at)
     select lpad(n::text, 26, '0'), $1, 1, sha256(n::text::bytea), 1, now(), 'ready', '2000-01-01', '2000-01-01', n, now()
     from generate_series(1, 20000) n`,
    [ana.person],
  )
  const ids = Array.from({ length: 100 }, (_, index) => `${1 + index * 200}`.padStart(26, '0'))
  const [beganMs, moment] = [performance.now(), { seconds: 5, burstSeconds: 60, most: 24 }]
  const found = await readNeighbours(here.db, ana, ids, moment)
  // Going through all of them for each took ten seconds.
  expect(performance.now() - beganMs).toBeLessThan(5_000)
  expect(found).toHaveLength(100 * 24)
  expect(found.every(({ photo, other }) => photo !== other)).toBe(true)
})

test('everybody with something to compare is found, however many photos each has', async () => {
  const { here, ana, add } = await begin()
  const others = [await here.addPerson(), await here.addPerson(), await here.addPerson()]
  const some = [ana, ...others.slice(0, 2)]
  for (const person of [...some, ...some]) await add(person, { picture: city })
  const people = some.map(({ person }) => person).sort()
  expect(await claimUncompared(here.db, new Date('2100-01-01'), 10)).toEqual(people)
  expect(await claimUncompared(here.db, new Date('2100-01-01'), 2)).toHaveLength(2)
})

test('compared with nobody else’s, with no video, and not as the moving half of a photo', async () => {
  const scene = await begin()
  const { ana } = scene
  const ben = await scene.here.addPerson()
  const picture = await scene.add(ana, { picture: city })
  const video = await scene.add(ana, { picture: city, kind: 'video' })
  const half = await scene.add(ana, { picture: city, kind: 'video', partOf: picture })
  await scene.add(ben, { picture: city })
  await scene.dedupe(ana)
  await scene.dedupe(ben)
  const groups = await scene.groups(ana)
  expect([picture, video, half].map(photo => groups.get(photo))).toEqual([null, null, null])
  expect([...(await scene.groups(ben)).values()]).toEqual([null])
  expect(await likenesses(scene)).toEqual([])
  expect(await claimUncompared(scene.here.db, new Date('2100-01-01'), 10)).toEqual([])
})

test('while the account is frozen nothing is written, and it is found again afterwards', async () => {
  const scene = await begin()
  const { ana, here } = scene
  await scene.add(ana, { picture: city })
  await scene.add(ana, { picture: city })
  await here.db.query(`update placements set state = 'frozen' where person = $1`, [ana.person])
  await expect(scene.dedupe(ana)).rejects.toMatchObject({ kind: 'unavailable' })
  const verified = here.clock.now()
  expect(await claimUncompared(here.db, new Date(verified.getTime() + 1), 10)).toEqual([])
  await here.db.query(`update placements set state = 'open' where person = $1`, [ana.person])
  expect(await claimUncompared(here.db, new Date(verified.getTime() - 1_000), 10)).toEqual([])
  expect(await claimUncompared(here.db, new Date(verified.getTime() + 1), 10)).toEqual([ana.person])
  await scene.dedupe(ana)
  expect(new Set((await scene.groups(ana)).values()).size).toBe(1)
})

test('somebody who is not here has nothing to compare', async () => {
  const scene = await begin()
  await scene.dedupe({ ...scene.ana, person: 'nobody' })
  expect(scene.told).toEqual([])
})
