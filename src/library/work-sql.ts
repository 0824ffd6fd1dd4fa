/**
 * What workers read and write of a photo. A photo leaves `stored` once, for `ready`, `unreadable` or `quarantined`; each is told in
 * the feed. One that is ready is worked on again when its renditions are of an older recipe, and stays ready meanwhile.
 */
import { hasConsent } from '../accounts/consents-sql.js'
import type { PartRole } from '../core/part-roles.js'
import type { PhotoState } from '../core/photo-state.js'
import type { Database, Queryable } from '../db/database.js'
import { appendChange } from '../feed/changes-sql.js'
import { requireOpenPlacement } from '../regions/placements-sql.js'
import { editedColumns } from './edits/edit.js'
import { lockHalves, pairLive } from './live-sql.js'
import type { PhotoFacts } from './photo-facts.js'
import { applySidecars } from './sidecars-sql.js'

/** A photo that waits for its renditions, or for those of a new recipe. */
export interface Work {
  id: string
  person: string
  epoch: number
  sha256: Buffer
  /** Which part of a photo it is, when it is one. */
  role: PartRole | null
  /** This one included: those that began and never ended, since whoever was at it died. */
  attempts: number
  /** Of the renditions that exist, as in Photo. */
  recipe: number | null
}

/** Counts an attempt before it begins, so that a photo that kills workers is not tried for ever. undefined: it waits no longer. */
export async function beginAttempt(db: Queryable, photo: string, recipe: number): Promise<Work | undefined> {
  const [row] = await db.query<Work>(
    `update photos set attempts = attempts + 1 where id = $1 and (state = 'stored' or (state = 'ready' and recipe < $2))
     returning id, person, epoch, sha256, role, attempts, photos.recipe`,
    [photo, recipe],
  )
  return row
}

/** The attempt has come to an end that isn't the photo's. */
export async function endAttempt(db: Queryable, photo: string): Promise<void> {
  await db.query('update photos set attempts = greatest(attempts - 1, 0) where id = $1', [photo])
}

/** The attempt broke what decoded it. Returns how often that has happened. */
export async function countBreak(db: Queryable, photo: string): Promise<number> {
  const [row] = await db.query<{ breaks: number }>(
    'update photos set attempts = greatest(attempts - 1, 0), breaks = breaks + 1 where id = $1 returning breaks',
    [photo],
  )
  return row?.breaks ?? 0
}

export interface Ready {
  kind: 'picture' | 'video'
  mediaType: string
  width: number | null
  height: number | null
  durationMs: number | null
  thumbhash: Buffer | null
  recipe: number
  /** Their names. */
  renditions: readonly string[]
  look: { phash: bigint; detail: Buffer } | null
  facts: PhotoFacts
  /** Why there are no renditions, in one public sentence. */
  reason: string | null
}

/**
 * What its owner wrote goes before what the file says. Resolves with whether the photo is still there: one that was deleted meanwhile
 * has no use for its renditions.
 */
export async function recordReady(db: Database, work: Work, ready: Ready, now: Date): Promise<boolean> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, work.person, work.epoch)
    const place = await placeOf(tx, work, ready.facts)
    const { live } = ready.facts
    const half = { ...work, kind: ready.kind }
    const other = live === null ? undefined : await lockHalves(tx, { ...half, live })
    const columns = { ...columnsOf(ready), ...place, verified_at: now }
    const names = Object.keys(columns)
    const values = names.map((name, index) => valueIn(name, `$${index + 3}`))
    const [changed] = await tx.query<{ partOf: string | null; role: PartRole | null }>(
      `update photos set (${names.join(', ')}) = row(${values.join(', ')}),
         shown_at = coalesce(${values[names.indexOf('taken_at')]}, shown_at), attempts = 0, breaks = 0, state = 'ready', compared_at = null
       where id = $1 and (state = 'stored' or (state = 'ready' and recipe < $2)) returning part_of as "partOf", role`,
      [work.id, ready.recipe, ...Object.values(columns)],
    )
    if (!changed) return (await existingPhotos(tx, [work.id])).size > 0
    await applySidecars(tx, work.id)
    if (other !== undefined) await pairLive(tx, half, other, now)
    await appendChange(tx, { ...work, kind: 'ready', photo: work.id, at: now })
    // People see its edit where they saw the photo.
    const { partOf, role } = changed
    if (role === 'edit' && partOf !== null) await appendChange(tx, { ...work, kind: 'edited', photo: partOf, at: now })
    if (other !== undefined) await appendChange(tx, { ...work, kind: 'ready', photo: other, at: now })
    return true
  })
}

/** The column's value: the parameter, or what its owner wrote instead. */
function valueIn(column: string, parameter: string): string {
  const type = editedColumns[column]
  if (type === undefined) return parameter
  return `case when edits ? '${column}' then (edits->>'${column}')::${type} else ${parameter}::${type} end`
}

function columnsOf({ facts, look, ...ready }: Ready) {
  const { exposureSeconds, fNumber, iso, focalLengthMm } = facts
  const exposure = { exposureSeconds, fNumber, iso, focalLengthMm }
  const hasExposure = Object.values(exposure).some(value => value !== null)
  return {
    kind: ready.kind,
    media_type: ready.mediaType,
    width: ready.width,
    height: ready.height,
    duration_ms: ready.durationMs,
    thumbhash: ready.thumbhash,
    recipe: ready.recipe,
    renditions: ready.renditions,
    reason: ready.reason,
    taken_at: facts.takenAt,
    taken_offset_minutes: facts.takenOffsetMinutes,
    camera_make: facts.cameraMake,
    camera_model: facts.cameraModel,
    lens: facts.lens,
    exposure: hasExposure ? JSON.stringify(exposure) : null,
    rating: facts.rating,
    description: facts.description,
    burst: facts.burst,
    live: facts.live,
    motion: facts.motion && JSON.stringify(facts.motion),
    // The database's integers have a sign.
    phash: look && BigInt.asIntN(64, look.phash),
    look: look?.detail ?? null,
  }
}

/** Where a photo was taken is kept only while its owner agrees: also what a sidecar says, so it is asked of those without a place. */
async function placeOf(tx: Queryable, { person }: Work, { latitude, longitude }: PhotoFacts) {
  return (await hasConsent(tx, person, 'places')) ? { latitude, longitude } : { latitude: null, longitude: null }
}

export interface Verdict {
  state: Extract<PhotoState, 'unreadable' | 'quarantined'>
  /** One public sentence. */
  reason: string
  /** Whether the original was read whole and its hash was right. */
  verified: boolean
  /** The original is missing or damaged: whoever still has this content may send it again, and it becomes a photo anew. */
  lost: boolean
  mediaType: string | null
}

/**
 * A photo that is ready stays so, whatever a newer recipe makes of it, unless its original is lost. Resolves with whether it was said
 * of the photo: not of one that was deleted meanwhile.
 */
export async function recordVerdict(db: Database, work: Work, verdict: Verdict, now: Date): Promise<boolean> {
  const { state, reason, verified, lost, mediaType } = verdict
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, work.person, work.epoch)
    const changed = await tx.query(
      `update photos set state = $2, reason = $3, verified_at = $4, media_type = coalesce($5, media_type), lost = $6
       where id = $1 and (state = 'stored' or ($6 and state = 'ready')) returning id`,
      [work.id, state, reason, verified ? now : null, mediaType, lost],
    )
    if (changed.length === 0) return false
    await appendChange(tx, { ...work, kind: state, photo: work.id, at: now })
    return true
  })
}

/** Photos that were last handed to the queue before `before` and still wait, the longest first: what the queue may have lost. */
export function claimWaiting(db: Queryable, before: Date, limit: number, now: Date): Promise<string[]> {
  return claim(db, `state = 'stored' and queued_at < $1`, 'queued_at', [before, limit, now])
}

/** The same for photos whose renditions are of an older recipe than `recipe`, the oldest recipe first: in the order of the index. */
export function claimOutdated(
  db: Queryable,
  { recipe, attemptsMax, breaksMax }: { recipe: number; attemptsMax: number; breaksMax: number },
  before: Date,
  limit: number,
  now: Date,
): Promise<string[]> {
  const condition = `state = 'ready' and recipe < $4 and attempts <= $5 and breaks < $6 and queued_at < $1`
  return claim(db, condition, 'recipe, queued_at', [before, limit, now, recipe, attemptsMax, breaksMax])
}

/** What is claimed comes up again only after its turn, so that those beyond the limit are reached as well. */
async function claim(db: Queryable, condition: string, order: string, values: readonly unknown[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `update photos set queued_at = $3 where id in (
       select id from photos where ${condition} order by ${order} limit $2 for update skip locked
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
