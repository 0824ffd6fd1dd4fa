/**
 * Goal: a no to places leaves none behind and a yes has every photo looked at again, whatever becomes of photos between two
 * statements of it: restored from the trash, thrown away, given another time.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { recipe } from '../src/core/renditions.js'
import type { Database, Queryable } from '../src/db/database.js'
import { editPhoto } from '../src/library/edits/edits.js'
import { keepPlaces } from '../src/library/places.js'
import { takeOutOfTrash, trashPhotos } from '../src/library/trash/trash.js'
import { addPhoto, startRegion, type TestPerson, type TestRegion } from './http/region.js'

let here: TestRegion
let ana: TestPerson
beforeAll(async () => {
  here = await startRegion()
})
afterAll(() => here.close())
beforeEach(async () => {
  ana = await here.addPerson()
  await keepPlaces(here, ana, true)
})

/** Runs `between` once, before batch `count` of a transaction. */
function interrupted(count: number, between: () => Promise<unknown>): Database {
  let seen = 0
  return {
    ...here.db,
    transaction: fn =>
      here.db.transaction(tx => {
        const query: Queryable['query'] = async <Row extends object>(sql: string, values?: readonly unknown[]) => {
          if (sql.includes('as batch') && ++seen === count) await between()
          return tx.query<Row>(sql, values)
        }
        return fn({ query })
      }),
  }
}

/** As many as one statement takes, and some more. */
const addPlaced = () =>
  here.db.query(
    `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, shown_at, state, recipe, latitude, longitude)
     select lpad(n::text, 6, '0') || right($1, 20), $1, $2, sha256(($1 || n)::bytea), 1, now(),
       timestamp '2020-01-01' + n * interval '1 second', 'ready', $3, 1.5, -2.5
     from generate_series(1, 10010) n`,
    [ana.person, ana.epoch, recipe],
  )

/** The one that is visited last, were they visited by `order`. */
async function lastBy(order: string): Promise<string> {
  const rows = await here.db.query<{ id: string }>(
    `select id from photos where person = $1 and trashed_at is null order by ${order} limit 1`,
    [ana.person],
  )
  return rows[0]?.id ?? ''
}

async function count(condition: string): Promise<number> {
  const sql = `select count(*) as count from photos where person = $1 and (${condition})`
  return (await here.db.query<{ count: number }>(sql, [ana.person]))[0]?.count ?? 0
}

const now = () => here.clock.now()

interface Meanwhile {
  before?: (photo: string) => Promise<unknown>
  between: (photo: string) => Promise<unknown>
}

/** What another handset does with a photo before the answer, and between two statements of it. */
const meanwhile: Record<string, Meanwhile> = {
  'is restored from the trash': {
    before: photo => trashPhotos(here.db, ana, { photos: [photo], now: now() }),
    between: photo => takeOutOfTrash(here.db, ana, { photos: [photo], now: now() }),
  },
  'is thrown away': { between: photo => trashPhotos(here.db, ana, { photos: [photo], now: now() }) },
  'is given a later time': {
    between: photo => editPhoto(here.db, ana, { photo, edit: { takenAt: '2024-01-01T00:00:00' }, now: now() }),
  },
  'is given an earlier time': {
    between: photo => editPhoto(here.db, ana, { photo, edit: { takenAt: '2001-01-01T00:00:00' }, now: now() }),
  },
}

test.each(Object.entries(meanwhile))('a photo that %s meanwhile loses its place with the others', async (_, to) => {
  await addPlaced()
  const photo = await lastBy('id desc')
  await to.before?.(photo)
  await keepPlaces({ db: interrupted(2, () => to.between(photo)), accounts: here.accounts }, ana, false)
  expect(await count('latitude is not null or longitude is not null')).toBe(0)
})

test('a photo that is given another time meanwhile is looked at again with the others', async () => {
  await keepPlaces(here, ana, false)
  await addPlaced()
  const photo = await lastBy('sha256 desc')
  const edited = () => editPhoto(here.db, ana, { photo, edit: { takenAt: '2024-01-01T00:00:00' }, now: now() })
  await keepPlaces({ db: interrupted(2, edited), accounts: here.accounts }, ana, true)
  expect(await count(`recipe <> -${recipe}`)).toBe(0)
})

test('what is in the trash, lost, a part, or the same in many sidecars, is not passed over by either answer', async () => {
  const at = { latitude: 1, longitude: 2 }
  const ids: string[] = []
  for (let i = 0; i < 6; i++) ids.push((await addPhoto(here, ana)).id)
  const [whole = '', trashed = '', lost = '', motion = '', ...sidecars] = ids
  await here.db.query('update photos set latitude = $2, longitude = $3 where person = $1', [
    ana.person,
    at.latitude,
    at.longitude,
  ])
  await here.db.query(`update photos set part_of = $2, role = 'motion' where id = $1`, [motion, whole])
  await here.db.query(`update photos set lost = true, state = 'quarantined', reason = 'x' where id = $1`, [lost])
  await trashPhotos(here.db, ana, { photos: [trashed], now: now() })
  for (const [index, id] of sidecars.entries())
    await here.db.query(`update photos set part_of = $2, role = 'sidecar', sha256 = sha256('same') where id = $1`, [
      id,
      [whole, trashed][index],
    ])
  await keepPlaces(here, ana, false)
  expect(await count('latitude is not null or longitude is not null')).toBe(0)
  expect(await count('recipe > 0')).toBe(6)
  await keepPlaces(here, ana, true)
  // What is lost can't be looked at.
  expect(await count('recipe < 0')).toBe(5)
})

test('a no while its owner throws photos away and takes them back: nobody is turned back, and none is left', async () => {
  await addPlaced()
  const rows = await here.db.query<{ id: string }>('select id from photos where person = $1', [ana.person])
  const ids = rows.map(({ id }) => id)
  let tries = 0
  const counting: Database = {
    ...here.db,
    transaction: fn =>
      here.db.transaction(tx => {
        tries += 1
        return fn(tx)
      }),
  }
  let going = true
  let rounds = 0
  const throwing = (async () => {
    while (going) {
      // From the end of their order and from its beginning, always others.
      const photos = Array.from({ length: 500 }, (_, i) => ids[(i * 19 + rounds * 7) % ids.length] ?? '').toReversed()
      await trashPhotos(counting, ana, { photos, now: now() })
      await takeOutOfTrash(counting, ana, { photos, now: now() })
      rounds += 1
    }
  })()
  await keepPlaces({ db: counting, accounts: here.accounts }, ana, false)
  going = false
  await throwing
  expect(await count('latitude is not null or longitude is not null')).toBe(0)
  expect(tries).toBe(1 + rounds * 2)
})
