/**
 * What workers read and write of a photo. A photo leaves `stored` once, for `ready` or `unreadable`; each is told in the feed. One
 * that is ready is worked on again when its renditions are of an older recipe, and stays ready meanwhile.
 */
import type { Database, Queryable } from '../db/database.js'
import { appendChange } from '../feed/changes-sql.js'
import { requireOpenPlacement } from '../regions/placements-sql.js'
import type { PhotoFacts } from './photo-facts.js'

/** A photo that waits for its renditions, or for those of a new recipe. */
export interface Work {
  id: string
  person: string
  epoch: number
  sha256: Buffer
  /** This one included. */
  attempts: number
}

/**
 * Counts an attempt before it begins, so that a photo whose decoding kills the process is not tried for ever. undefined: it
 * waits no longer.
 */
export async function beginAttempt(db: Queryable, photo: string, recipe: number): Promise<Work | undefined> {
  const [row] = await db.query<Work>(
    `update photos set attempts = attempts + 1 where id = $1 and (state = 'stored' or (state = 'ready' and recipe < $2))
     returning id, person, epoch, sha256, attempts`,
    [photo, recipe],
  )
  return row
}

/** For an attempt that ended through no fault of the photo. */
export async function forgetAttempt(db: Queryable, photo: string): Promise<void> {
  await db.query(`update photos set attempts = greatest(attempts - 1, 0) where id = $1`, [photo])
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
    await requireOpenPlacement(tx, work.person, work.epoch)
    const changed = await tx.query(
      `update photos set state = 'ready', verified_at = $2, media_type = $3, width = $4, height = $5, thumbhash = $6,
         recipe = $7, taken_at = $8, taken_offset_minutes = $9, shown_at = coalesce($8::timestamp, shown_at), camera_make = $10,
         camera_model = $11, lens = $12, exposure = $13, latitude = $14, longitude = $15, attempts = 0
       where id = $1 and (state = 'stored' or (state = 'ready' and recipe < $7)) returning id`,
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

export interface Verdict {
  /** One public sentence. */
  reason: string
  /** Whether the original was read whole and its hash was right. */
  verified: boolean
  /** The original is missing or damaged: whoever still has this content may send it again, and it becomes a photo anew. */
  lost: boolean
  mediaType: string | null
}

export async function recordUnreadable(db: Database, work: Work, verdict: Verdict, now: Date): Promise<void> {
  const { reason, verified, lost, mediaType } = verdict
  await db.transaction(async tx => {
    await requireOpenPlacement(tx, work.person, work.epoch)
    const changed = await tx.query(
      `update photos set state = 'unreadable', reason = $2, verified_at = $3, media_type = $4, lost = $5
       where id = $1 and (state = 'stored' or ($5 and state = 'ready')) returning id`,
      [work.id, reason, verified ? now : null, mediaType, lost],
    )
    if (changed.length > 0) await appendChange(tx, { ...work, kind: 'unreadable', photo: work.id, at: now })
  })
}

/** Photos that were last handed to the queue before `before` and still wait, the longest first: what the queue may have lost. */
export function claimWaiting(db: Queryable, before: Date, limit: number, now: Date): Promise<string[]> {
  return claim(db, `state = 'stored' and queued_at < $1`, [before, limit, now])
}

/** The same for photos whose renditions are of an older recipe than `recipe`. */
export function claimOutdated(
  db: Queryable,
  { recipe, attemptsMax }: { recipe: number; attemptsMax: number },
  before: Date,
  limit: number,
  now: Date,
): Promise<string[]> {
  const condition = `state = 'ready' and recipe < $4 and attempts <= $5 and queued_at < $1`
  return claim(db, condition, [before, limit, now, recipe, attemptsMax])
}

/** What is claimed comes up again only after its turn, so that those beyond the limit are reached as well. */
async function claim(db: Queryable, condition: string, values: readonly unknown[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `update photos set queued_at = $3 where id in (
       select id from photos where ${condition} order by queued_at limit $2 for update skip locked
     ) returning id`,
    values,
  )
  return rows.map(({ id }) => id)
}

/** Which of these ids are photos. */
export async function existingPhotos(db: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>('select id from photos where id = any($1)', [ids])
  return new Set(rows.map(({ id }) => id))
}
