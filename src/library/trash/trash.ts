/**
 * The trash: photos that their owner threw away, kept for a while and then deleted for good. Each step is one transaction that
 * looks first whether the placement may be written, locks the photos' rows in the order of their ids, and says in the feed what
 * it did. Whatever isn't the person's, isn't there or is in the wrong state already is passed over, so that each may be asked
 * for again. Rejects as `requireOpenPlacement` does.
 */
import { isId } from '../../core/ids.js'
import type { Placement } from '../../core/keys.js'
import { limits } from '../../core/limits.js'
import type { Database, Queryable } from '../../db/database.js'
import { appendChanges } from '../../feed/changes-sql.js'
import { requireOpenPlacement } from '../../regions/placements-sql.js'
import { type LockedWhole, lockWholes } from '../whole-photos-sql.js'
import { deleteForGood, lockLostContents, oldestInTrash, putIntoTrash, readTrash, restorePhotos } from './trash-sql.js'

/** Returns how many were put there: whole photos. */
export function trashPhotos(
  db: Database,
  placement: Placement,
  { photos, now }: { photos: readonly string[]; now: Date },
): Promise<number> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    const locked = await lockWholes(tx, placement, photos)
    const wholes = locked.filter(({ trashedAt }) => trashedAt === null)
    return doAndTell(tx, placement, { kind: 'trashed', wholes, now })
  })
}

/** Returns how many came back: whole photos. */
export function takeOutOfTrash(
  db: Database,
  placement: Placement,
  { photos, now }: { photos: readonly string[]; now: Date },
): Promise<number> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    return restorePhotos(tx, placement, photos, now)
  })
}

export interface Deleting {
  photos: readonly string[]
  now: Date
  /** Only those that have been in the trash since then or longer. */
  trashedBefore?: Date | undefined
}

/** Deletes those that are in the trash, for good. Returns how many: whole photos. Their objects go soon after, by a job. */
export function deleteTrashed(
  db: Database,
  placement: Placement,
  { photos, now, trashedBefore }: Deleting,
): Promise<number> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    await lockLostContents(tx, placement, photos)
    const locked = await lockWholes(tx, placement, photos, 'delete')
    const wholes = locked.filter(
      ({ trashedAt }) => trashedAt !== null && (!trashedBefore || trashedAt <= trashedBefore),
    )
    return doAndTell(tx, placement, { kind: 'deleted', wholes, now })
  })
}

const deeds = { trashed: putIntoTrash, deleted: deleteForGood }

interface Deed {
  kind: keyof typeof deeds
  wholes: readonly LockedWhole[]
  now: Date
}

/** Does it to these, with their parts, and tells each row's change. Returns how many there were: whole photos. */
async function doAndTell(tx: Queryable, placement: Placement, { kind, wholes, now }: Deed): Promise<number> {
  if (wholes.length === 0) return 0
  const ids = wholes.map(({ id }) => id)
  const photos = await deeds[kind](tx, ids, now)
  await appendChanges(tx, { ...placement, kind, photos, at: now })
  return wholes.length
}

export interface Emptying {
  now: Date
  /** Default, and the latest that counts: now. */
  before?: Date | undefined
}

/** All that is in the trash, in transactions of so many: one of a hundred thousand would keep everybody else waiting. */
const emptyBatch = 500

/**
 * Deletes all that has been in the trash since `before` or longer. What comes there later stays: its owner has not seen it there when
 * they asked. Cut off in the middle, it has deleted a part; asked again with the same `before`, it goes on.
 */
export async function emptyTrash(db: Database, placement: Placement, { now, before = now }: Emptying): Promise<number> {
  const trashedBefore = before < now ? before : now
  let deleted = 0
  for (;;) {
    const photos = await oldestInTrash(db, placement, { trashedBefore, limit: emptyBatch })
    if (photos.length === 0) return deleted
    deleted += await deleteTrashed(db, placement, { photos, now, trashedBefore })
  }
}

/** The last photo of the page before. */
export interface TrashCursor {
  readonly trashedAt: string
  readonly id: string
}

/** Undefined unless it was given by `listTrash`. */
export function parseTrashCursor(text: string): TrashCursor | undefined {
  const [trashedAt = '', id = '', ...rest] = text.split('~')
  const date = new Date(trashedAt)
  const isOurs = !Number.isNaN(date.getTime()) && date.toISOString() === trashedAt && isOfPostgres(trashedAt)
  return isOurs && isId(id) && rest.length === 0 ? { trashedAt, id } : undefined
}

/** JavaScript knows years beyond the four digits, and a year 0; Postgres doesn't. */
const isOfPostgres = (isoMoment: string): boolean => /^(?!0000)\d{4}-/.test(isoMoment)

export interface TrashedPhoto {
  id: string
  fileName: string | null
  mediaType: string | null
  kind: 'picture' | 'video' | null
  width: number | null
  height: number | null
  /** Whether there is the small picture that a grid shows. */
  thumbnail: boolean
  /** Base64. */
  thumbhash: string | null
  trashedAt: Date
  /** When it is deleted for good. */
  expiresAt: Date
  /** With its parts. */
  sizeBytes: number
}

/** A page of the trash, what was put there last first. */
export async function listTrash(
  db: Database,
  placement: Placement,
  { after, limit }: { after?: TrashCursor | undefined; limit: number },
): Promise<{ photos: TrashedPhoto[]; cursor: string | null }> {
  const rows = await readTrash(db, placement, { after, limit: limit + 1 })
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const photos = page.map(({ thumbhash, trashedAt, ...row }) => ({
    ...row,
    thumbhash: thumbhash?.toString('base64') ?? null,
    trashedAt,
    expiresAt: new Date(trashedAt.getTime() + limits.trashLifetimeMs),
  }))
  return { photos, cursor: last && rows.length > limit ? `${last.trashedAt.toISOString()}~${last.id}` : null }
}
