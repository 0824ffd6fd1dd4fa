/** The table of uploads. Every change of a held upload names its holder, so one that was overtaken changes nothing. */
import type { Database, Queryable } from '../db/database.js'
import { type Bytes, lateEffectsMs, type Upload } from './upload.js'

const columns = `id, person, epoch, device, state, size_bytes as "sizeBytes", offset_bytes as "offsetBytes", metadata,
  file_name as "fileName", media_type as "mediaType", modified_at as "modifiedAt", sha256, holder, hold, photo, tried,
  multipart, next_part as "nextPart", parts, pieces, staged, hash_state as "hashState", expires_at as "expiresAt", touched_at as "touchedAt",
  stored_as as "storedAs", duplicate`

export type NewUpload = Pick<
  Upload,
  | 'id'
  | 'person'
  | 'epoch'
  | 'device'
  | 'sizeBytes'
  | 'metadata'
  | 'fileName'
  | 'mediaType'
  | 'modifiedAt'
  | 'sha256'
  | 'photo'
  | 'expiresAt'
>

/** Inserts it already held (holder 1), since its creator goes on to write to it. */
export async function insertUpload(db: Queryable, upload: NewUpload, now: Date): Promise<Upload> {
  const [row] = await db.query<Upload>(
    `insert into uploads (id, person, epoch, device, size_bytes, metadata, file_name, media_type, modified_at, sha256, photo,
       expires_at, created_at, touched_at, holder, hold)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, 1, 'held') returning ${columns}`,
    [
      upload.id,
      upload.person,
      upload.epoch,
      upload.device,
      upload.sizeBytes,
      upload.metadata,
      upload.fileName,
      upload.mediaType,
      upload.modifiedAt,
      upload.sha256,
      upload.photo,
      upload.expiresAt,
      now,
    ],
  )
  return row as Upload
}

export async function findUpload(db: Queryable, id: string): Promise<Upload | undefined> {
  const [row] = await db.query<Upload>(`select ${columns} from uploads where id = $1`, [id])
  return row
}

export async function openTotals(db: Queryable, person: string): Promise<{ count: number; bytes: number }> {
  const [row] = await db.query<{ count: number; bytes: number }>(
    `select count(*)::int as count, coalesce(sum(size_bytes), 0)::float8 as bytes from uploads
     where person = $1 and state in ('open', 'finishing')`,
    [person],
  )
  return row as { count: number; bytes: number }
}

/**
 * Takes the hold from the state that was read: compare-and-set on (offset, holder). undefined: it moved on, read again.
 * After an end that wasn't clean the names that late effects could still reach are given up.
 */
export async function takeHold(
  db: Queryable,
  seen: Upload,
  freshPhoto: string,
  now: Date,
): Promise<Upload | undefined> {
  const [row] = await db.query<Upload>(
    `update uploads set holder = holder + 1, hold = 'held', touched_at = $5,
       tried = case when hold <> 'free' and multipart is null then tried || photo else tried end,
       photo = case when hold <> 'free' and multipart is null then $4 else photo end,
       next_part = case when hold <> 'free' then next_part + 1 else next_part end
     where id = $1 and offset_bytes = $2 and holder = $3 and state in ('open', 'finishing') returning ${columns}`,
    [seen.id, seen.offsetBytes, seen.holder, freshPhoto, now],
  )
  return row
}

/** Gives the hold back. Does nothing when it was taken by another meanwhile. */
export async function releaseHold(
  db: Queryable,
  { id, holder }: Upload,
  hold: 'free' | 'unsure',
  now: Date,
): Promise<void> {
  await db.query(`update uploads set hold = $3, touched_at = $4 where id = $1 and holder = $2 and hold = 'held'`, [
    id,
    holder,
    hold,
    now,
  ])
}

/** Says that whoever holds it is still at it. */
export async function touchHold(db: Queryable, { id, holder }: Upload, now: Date): Promise<void> {
  await db.query(`update uploads set touched_at = $3 where id = $1 and holder = $2 and hold = 'held'`, [
    id,
    holder,
    now,
  ])
}

export interface Progress extends Bytes {
  multipart?: string
  hashState?: Buffer
  state?: 'finishing'
}

/** Records bytes that have become durable. undefined: overtaken, and nothing was recorded. */
export async function recordProgress(
  db: Queryable,
  held: Upload,
  progress: Progress,
  now: Date,
): Promise<Upload | undefined> {
  const [row] = await db.query<Upload>(
    `update uploads set offset_bytes = $4, parts = $5, pieces = $6, staged = staged or $6::jsonb <> '[]', next_part = $7, multipart = coalesce($8, multipart),
       hash_state = coalesce($9, hash_state), state = coalesce($10, state), touched_at = $11
     where id = $1 and holder = $2 and offset_bytes = $3 and state in ('open', 'finishing') returning ${columns}`,
    [
      held.id,
      held.holder,
      held.offsetBytes,
      progress.offsetBytes,
      JSON.stringify(progress.parts),
      JSON.stringify(progress.pieces),
      progress.nextPart,
      progress.multipart ?? null,
      progress.hashState ?? null,
      progress.state ?? null,
      now,
    ],
  )
  return row
}

/** Within the commit's transaction. undefined: overtaken, and the transaction must be rolled back. */
export async function recordDone(
  tx: Queryable,
  held: Upload,
  { photo, duplicate }: { photo: string; duplicate: boolean },
  now: Date,
): Promise<Upload | undefined> {
  const [row] = await tx.query<Upload>(
    `update uploads set state = 'done', hold = 'free', offset_bytes = size_bytes, stored_as = $3, duplicate = $4, touched_at = $5
     where id = $1 and holder = $2 and state in ('open', 'finishing') returning ${columns}`,
    [held.id, held.holder, photo, duplicate, now],
  )
  return row
}

/** Ends it for good, whoever holds it. undefined: it was done or ended already, or is not there. */
export async function recordEnded(tx: Queryable, id: string, now: Date): Promise<Upload | undefined> {
  const [row] = await tx.query<Upload>(
    `update uploads set state = 'ended', hold = 'free', holder = holder + 1, touched_at = $2
     where id = $1 and state in ('open', 'finishing') returning ${columns}`,
    [id, now],
  )
  return row
}

export async function deleteUpload(db: Queryable, id: string): Promise<void> {
  await db.query('delete from uploads where id = $1', [id])
}

/**
 * Uploads past their time: to be ended, and later, when no late effect can come any more, to be removed. Each goes to one caller,
 * and comes up again after `againMs` until its row is gone.
 */
export async function claimExpired(
  db: Database,
  now: Date,
  { againMs, limit }: { againMs: number; limit: number },
): Promise<Pick<Upload, 'id' | 'state'>[]> {
  return db.query<Pick<Upload, 'id' | 'state'>>(
    `update uploads set swept_at = $1 where id in (
       select id from uploads
       where expires_at < $1 and (state in ('open', 'finishing') or expires_at < $2)
         and (swept_at is null or swept_at < $3)
       order by expires_at limit $4 for update skip locked
     ) returning id, state`,
    [now, new Date(now.getTime() - lateEffectsMs), new Date(now.getTime() - againMs), limit],
  )
}

/** Uploads whose last byte is durable and whose commit didn't come: `touched_at` before `before`. */
export async function findUnfinished(db: Database, before: Date, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from uploads where state = 'finishing' and touched_at < $1 order by touched_at limit $2`,
    [before, limit],
  )
  return rows.map(({ id }) => id)
}
