/**
 * Goal: commits of wholes and parts, the trash and the emptying of it, all at once, never wait for each other in a circle, and what
 * is left agrees with itself and with the feed: no part without its whole or in another place than it, no content twice, no gap.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isAppError } from '../../src/core/errors.js'
import { partRoles } from '../../src/core/part-roles.js'
import { takeOutOfTrash } from '../../src/library/trash/trash.js'
import { seededRandom } from '../support/seed.js'
import { openUploadRegion, type UploadRegion } from '../upload/region.js'
import { originalsOf } from './originals.js'

let region: UploadRegion
beforeAll(async () => {
  region = await openUploadRegion({ connectionsMax: 8 })
})
afterAll(() => region.close())

const rounds = 12
const stepsAtOnce = 24
const contents = Array.from({ length: 6 }, (_, index) => `content ${index}`)

/** What may be told of one step among others: its whole was deleted meanwhile, or the photo changed under its hands. */
const mayBe = (error: unknown) => isAppError(error, 'conflict') || isAppError(error, 'unavailable')

const oddOnes = `
  select 'a part without its whole' as what, id from photos part
  where person = $1 and part_of is not null and not exists (select from photos whole where whole.id = part.part_of and whole.part_of is null)
  union all
  select 'a part elsewhere than its whole', part.id from photos part join photos whole on whole.id = part.part_of
  where part.person = $1 and part.trashed_at is distinct from whole.trashed_at
  union all
  select 'there, and deleted', stone.photo from tombstones stone join photos using (person, epoch, sha256)
  where person = $1 and stone.lifted_at is null and role is distinct from 'sidecar'
  union all
  select 'there by the feed alone', photo from (
    select distinct on (photo) photo, kind from changes where person = $1 order by photo, seq desc
  ) as last where kind <> 'deleted' and not exists (select from photos where id = last.photo)
  union all
  select 'in the trash or not, by the feed alone', id from photos join lateral (
    select kind from changes where changes.person = photos.person and photo = photos.id and kind in ('trashed', 'restored')
    order by seq desc limit 1
  ) as last on true where person = $1 and (last.kind = 'trashed') <> (trashed_at is not null)
  union all
  select 'a gap in the feed', max(seq)::text from changes where person = $1 having max(seq) <> count(*)`

test('whatever comes at once, what is left agrees', { timeout: 240_000 }, async () => {
  const random = seededRandom()
  const pick = <T>(of: readonly T[]): T => of[random.between(0, of.length - 1)] as T
  for (let round = 0; round < rounds; round++) {
    const person = await region.addPerson()
    const photos = originalsOf(region.db, person)
    const known = await Promise.all(contents.map(content => photos.send(content).then(({ photo }) => photo)))
    const step = async (): Promise<void> => {
      const chosen = [pick(known), pick(known)]
      const keepDeleted = random.next() < 0.5
      const kind = random.next()
      if (kind < 0.2) known.push((await photos.send(pick(contents), { keepDeleted })).photo)
      else if (kind < 0.6) {
        const role = pick(partRoles)
        const sent = { keepDeleted, partOf: { photo: pick(known), role } }
        known.push((await photos.send(role === 'sidecar' ? `words of ${pick(contents)}` : pick(contents), sent)).photo)
      } else if (kind < 0.75) await photos.trash(...chosen)
      else if (kind < 0.85) await takeOutOfTrash(region.db, person, { photos: chosen, now: new Date() })
      else await photos.remove(...chosen)
    }
    const outcomes = await Promise.allSettled(Array.from({ length: stepsAtOnce }, step))
    const failures = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
    expect(failures.filter(error => !mayBe(error))).toEqual([])
    expect(await region.db.query(oddOnes, [person.person])).toEqual([])
  }
  // They are tried again, after a second that nobody should wait.
  const sql = 'select deadlocks from pg_stat_database where datname = current_database()'
  expect(await region.db.query(sql)).toEqual([{ deadlocks: 0 }])
})

test('a part that comes while its whole is deleted is refused, or deleted with it', { timeout: 120_000 }, async () => {
  const random = seededRandom()
  const photos = originalsOf(region.db, await region.addPerson())
  for (let round = 0; round < 25; round++) {
    const { photo } = await photos.send(`whole ${round}`)
    await photos.trash(photo)
    const part = `edit ${round} of ${random.seed}`
    const [sent] = await Promise.allSettled([
      photos.send(part, { partOf: { photo, role: 'edit' } }),
      photos.remove(photo),
    ])
    if (sent.status === 'rejected') expect(mayBe(sent.reason)).toBe(true)
    expect(await photos.rows(part)).toEqual([])
  }
})

test('the same content sent by many at once is one photo, part or not', { timeout: 120_000 }, async () => {
  const photos = originalsOf(region.db, await region.addPerson())
  const { photo } = await photos.send('whole')
  const sent = await Promise.all(
    Array.from({ length: 16 }, (_, index) =>
      photos.send('film', index % 2 === 0 ? {} : { partOf: { photo, role: 'motion' } }),
    ),
  )
  expect(sent.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
  expect(new Set(sent.map(receipt => receipt.photo)).size).toBe(1)
  expect(await photos.rows('film')).toMatchObject([{ partOf: photo, role: 'motion' }])
})
