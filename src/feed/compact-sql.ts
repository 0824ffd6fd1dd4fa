/**
 * Compaction of the tables `changes` and `feeds`: removes what no reader needs any more. See workers/compact for who calls it and when.
 *
 * A change is superseded by a later one of the same thing: the same photo, the same album, the same photo in the same album; and what
 * is said of a photo in an album also by the later deletion of either. Whoever has yet to read the one has yet to read the other.
 * Deletions that nothing supersedes can only be forgotten: the floor rises with them, in the same transaction, and readers that are
 * behind it begin anew.
 *
 * Each call is one short transaction of its own. Any two may run at once, at any moment beside commits and readers; none of them
 * takes the feed's row but for the moment in which the floor rises. Nothing happens where the placement isn't open: what
 * copies a feed to another region finds it unchanged while it is frozen.
 */
import type { Placement } from '../core/keys.js'
import type { Database, Queryable } from '../db/database.js'
import { requireOpenPlacement } from '../regions/placements-sql.js'

export interface Claim extends Placement {
  /** It may have something to be removed. */
  due: boolean
}

export interface ClaimOptions {
  now: Date
  /** Feeds that somebody took since are left out. */
  takenBefore: Date
  /** A feed without changes from before has nothing to be removed. */
  before: Date
  /** Nor has one in which nothing changed for so long before it was taken last: all that can be done to it was done then. */
  quietMs: number
  limit: number
}

/** Those of open placements that have waited longest, at most `limit`; they count as taken now, due or not. */
export function claimFeeds(
  db: Queryable,
  { now, takenBefore, before, quietMs, limit }: ClaimOptions,
): Promise<Claim[]> {
  const at = (order: 'asc' | 'desc') =>
    `(select at from changes where changes.person = taken.person and changes.epoch = taken.epoch order by seq ${order} limit 1)`
  return db.query<Claim>(
    `with taken as materialized (
       select person, epoch, feeds.compacted_at from feeds join placements using (person, epoch)
       where placements.state = 'open' and (feeds.compacted_at is null or feeds.compacted_at < $2)
       order by feeds.compacted_at nulls first limit $5 for update of feeds skip locked
     ), claimed as (
       update feeds set compacted_at = $1 from taken where feeds.person = taken.person and feeds.epoch = taken.epoch
     )
     select person, epoch, coalesce(${at('asc')} < $3
       and (compacted_at is null or ${at('desc')} >= compacted_at - $4 * interval '1 millisecond'), false) as due
     from taken`,
    [now, takenBefore, before, quietMs, limit],
  )
}

export interface Batch {
  /** Behind which change it begins. */
  after: number
  /** Only changes made before. */
  before: Date
  /** How many are looked at. */
  limit: number
}

/** Removes those of the batch that are superseded. Resolves with the last that it looked at, undefined when none of them is old. */
export function removeSuperseded(db: Database, placement: Placement, batch: Batch): Promise<number | undefined> {
  const { person, epoch } = placement
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, person, epoch)
    const [row] = await tx.query<{ last: number | null }>(supersededSql, [
      person,
      epoch,
      batch.after,
      batch.before,
      batch.limit,
    ])
    return row?.last ?? undefined
  })
}

/** A thing is what is in the columns photo and album; '' stands for null there, which joins can't compare. */
const supersededSql = `
  with looked_at as materialized (
    select seq, coalesce(photo, '') as photo, coalesce(album, '') as album, at < $4 as old
    from changes where person = $1 and epoch = $2 and seq > $3 order by seq limit $5
  ), things as materialized (
    select photo, album from looked_at where old
    union select photo, '' from looked_at where old and photo <> '' and album <> ''
    union select '', album from looked_at where old and photo <> '' and album <> ''
  ), latest as materialized (
    select things.photo, things.album, max(seq) as seq, max(seq) filter (where kind in ('deleted', 'album_deleted')) as deletion
    from changes join things on things.photo = coalesce(changes.photo, '') and things.album = coalesce(changes.album, '')
    where person = $1 and epoch = $2 and changes.seq > $3
    group by things.photo, things.album
  ), superseded as (
    select looked_at.seq from looked_at
    left join latest of_thing on of_thing.photo = looked_at.photo and of_thing.album = looked_at.album
    left join latest of_photo on of_photo.photo = looked_at.photo and of_photo.album = '' and looked_at.photo <> ''
    left join latest of_album on of_album.album = looked_at.album and of_album.photo = '' and looked_at.album <> ''
    where looked_at.old and looked_at.seq < greatest(of_thing.seq, of_photo.deletion, of_album.deletion)
  ), removed as (
    delete from changes using superseded
    where changes.person = $1 and changes.epoch = $2 and changes.seq = superseded.seq
  )
  select max(seq) as last from looked_at having bool_or(old)`

/**
 * Forgets deletions of the batch; call it when what they supersede has been removed. Resolves with the last that it forgot,
 * undefined when there was none.
 */
export function forgetDeletions(db: Database, placement: Placement, batch: Batch): Promise<number | undefined> {
  const { person, epoch } = placement
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, person, epoch)
    const [row] = await tx.query<{ last: number | null }>(
      `with forgotten as (
         delete from changes where person = $1 and epoch = $2 and seq in (
           select seq from changes
           where person = $1 and epoch = $2 and seq > $3 and at < $4 and kind in ('deleted', 'album_deleted', 'removed')
           order by seq limit $5
         ) returning seq
       ) select max(seq) as last from forgotten`,
      [person, epoch, batch.after, batch.before, batch.limit],
    )
    const last = row?.last ?? undefined
    // Last, since commits wait for it from here on.
    if (last !== undefined) {
      await tx.query('update feeds set floor = greatest(floor, $3) where person = $1 and epoch = $2', [
        person,
        epoch,
        last,
      ])
    }
    return last
  })
}
