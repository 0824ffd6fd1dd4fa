/** The table of uploads. Every change of a held upload names its holder, so one that was overtaken changes nothing. */
import { limits } from '../core/limits.js'
import type { Queryable } from '../db/database.js'
import { commitError } from '../library/commit-sql.js'
import type { Bytes, Upload } from './upload.js'

const columns = `id, person, epoch, device, kind, state, size_bytes as "sizeBytes", offset_bytes as "offsetBytes", metadata,
  concat, sources, used_by as "usedBy", file_name as "fileName", media_type as "mediaType", modified_at as "modifiedAt", sha256,
  part_of as "partOf", role, keep_deleted as "keepDeleted", holder, hold, photo, tried, multipart, next_part as "nextPart", parts, pieces, staged, hash_state as "hashState",
  expires_at as "expiresAt", touched_at as "touchedAt", last_from as "lastFrom", stored_as as "storedAs", duplicate, deleted`

/** What a new row doesn't have of itself. */
export type NewUpload = Omit<Upload, keyof typeof blank | 'touchedAt'>

/**
 * Inserts it, by holder 1. undefined: with it the person would have more open uploads, or more bytes in them, than limits allow.
 * Creations that come at the very same time don't see each other.
 */
export async function insertUpload(db: Queryable, upload: NewUpload, now: Date): Promise<Upload | undefined> {
  const [row] = await db.query<{ id: string }>(
    `insert into uploads (id, person, epoch, device, kind, state, size_bytes, metadata, concat, sources, file_name, media_type,
       modified_at, sha256, hold, photo, expires_at, created_at, touched_at, part_of, role, keep_deleted, holder)
     select $1, $2, $3, $4, $5, $6, $7::bigint, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18, $21, $22, $23, 1
     from (select count(*) as uploads, coalesce(sum(coalesce(size_bytes, offset_bytes)), 0) as bytes from uploads
       where person = $2 and (state in ('open', 'finishing') or (kind = 'partial' and state = 'done' and used_by is null))) as open
     where open.uploads < $19 and open.bytes + coalesce($7::bigint, 0) <= $20
     returning id`,
    [
      upload.id,
      upload.person,
      upload.epoch,
      upload.device,
      upload.kind,
      upload.state,
      upload.sizeBytes,
      upload.metadata,
      upload.concat,
      upload.sources,
      upload.fileName,
      upload.mediaType,
      upload.modifiedAt,
      upload.sha256,
      upload.hold,
      upload.photo,
      upload.expiresAt,
      now,
      limits.openUploadsPerPerson,
      limits.openBytesPerPerson,
      upload.partOf,
      upload.role,
      upload.keepDeleted,
    ],
  )
  return row && { ...blank, ...upload, touchedAt: now }
}

/** What a new row has of itself; so it need not be read back. */
const blank = {
  holder: 1,
  offsetBytes: 0,
  usedBy: null,
  tried: [],
  multipart: null,
  nextPart: 1,
  parts: [],
  pieces: [],
  staged: false,
  hashState: null,
  lastFrom: null,
  storedAs: null,
  duplicate: null,
  deleted: null,
}

export async function findUpload(db: Queryable, id: string): Promise<Upload | undefined> {
  const [row] = await db.query<Upload>(`select ${columns} from uploads where id = $1`, [id])
  return row
}

/** In the order of `ids`; those that aren't there are left out. */
export async function findUploads(db: Queryable, ids: readonly string[]): Promise<Upload[]> {
  const rows = await db.query<Upload>(`select ${columns} from uploads where id = any($1)`, [ids])
  const byId = new Map(rows.map(row => [row.id, row]))
  return ids.flatMap(id => byId.get(id) ?? [])
}

/** The final upload of these very partial ones, if there is one that goes on or is done. */
export async function findFinal(
  db: Queryable,
  person: string,
  sources: readonly string[],
): Promise<Upload | undefined> {
  const [row] = await db.query<Upload>(
    `select ${columns} from uploads
     where person = $1 and kind = 'final' and sources = $2 and state in ('finishing', 'done')
     order by state = 'done' desc, created_at limit 1`,
    [person, sources],
  )
  return row
}

/** Partial uploads live as long as the final one that needs their bytes. */
export async function extendLives(db: Queryable, ids: readonly string[], expiresAt: Date): Promise<void> {
  await db.query('update uploads set expires_at = greatest(expires_at, $2) where id = any($1)', [ids, expiresAt])
}

/**
 * Takes the hold of an upload that is just as its caller believes and that nobody holds, without a look at it before. undefined: it
 * isn't, and a look will tell why.
 */
export async function takeFree(
  db: Queryable,
  { person, epoch }: { person: string; epoch: number },
  request: { id: string; offset: number; bodyBytes?: number | undefined; sizeBytes?: number | undefined },
  now: Date,
): Promise<Upload | undefined> {
  const [row] = await db.query<Upload>(
    `update uploads set holder = holder + 1, hold = 'held', touched_at = $6
     where id = $1 and person = $2 and epoch = $3 and offset_bytes = $4 and hold = 'free' and state = 'open' and expires_at > $6
       and ($4::bigint + coalesce($5::bigint, 0) <= size_bytes or size_bytes is null) and ($7::bigint is null or size_bytes = $7)
     returning ${columns}`,
    [request.id, person, epoch, request.offset, request.bodyBytes, now, request.sizeBytes],
  )
  return row
}

/**
 * Takes the hold from the state that was read: compare-and-set on (offset, holder). undefined: it moved on, read again.
 * After an end that wasn't clean the names that late effects could still reach are given up; the number of a part only when
 * `skipsPart`.
 */
export async function takeHold(
  db: Queryable,
  seen: Upload,
  { freshPhoto, skipsPart }: { freshPhoto: string; skipsPart: boolean },
  now: Date,
): Promise<Upload | undefined> {
  const [row] = await db.query<Upload>(
    `update uploads set holder = holder + 1, hold = 'held', touched_at = $5,
       tried = case when hold <> 'free' and multipart is null then tried || photo else tried end,
       photo = case when hold <> 'free' and multipart is null then $4 else photo end,
       next_part = case when hold <> 'free' and $6 then next_part + 1 else next_part end
     where id = $1 and offset_bytes = $2 and holder = $3 and state in ('open', 'finishing') returning ${columns}`,
    [seen.id, seen.offsetBytes, seen.holder, freshPhoto, now, skipsPart],
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
  sizeBytes?: number | null
  sha256?: Buffer | null
  multipart?: string | null
  hashState?: Buffer | null
  /** `done` only for a partial one. */
  state?: 'finishing' | 'done'
  staged?: boolean
  /** The request that brought the last byte began there. */
  lastFrom?: number
  /** Lets go of it as well. */
  release?: boolean
}

/** Records bytes that have become durable. undefined: overtaken, and nothing was recorded. */
export async function recordProgress(
  db: Queryable,
  held: Upload,
  progress: Progress,
  now: Date,
): Promise<Upload | undefined> {
  const [row] = await db.query<{ id: string }>(
    `update uploads set offset_bytes = $4, parts = $5, pieces = $6, staged = staged or $6::jsonb <> '[]' or $7, next_part = $8,
       multipart = coalesce($9, multipart), hash_state = coalesce($10, hash_state), state = coalesce($11, state),
       size_bytes = coalesce(size_bytes, $12), last_from = coalesce($13, last_from), touched_at = $14, sha256 = coalesce(sha256, $16),
       hold = case when $15 then 'free' else hold end
     where id = $1 and holder = $2 and offset_bytes = $3 and state in ('open', 'finishing') returning id`,
    [
      held.id,
      held.holder,
      held.offsetBytes,
      progress.offsetBytes,
      JSON.stringify(progress.parts),
      JSON.stringify(progress.pieces),
      progress.staged ?? false,
      progress.nextPart,
      progress.multipart ?? null,
      progress.hashState ?? null,
      progress.state ?? null,
      progress.sizeBytes ?? null,
      progress.lastFrom ?? null,
      now,
      progress.release ?? false,
      progress.sha256 ?? null,
    ],
  )
  if (!row) return undefined
  const { staged = false, release = false, sizeBytes, sha256, multipart, hashState, lastFrom, ...rest } = progress
  return {
    ...held,
    ...rest,
    staged: held.staged || staged || progress.pieces.length > 0,
    multipart: multipart ?? held.multipart,
    hashState: hashState ?? held.hashState,
    sizeBytes: held.sizeBytes ?? sizeBytes ?? null,
    sha256: held.sha256 ?? sha256 ?? null,
    lastFrom: lastFrom ?? held.lastFrom,
    hold: release ? 'free' : held.hold,
    touchedAt: now,
  }
}

/**
 * The commit: the upload is done, and its content is a photo, all in one transaction (`finish_upload` in the migrations).
 * undefined: overtaken, and nothing was written.
 */
export async function finishUpload(
  db: Queryable,
  held: Upload,
  facts: { sha256: Buffer; sizeBytes: number; lastFrom: number },
  now: Date,
): Promise<Upload | undefined> {
  const { sha256, sizeBytes, lastFrom } = facts
  const [row] = await db
    .query<Pick<Upload, 'storedAs' | 'duplicate' | 'deleted'>>(
      'select photo as "storedAs", duplicate, deleted from finish_upload($1, $2, $3, $4, $5, $6)',
      [held.id, held.holder, sha256, sizeBytes, lastFrom, now],
    )
    .catch(error => {
      throw commitError(error)
    })
  return (
    row && { ...held, ...row, state: 'done', hold: 'free', sizeBytes, offsetBytes: sizeBytes, lastFrom, touchedAt: now }
  )
}

export interface Ending {
  /** Only while this one holds it; default: whoever does. */
  holder?: number
  /** Of one that is stored its receipt goes; the photo stays. Default: it is left as it is. */
  alsoStored?: boolean
}

/** Ends it for good. undefined: it is stored, part of a final one, ended already, overtaken, or not there. */
export async function recordEnded(
  tx: Queryable,
  id: string,
  { holder, alsoStored = false }: Ending,
  now: Date,
): Promise<Upload | undefined> {
  const [row] = await tx.query<Upload>(
    `update uploads set state = 'ended', hold = 'free', holder = holder + 1, touched_at = $2
     where id = $1 and used_by is null and (state in ('open', 'finishing') or (state = 'done' and (kind = 'partial' or $4)))
       and holder = coalesce($3, holder)
     returning ${columns}`,
    [id, now, holder ?? null, alsoStored],
  )
  return row
}
