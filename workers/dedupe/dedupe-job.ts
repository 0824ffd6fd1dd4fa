/**
 * The job of a person's new photos: looks for each among all of the library, and puts those that are the same picture, and those of one
 * moment, into groups. Removes nothing.
 *
 * In batches, each one transaction that nobody else compares this person's photos in: it may run twice, late, at the same time as itself,
 * and end at any moment; what it hasn't done is still there. A photo whose look has changed is compared anew.
 */
import type { Clock } from '../../src/core/clock.js'
import { newId } from '../../src/core/ids.js'
import type { Placement } from '../../src/core/keys.js'
import type { Database, Queryable } from '../../src/db/database.js'
import {
  lockComparing,
  markCompared,
  mergeGroups,
  setGroups,
  takeUncompared,
  writeLikenesses,
} from '../../src/library/duplicates/compare-sql.js'
import { type GroupClass, groupClasses, groupId } from '../../src/library/duplicates/duplicates.js'
import { findLivePlacement, requireOpenPlacement } from '../../src/regions/placements-sql.js'
import type { Handler } from '../run.js'
import { type Found, findLikenesses } from './find-likenesses.js'
import { type Member, regroup } from './groups.js'
import { type Libraries, makeLibraries } from './libraries.js'

export interface DedupeDeps {
  db: Database
  clock: Clock
  /** Tells that a worker has something for people to see. */
  onChange: (person: string) => Promise<void>
  libraries?: Libraries
  /** Photos in one transaction. */
  batch?: number
}

export function makeDedupe({
  db,
  clock,
  onChange,
  libraries = makeLibraries(),
  batch = 100,
}: DedupeDeps): Handler<'dedupe'> {
  const compareSome = (placement: Placement, signal: AbortSignal) =>
    db.transaction(async tx => {
      await requireOpenPlacement(tx, placement.person, placement.epoch)
      await lockComparing(tx, placement.person)
      const library = await libraries.open(tx, placement, signal)
      const taken = await takeUncompared(tx, placement, batch)
      if (taken.length === 0) return { taken: 0, found: false }
      const photos = taken.flatMap(({ photo }) => photo ?? [])
      const found = await findLikenesses(tx, placement, library, photos, signal)
      const now = clock.now()
      await record(tx, placement, { photos: taken.map(({ id }) => id), ...found, now })
      await markCompared(tx, taken, library.cursor)
      return { taken: taken.length, found: found.likenesses.length > 0 }
    })

  return async ({ person }, signal) => {
    const placement = await findLivePlacement(db, person)
    if (!placement) return
    for (;;) {
      signal.throwIfAborted()
      const { taken, found } = await compareSome(placement, signal)
      if (found) await onChange(person)
      // Those that come meanwhile are seen by the next look, or bring a job of their own.
      if (taken < batch) return
    }
  }
}

interface Recorded extends Found {
  /** All of the batch, also those that are compared with nothing. */
  photos: readonly string[]
  now: Date
}

async function record(
  tx: Queryable,
  placement: Placement,
  { photos, likenesses, members, now }: Recorded,
): Promise<void> {
  await writeLikenesses(tx, photos, likenesses)
  for (const of of groupClasses) {
    const pairs = likenesses.filter(like => like.class === of).map(({ photo, other }) => [photo, other] as const)
    const { groups, merges } = regroup(membersOf(of, members, photos, pairs), pairs, () => groupId(now, newId()))
    await mergeGroups(tx, placement, of, merges)
    const inOne = new Set(groups.map(({ photo }) => photo))
    const inNone = photos.filter(photo => !inOne.has(photo)).map(photo => ({ photo, group: null }))
    await setGroups(tx, of, [...groups, ...inNone])
  }
}

/**
 * A photo that is compared anew was in a group for its look of before. It is in it still if it is like another that is; else that group
 * and the one that it comes into now have nothing to do with each other.
 */
function membersOf(
  of: GroupClass,
  members: Found['members'],
  photos: readonly string[],
  pairs: readonly (readonly [string, string])[],
): Map<string, Member> {
  const groupOf = (id: string) => {
    const member = members.get(id)
    return (of === 'same' ? member?.sameGroup : member?.similarGroup) ?? null
  }
  const confirmed = new Set(pairs.filter(([a, b]) => groupOf(a) === groupOf(b)).flat())
  const fresh = new Set(photos)
  const group = (id: string) => (fresh.has(id) && !confirmed.has(id) ? null : groupOf(id))
  return new Map(Array.from(members.keys(), id => [id, { id, group: group(id) }] as const))
}
