/**
 * Goal: the two halves of a Live Photo become one photo with two parts, whichever comes first, and also when both come at once; and the
 * place of a photo is kept only while its owner agrees.
 */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { insertConsent } from '../src/accounts/consents-sql.js'
import { newId } from '../src/core/ids.js'
import type { Placement } from '../src/core/keys.js'
import { recipe } from '../src/core/renditions.js'
import type { Database, Queryable } from '../src/db/database.js'
import { readChanges } from '../src/feed/changes.js'
import { commitOriginal } from '../src/library/commit-sql.js'
import { noFacts } from '../src/library/photo-facts.js'
import { keepPlaces } from '../src/library/places.js'
import { beginAttempt, type Ready, recordReady, recordVerdict, type Work } from '../src/library/work-sql.js'
import { startRegion, type TestRegion } from './http/region.js'

let here: TestRegion
let ana: Placement
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
})

async function stored(owner: Placement = ana): Promise<Work> {
  const photo = newId()
  const sha256 = createHash('sha256').update(randomBytes(16)).digest()
  const facts = { ...owner, photo, sha256, sizeBytes: 16, fileName: null, device: null, modifiedAt: null }
  await commitOriginal(here.db, facts, here.clock.now())
  const work = await beginAttempt(here.db, photo, recipe)
  if (!work) throw new Error('it waits for nobody')
  return work
}

const half = (kind: 'picture' | 'video', live: string | null): Ready => ({
  kind,
  mediaType: kind === 'picture' ? 'image/heic' : 'video/quicktime',
  width: 40,
  height: 30,
  durationMs: kind === 'video' ? 3_000 : null,
  thumbhash: null,
  recipe,
  renditions: [],
  look: null,
  facts: { ...noFacts, live },
  reason: null,
})

const ready = (work: Work, kind: 'picture' | 'video', live: string | null) =>
  recordReady(here.db, work, half(kind, live), here.clock.now())

async function partOf({ id }: Work): Promise<string | null | undefined> {
  const [row] = await here.db.query<{ partOf: string | null }>('select part_of as "partOf" from photos where id = $1', [
    id,
  ])
  return row?.partOf
}
const changes = async () =>
  (await readChanges(here.db, ana, undefined)).changes.map(({ kind, photo }) => `${kind} ${photo}`)

describe('the moving half becomes part of the picture', () => {
  test('when it comes last: whoever follows the feed hears of both', async () => {
    const [picture, video] = [await stored(), await stored()]
    await ready(picture, 'picture', 'L1')
    await ready(video, 'video', 'L1')
    expect([await partOf(picture), await partOf(video)]).toEqual([null, picture.id])
    expect((await changes()).slice(-2)).toEqual([`ready ${video.id}`, `ready ${picture.id}`])
  })

  test('when it comes first', async () => {
    const [picture, video] = [await stored(), await stored()]
    await ready(video, 'video', 'L1')
    expect(await partOf(video)).toBeNull()
    await ready(picture, 'picture', 'L1')
    expect(await partOf(video)).toBe(picture.id)
  })

  test('when both come at once, in many pairs', async () => {
    const pairs = await Promise.all(Array.from({ length: 12 }, async () => [await stored(), await stored()] as const))
    await Promise.all(
      pairs.flatMap(([picture, video], index) => [
        ready(picture, 'picture', `L${index}`),
        ready(video, 'video', `L${index}`),
      ]),
    )
    for (const [picture, video] of pairs) expect(await partOf(video)).toBe(picture.id)
  })

  test('also after a new recipe, which changes nothing about it', async () => {
    const [picture, video] = [await stored(), await stored()]
    await ready(picture, 'picture', 'L1')
    await ready(video, 'video', 'L1')
    await here.db.query('update photos set recipe = -1 where id = any($1)', [[picture.id, video.id]])
    await ready(video, 'video', 'L1')
    await ready(picture, 'picture', 'L1')
    expect([await partOf(picture), await partOf(video)]).toEqual([null, picture.id])
  })
})

describe('a half that was lost and came again is joined anew', () => {
  const lose = (work: Work) => {
    const verdict = { state: 'quarantined', reason: 'x', verified: false, lost: true, mediaType: null } as const
    return recordVerdict(here.db, work, verdict, here.clock.now())
  }

  test('the picture', async () => {
    const [lost, video, again] = [await stored(), await stored(), await stored()]
    await ready(lost, 'picture', 'L1')
    await ready(video, 'video', 'L1')
    await lose(lost)
    await ready(again, 'picture', 'L1')
    expect(await partOf(video)).toBe(again.id)
  })

  test('the video', async () => {
    const [picture, lost, again] = [await stored(), await stored(), await stored()]
    await ready(picture, 'picture', 'L1')
    await ready(lost, 'video', 'L1')
    await lose(lost)
    await ready(again, 'video', 'L1')
    expect(await partOf(again)).toBe(picture.id)
  })
})

describe('nothing else is joined', () => {
  test('halves of different ones, of different people, and two pictures or two videos', async () => {
    const other = await here.addPerson()
    const [picture, alike, elsewhere, film] = [await stored(), await stored(), await stored(other), await stored()]
    await ready(picture, 'picture', 'L1')
    await ready(alike, 'picture', 'L1')
    await ready(elsewhere, 'video', 'L1')
    await ready(film, 'video', 'L2')
    for (const work of [picture, alike, elsewhere, film]) expect(await partOf(work)).toBeNull()
  })

  test('a second video stays one of its own', async () => {
    const [picture, video, second] = [await stored(), await stored(), await stored()]
    await ready(picture, 'picture', 'L1')
    await ready(video, 'video', 'L1')
    await ready(second, 'video', 'L1')
    expect([await partOf(video), await partOf(second)]).toEqual([picture.id, null])
  })

  test('a picture that could not be read', async () => {
    const [picture, video] = [await stored(), await stored()]
    const verdict = { state: 'unreadable', reason: 'x', verified: true, lost: false, mediaType: null } as const
    await recordVerdict(here.db, picture, verdict, here.clock.now())
    await ready(video, 'video', 'L1')
    expect(await partOf(video)).toBeNull()
  })
})

test('where a photo was taken is kept only if its owner has agreed', async () => {
  const gps = { latitude: -33.5, longitude: 151.25 }
  const kept = async () => {
    const work = await stored()
    const made = half('picture', null)
    await recordReady(here.db, work, { ...made, facts: { ...made.facts, ...gps } }, here.clock.now())
    const [row] = await here.db.query('select latitude, longitude from photos where id = $1', [work.id])
    return row
  }
  const answer = (granted: boolean) =>
    insertConsent(here.db, ana.person, { purpose: 'places', version: 1, granted, at: here.clock.now() })
  expect(await kept()).toEqual({ latitude: null, longitude: null })
  await answer(true)
  expect(await kept()).toEqual(gps)
  await answer(false)
  expect(await kept()).toEqual({ latitude: null, longitude: null })
})

test('a place that only a sidecar knows goes with its owner’s no, also while the photo is recorded', async () => {
  await keepPlaces(here, ana, true)
  const photo = await stored()
  const sidecar = await stored()
  await here.db.query(
    `update photos set part_of = $2, role = 'sidecar', state = 'ready', recipe = $3, latitude = 1.5, longitude = -2.5 where id = $1`,
    [sidecar.id, photo.id, recipe],
  )
  let no: Promise<unknown> | undefined
  const interrupted: Database = {
    ...here.db,
    transaction: fn =>
      here.db.transaction(tx => {
        const query: Queryable['query'] = async <Row extends object>(sql: string, values?: readonly unknown[]) => {
          if (sql.includes('append_change') && !no) {
            no = keepPlaces(here, ana, false)
            // It waits for this transaction; one that did not would be done by then.
            await Promise.race([no, new Promise(resolve => setTimeout(resolve, 1_000))])
          }
          return tx.query<Row>(sql, values)
        }
        return fn({ query })
      }),
  }
  await recordReady(interrupted, photo, half('picture', null), here.clock.now())
  await no
  expect(no).toBeDefined()
  expect(await here.db.query('select 1 from photos where person = $1 and latitude is not null', [ana.person])).toEqual(
    [],
  )
})
