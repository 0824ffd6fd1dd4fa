/**
 * The photos that wait for their renditions, as those see them who hand them to the queue: whose they are, how old, and how many of
 * the same person wait with them. Reads only.
 */
import type { Queryable } from '../db/database.js'

/** Photos are told apart by when they were taken: `bounds` are the borders, ascending; band 0 is before the first of them. */
export interface QueuedPhoto {
  id: string
  person: string
  epoch: number
  sizeBytes: number
  storedAt: Date
  /** Else it has renditions already, of an older recipe, or needs none. */
  waits: boolean
  band: number
}

/** Of these ids the photos, in the order they came. */
export function findQueued(db: Queryable, ids: readonly string[], bounds: readonly Date[]): Promise<QueuedPhoto[]> {
  return db.query<QueuedPhoto>(
    `select id, person, epoch, size_bytes as "sizeBytes", stored_at as "storedAt", state = 'stored' as waits,
       width_bucket(shown_at, $2::timestamp[]) as band
     from photos where id = any($1) order by stored_at, id`,
    [ids, bounds.map(bound => bound.toISOString())],
  )
}

export interface WaitingOf {
  person: string
  epoch: number
  /** Those that came before this. */
  before: Date
}

/** How many photos of each of these wait, by band. Looks at every one of them, by an index: some milliseconds for 50,000. */
export function countWaitingOf(
  db: Queryable,
  of: readonly WaitingOf[],
  bounds: readonly Date[],
): Promise<{ person: string; epoch: number; band: number; count: number }[]> {
  return db.query(
    `select person, epoch, band, count(*) as count
     from unnest($1::text[], $2::integer[], $3::timestamptz[]) as asked (person, epoch, before)
     cross join lateral (
       select width_bucket(shown_at, $4::timestamp[]) as band from photos
       where photos.person = asked.person and photos.epoch = asked.epoch and state = 'stored' and stored_at < before
     ) as theirs
     group by person, epoch, band`,
    [
      of.map(({ person }) => person),
      of.map(({ epoch }) => epoch),
      of.map(({ before }) => before),
      bounds.map(bound => bound.toISOString()),
    ],
  )
}

/** How many wait; how many of them were last handed to the queue before `before`; and since when the first one waits. */
export async function measureWaiting(
  db: Queryable,
  before: Date,
): Promise<{ count: number; handedOver: number; oldest: Date | null }> {
  const [row] = await db.query<{ count: number; handedOver: number; oldest: Date | null }>(
    `select count(*) as count, count(*) filter (where queued_at < $1) as "handedOver", min(stored_at) as oldest
     from photos where state = 'stored'`,
    [before],
  )
  return row ?? { count: 0, handedOver: 0, oldest: null }
}
