/** The trash, in the tables `photos` and `tombstones`. What is in it goes along with its parts, always. */
import type { Placement } from '../../core/keys.js'
import type { Queryable } from '../../db/database.js'
import type { PhotoKind } from '../photo.js'
import type { TrashCursor } from './trash.js'

/** Those of the whole photos that aren't there yet, with their parts; they must be locked. Returns all that went, parts as well, by id. */
export async function putIntoTrash(
  tx: Queryable,
  wholes: readonly string[],
  at: Date,
): Promise<{ rows: string[]; wholes: number }> {
  const rows = await tx.query<{ id: string; isPart: boolean }>(
    `update photos set trashed_at = $2 where (id = any($1) or part_of = any($1)) and trashed_at is null
     returning id, part_of is not null as "isPart"`,
    [wholes, at],
  )
  return { rows: rows.map(({ id }) => id).toSorted(), wholes: rows.filter(({ isPart }) => !isPart).length }
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
 * Deletes whole photos, which must be locked, with their parts: of each a tombstone is left, and a job that removes what the bucket
 * has of it. A sidecar's keeps no bytes away, since those of another photo may be the same. Returns all that went, by id.
 */
export async function deleteForGood(tx: Queryable, wholes: readonly string[], at: Date): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `with gone as (
       delete from photos where id = any($1) or part_of = any($1) returning id, person, epoch, sha256, role
     ), stones as (
       insert into tombstones (photo, person, epoch, sha256, deleted_at, lifted_at)
       select id, person, epoch, sha256, $2, case when role = 'sidecar' then $2::timestamptz end from gone
     ), jobs as (
       insert into outbox (job, data) select 'purge', jsonb_build_object('photo', id) from gone
     )
     select id from gone order by id`,
    [wholes, at],
  )
  return rows.map(({ id }) => id)
}

/** Whole photos in the trash of this placement, those that have been there longest first. */
export async function oldestInTrash(db: Queryable, { person, epoch }: Placement, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from photos where person = $1 and epoch = $2 and trashed_at is not null and part_of is null
     order by trashed_at, id limit $3`,
    [person, epoch, limit],
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
