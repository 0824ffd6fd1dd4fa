/**
 * What comparing photos with each other reads and writes: of `photos` their looks, `compared_at` and groups, and the table
 * `likenesses`.
 *
 * All of it within one transaction that holds `lockComparing`: one comparison of a person's photos at a time. `compared_at` never goes
 * back within a placement, so that whoever has read up to one moment finds all that came later beyond it.
 */
import type { Placement } from '../../core/keys.js'
import type { Queryable } from '../../db/database.js'
import type { GroupClass } from './duplicates.js'

/** Until the transaction's end. */
export async function lockComparing(tx: Queryable, person: string): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('dedupe ' || $1, 0))`, [person])
}

/** Up to where the hashes of a library were read. */
export interface HashCursor {
  readonly comparedAt: string
  readonly id: string
}

export const beforeAllHashes: HashCursor = { comparedAt: '-infinity', id: '' }

export interface HashPage {
  /** 26 characters each. */
  ids: string
  /** 8 bytes each, signed, the highest first. */
  hashes: Buffer
  cursor: HashCursor
}

/** The next hashes of photos that were compared, in that order; undefined when there are none. In two columns: a million rows take seconds. */
export async function readHashes(
  tx: Queryable,
  { person, epoch }: Placement,
  after: HashCursor,
  limit: number,
): Promise<HashPage | undefined> {
  const [page] = await tx.query<{ ids: string | null; hashes: Buffer; comparedAt: string }>(
    `select string_agg(id, '' order by compared_at, id) as ids,
            string_agg(int8send(phash), ''::bytea order by compared_at, id) as hashes, max(compared_at)::text as "comparedAt"
     from (
       select id, phash, compared_at from photos
       where person = $1 and epoch = $2 and phash is not null and compared_at is not null
         and (compared_at, id) > ($3::timestamptz, $4)
       order by compared_at, id limit $5
     ) as page`,
    [person, epoch, after.comparedAt, after.id, limit],
  )
  if (!page || page.ids === null) return undefined
  return { ids: page.ids, hashes: page.hashes, cursor: { comparedAt: page.comparedAt, id: page.ids.slice(-26) } }
}

/** A photo as far as it is compared. */
export interface Compared {
  id: string
  /** Of decimal digits: it has more than a number holds. */
  phash: string
  look: Buffer
  width: number
  height: number
  takenAt: string | null
  cameraMake: string | null
  cameraModel: string | null
  burst: string | null
  storedAt: Date
  sameGroup: string | null
  similarGroup: string | null
}

const columns = `id, phash::text as phash, look, width, height, taken_at as "takenAt", camera_make as "cameraMake",
  camera_model as "cameraModel", burst, stored_at as "storedAt", same_group as "sameGroup", similar_group as "similarGroup"`

/** Pictures that a person sees as such. A video is more than its poster, and a part of a photo is no photo of its own. */
const comparable = `state = 'ready' and kind is distinct from 'video' and part_of is null and trashed_at is null and look is not null
  and width > 0 and height > 0`

export interface Uncompared extends Seen {
  /** null: one that is not compared with others. */
  photo: Compared | null
}

/** What tells whether a worker has looked at a photo again meanwhile. */
export interface Seen {
  id: string
  phash: string
  /** To the microsecond. */
  verifiedAt: string | null
}

/** The oldest that were not compared yet, as they are now. */
export async function takeUncompared(
  tx: Queryable,
  { person, epoch }: Placement,
  limit: number,
): Promise<Uncompared[]> {
  const rows = await tx.query<Compared & { verifiedAt: string | null; comparable: boolean }>(
    `select ${columns}, verified_at::text as "verifiedAt", ${comparable} as comparable from photos
     where person = $1 and epoch = $2 and phash is not null and compared_at is null order by stored_at, id limit $3`,
    [person, epoch, limit],
  )
  return rows.map(({ comparable, verifiedAt, ...photo }) => ({
    id: photo.id,
    phash: photo.phash,
    verifiedAt,
    photo: comparable ? photo : null,
  }))
}

/** Those of the ids that can be compared. */
export function readCompared(tx: Queryable, { person, epoch }: Placement, ids: readonly string[]): Promise<Compared[]> {
  return tx.query<Compared>(
    `select ${columns} from photos where id = any($3) and person = $1 and epoch = $2 and phash is not null and ${comparable}`,
    [person, epoch, ids],
  )
}

export interface Neighbours {
  photo: string
  other: string
}

export interface Moment {
  seconds: number
  /** For those that share a burst. */
  burstSeconds: number
  /** Of one photo: the nearest in time. */
  most: number
}

/** Photos looked at on either side of one: whole libraries have one date where a clock was never set. */
const lookedAtMax = 250
const lookedAt = 'id, shown_at, taken_at, burst, phash, compared_at'
/** Those that the index photos_timeline has. */
const inTimeline = 'person = $1 and epoch = $2 and part_of is null and trashed_at is null'

/** For each of the photos those that were taken near it in time, among themselves and those compared before. */
export function readNeighbours(
  tx: Queryable,
  { person, epoch }: Placement,
  ids: readonly string[],
  { seconds, burstSeconds, most }: Moment,
): Promise<Neighbours[]> {
  return tx.query<Neighbours>(
    `select mine.id as photo, near.id as other
     from photos mine cross join lateral (
       select id from (
         (select ${lookedAt} from photos where ${inTimeline} and (shown_at, id) < (mine.shown_at, mine.id)
            and shown_at >= mine.shown_at - make_interval(secs => case when mine.burst is null then $4::float8 else $5::float8 end)
          order by shown_at desc, id desc limit $7)
         union all
         (select ${lookedAt} from photos where ${inTimeline} and (shown_at, id) > (mine.shown_at, mine.id)
            and shown_at <= mine.shown_at + make_interval(secs => case when mine.burst is null then $4::float8 else $5::float8 end)
          order by shown_at, id limit $7)
       ) as other
       where other.taken_at is not null and other.phash is not null
         and (other.burst = mine.burst or abs(extract(epoch from other.shown_at - mine.shown_at)) <= $4::float8)
         and (other.compared_at is not null or other.id = any($3))
       order by abs(extract(epoch from other.shown_at - mine.shown_at)), other.id limit $6
     ) as near
     where mine.id = any($3) and mine.taken_at is not null`,
    [person, epoch, ids, seconds, burstSeconds, most, lookedAtMax],
  )
}

export interface Likeness {
  photo: string
  other: string
  class: GroupClass
  distance: number
}

/** What was found before of these photos is forgotten. One that was deleted meanwhile is like none; the others stay until the end. */
export async function writeLikenesses(
  tx: Queryable,
  photos: readonly string[],
  likenesses: readonly Likeness[],
): Promise<void> {
  await tx.query('delete from likenesses where photo = any($1) or other = any($1)', [photos])
  if (likenesses.length === 0) return
  await tx.query(
    `with there as (select id from photos where id = any($1) or id = any($2) order by id for key share)
     insert into likenesses (photo, other, class, distance)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::smallint[]) as found (photo, other)
     where photo in (select id from there) and other in (select id from there)`,
    [
      likenesses.map(({ photo }) => photo),
      likenesses.map(({ other }) => other),
      likenesses.map(like => like.class),
      likenesses.map(({ distance }) => distance),
    ],
  )
}

const groupColumns: Readonly<Record<GroupClass, string>> = { same: 'same_group', similar: 'similar_group' }

/** All photos of the groups `losers[i]` go over into `winners[i]`. */
export async function mergeGroups(
  tx: Queryable,
  { person, epoch }: Placement,
  of: GroupClass,
  merges: readonly { loser: string; winner: string }[],
): Promise<void> {
  if (merges.length === 0) return
  const column = groupColumns[of]
  await tx.query(
    `update photos set ${column} = merge.winner from unnest($3::text[], $4::text[]) as merge (loser, winner)
     where person = $1 and epoch = $2 and ${column} = merge.loser`,
    [person, epoch, merges.map(({ loser }) => loser), merges.map(({ winner }) => winner)],
  )
}

/** Each photo's group from now on, or that it has none. */
export async function setGroups(
  tx: Queryable,
  of: GroupClass,
  groups: readonly { photo: string; group: string | null }[],
): Promise<void> {
  if (groups.length === 0) return
  const column = groupColumns[of]
  await tx.query(
    `update photos set ${column} = wanted.grouped from unnest($1::text[], $2::text[]) as wanted (photo, grouped)
     where id = wanted.photo and ${column} is distinct from wanted.grouped`,
    [groups.map(({ photo }) => photo), groups.map(({ group }) => group)],
  )
}

/**
 * Not those that were looked at again meanwhile: they are compared again. By the database's clock, since those of several processes
 * differ; or just after `last` if that was later.
 */
export async function markCompared(tx: Queryable, photos: readonly Seen[], last: HashCursor): Promise<void> {
  await tx.query(
    `update photos set compared_at = greatest(clock_timestamp(), $4::timestamptz + interval '1 millisecond')
     from unnest($1::text[], $2::bigint[], $3::timestamptz[]) as seen (photo, hash, verified)
     where id = seen.photo and phash = seen.hash and verified_at is not distinct from seen.verified`,
    [
      photos.map(({ id }) => id),
      photos.map(({ phash }) => phash),
      photos.map(({ verifiedAt }) => verifiedAt),
      last.comparedAt,
    ],
  )
}

/**
 * People with photos that were looked at before `before` and were not compared yet: what the queue may have lost. Goes from person to
 * person along the index, however many photos each has there.
 */
export async function claimUncompared(db: Queryable, before: Date, limit: number): Promise<string[]> {
  const rows = await db.query<{ person: string }>(
    `with recursive theirs as (
       (select person, epoch from photos where phash is not null and compared_at is null order by person, epoch limit 1)
       union all
       select next.person, next.epoch from theirs cross join lateral (
         select person, epoch from photos
         where phash is not null and compared_at is null and (person, epoch) > (theirs.person, theirs.epoch)
         order by person, epoch limit 1
       ) as next
     )
     select person from theirs join placements using (person, epoch)
     where state = 'open' and exists (
       select from photos where photos.person = theirs.person and photos.epoch = theirs.epoch
         and phash is not null and compared_at is null and verified_at < $1
     ) limit $2`,
    [before, limit],
  )
  return rows.map(({ person }) => person)
}
