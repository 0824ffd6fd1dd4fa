/** The trash, in the tables `photos` and `tombstones`. What is in it goes along with its parts, always. */
import type { Placement } from '../../core/keys.js'
import type { Queryable } from '../../db/database.js'
import type { PhotoKind } from '../photo.js'
import type { TrashCursor } from './trash.js'

/** Whole photos that aren't there yet, with their parts; they must be locked. Returns all that went, parts as well, by id. */
export async function putIntoTrash(tx: Queryable, wholes: readonly string[], at: Date): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    'update photos set trashed_at = $2 where (id = any($1) or part_of = any($1)) and trashed_at is null returning id',
    [wholes, at],
  )
  return rows.map(({ id }) => id).toSorted()
}

/** Takes them out, with their parts, and says so in the feed. Those that aren't in the trash stay as they are. How many there were. */
export async function restorePhotos(
  tx: Queryable,
  { person, epoch }: Placement,
  ids: readonly string[],
  at: Date,
): Promise<number> {
  const [row] = await tx.query<{ restored: number }>('select restore_photos($1, $2, $3, $4) as restored', [
    person,
    epoch,
    ids,
    at,
  ])
  return row?.restored ?? 0
}

/**
 * Keeps the contents of those of the photos, and of their parts, that were lost from being committed until the transaction's end: whether
 * they came again is then certain. Call it before the photos are locked, since a commit takes the content's lock first, by this key.
 */
export async function lockLostContents(
  tx: Queryable,
  { person, epoch }: Placement,
  photos: readonly string[],
): Promise<void> {
  await tx.query(
    `select pg_advisory_xact_lock(hashtextextended($1 || content, $2)) from (
       select distinct encode(sha256, 'hex') as content from photos
       where (id = any($3) or part_of = any($3)) and person = $1 and epoch = $2 and lost order by 1
     ) as lost`,
    [person, epoch, photos],
  )
}

/**
 * Deletes whole photos, which must be locked, and the contents of those that were lost too, with their parts: of each a tombstone is left,
 * and a job that removes what the bucket has of it. Two kinds of tombstones keep no bytes away: a sidecar's, since those of another photo
 * may be the same, and that of a lost original whose content came again: if that goes as well, it has its own. Returns all that went,
 * by id.
 */
export async function deleteForGood(tx: Queryable, wholes: readonly string[], at: Date): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `with gone as (
       delete from photos where id = any($1) or part_of = any($1) returning id, person, epoch, sha256, role, lost
     ), stones as (
       insert into tombstones (photo, person, epoch, sha256, deleted_at, lifted_at)
       select id, person, epoch, sha256, $2, case when role = 'sidecar' or lost and exists (
         select from photos again
         where again.person = gone.person and again.epoch = gone.epoch and again.sha256 = gone.sha256 and not again.lost
           and again.role is distinct from 'sidecar'
       ) then $2::timestamptz end from gone
     ), jobs as (
       insert into outbox (job, data) select 'purge', jsonb_build_object('photo', id) from gone
     )
     select id from gone order by id`,
    [wholes, at],
  )
  return rows.map(({ id }) => id)
}

/** Whole photos that have been in the trash of this placement since `trashedBefore` or longer, the longest first. */
export async function oldestInTrash(
  db: Queryable,
  { person, epoch }: Placement,
  { trashedBefore, limit }: { trashedBefore: Date; limit: number },
): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from photos where person = $1 and epoch = $2 and trashed_at <= $3 and part_of is null
     order by trashed_at, id limit $4`,
    [person, epoch, trashedBefore, limit],
  )
  return rows.map(({ id }) => id)
}

export interface Expired extends Placement {
  ids: string[]
}

/** Whole photos that have been in the trash since `before` or longer, `limit` of them, by person. Not those of who is moving just now. */
export function findExpired(db: Queryable, before: Date, limit: number): Promise<Expired[]> {
  return db.query<Expired>(
    `select person, epoch, array_agg(id) as ids from (
       select person, epoch, id from photos join placements using (person, epoch)
       where trashed_at <= $1 and part_of is null and placements.state = 'open' order by trashed_at limit $2
     ) as oldest group by person, epoch`,
    [before, limit],
  )
}

export interface TrashRow {
  id: string
  fileName: string | null
  mediaType: string | null
  kind: PhotoKind | null
  width: number | null
  height: number | null
  thumbnail: boolean
  thumbhash: Buffer | null
  trashedAt: Date
  /** With those of its parts. */
  sizeBytes: number
}

/** What was trashed last comes first. Costs the same at any depth. */
export function readTrash(
  db: Queryable,
  { person, epoch }: Placement,
  { after, limit }: { after?: TrashCursor | undefined; limit: number },
): Promise<TrashRow[]> {
  return db.query<TrashRow>(
    `select id, file_name as "fileName", media_type as "mediaType", kind, width, height,
            '256.webp' = any(renditions) as thumbnail, thumbhash, trashed_at as "trashedAt",
            (size_bytes + (select coalesce(sum(part.size_bytes), 0) from photos part where part.part_of = photos.id))::bigint
              as "sizeBytes"
     from photos
     where person = $1 and epoch = $2 and trashed_at is not null and part_of is null
       and (trashed_at, id) < (coalesce($3::timestamptz, 'infinity'), $4)
     order by trashed_at desc, id desc limit $5`,
    [person, epoch, after?.trashedAt ?? null, after?.id ?? '', limit],
  )
}

export interface Tombstone extends Placement {
  photo: string
  deletedAt: Date
}

export async function findTombstone(db: Queryable, photo: string): Promise<Tombstone | undefined> {
  const [row] = await db.query<Tombstone>(
    'select photo, person, epoch, deleted_at as "deletedAt" from tombstones where photo = $1',
    [photo],
  )
  return row
}

/** Nothing of it is in the bucket, and nothing comes any more. */
export async function markPurged(db: Queryable, photo: string, at: Date): Promise<void> {
  await db.query('update tombstones set purged_at = $2 where photo = $1', [photo, at])
}

/** Deleted before `before` and not known to be out of the bucket, the longest first. */
export async function findUnpurged(db: Queryable, before: Date, limit: number): Promise<string[]> {
  const rows = await db.query<{ photo: string }>(
    'select photo from tombstones where purged_at is null and deleted_at < $1 order by deleted_at limit $2',
    [before, limit],
  )
  return rows.map(({ photo }) => photo)
}
