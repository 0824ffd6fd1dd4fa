/** What workers read and write of a photo. A photo leaves `stored` once, for `ready` or `unreadable`; each is told in the feed. */
import type { Database, Queryable } from '../db/database.js'
import { appendChange } from '../feed/changes-sql.js'
import type { PhotoFacts } from './photo-facts.js'

/** A photo that waits for its renditions. */
export interface Work {
  id: string
  person: string
  epoch: number
  sha256: Buffer
  sizeBytes: number
  /** This one included. */
  attempts: number
}

/**
 * Counts an attempt before it begins, so that a photo whose decoding kills the process is not tried for ever. undefined: it
 * waits no longer.
 */
export async function beginAttempt(db: Queryable, photo: string): Promise<Work | undefined> {
  const [row] = await db.query<Work>(
    `update photos set attempts = attempts + 1 where id = $1 and state = 'stored'
     returning id, person, epoch, sha256, size_bytes as "sizeBytes", attempts`,
    [photo],
  )
  return row
}

/** For an attempt that ended through no fault of the photo. */
export async function forgetAttempt(db: Queryable, photo: string): Promise<void> {
  await db.query(`update photos set attempts = greatest(attempts - 1, 0) where id = $1 and state = 'stored'`, [photo])
}

export interface Ready {
  mediaType: string
  width: number
  height: number
  thumbhash: Buffer
  recipe: number
  facts: PhotoFacts
}

export async function recordReady(db: Database, work: Work, ready: Ready, now: Date): Promise<void> {
  const { facts } = ready
  const exposure = {
    exposureSeconds: facts.exposureSeconds,
    fNumber: facts.fNumber,
    iso: facts.iso,
    focalLengthMm: facts.focalLengthMm,
  }
  const hasExposure = Object.values(exposure).some(value => value !== null)
  await db.transaction(async tx => {
    const changed = await tx.query(
      `update photos set state = 'ready', verified_at = $2, media_type = $3, width = $4, height = $5, thumbhash = $6,
         recipe = $7, taken_at = $8, taken_offset_minutes = $9, shown_at = coalesce($8::timestamp, shown_at), camera_make = $10,
         camera_model = $11, lens = $12, exposure = $13, latitude = $14, longitude = $15
       where id = $1 and state = 'stored' returning id`,
      [
        work.id,
        now,
        ready.mediaType,
        ready.width,
        ready.height,
        ready.thumbhash,
        ready.recipe,
        facts.takenAt,
        facts.takenOffsetMinutes,
        facts.cameraMake,
        facts.cameraModel,
        facts.lens,
        hasExposure ? JSON.stringify(exposure) : null,
        facts.latitude,
        facts.longitude,
      ],
    )
    if (changed.length > 0) await appendChange(tx, { ...work, kind: 'ready', photo: work.id, at: now })
  })
}

/** `reason`: one public sentence. `verified`: whether the original was read whole and its hash was right. */
export async function recordUnreadable(
  db: Database,
  work: Work,
  { reason, verified, mediaType }: { reason: string; verified: boolean; mediaType: string | null },
  now: Date,
): Promise<void> {
  await db.transaction(async tx => {
    const changed = await tx.query(
      `update photos set state = 'unreadable', reason = $2, verified_at = $3, media_type = $4
       where id = $1 and state = 'stored' returning id`,
      [work.id, reason, verified ? now : null, mediaType],
    )
    if (changed.length > 0) await appendChange(tx, { ...work, kind: 'unreadable', photo: work.id, at: now })
  })
}

/** Photos that have waited since before `before`, oldest first: what the queue may have lost. */
export async function findWaiting(db: Queryable, before: Date, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from photos where state = 'stored' and stored_at < $1 order by stored_at limit $2`,
    [before, limit],
  )
  return rows.map(({ id }) => id)
}

/** Which of these ids are photos. */
export async function existingPhotos(db: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>('select id from photos where id = any($1)', [ids])
  return new Set(rows.map(({ id }) => id))
}
