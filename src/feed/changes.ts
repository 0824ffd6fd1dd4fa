/**
 * A person's feed: one sequence of changes, and the cursor that says how far somebody has read. Each change comes with what the
 * thing it is about is now, so whoever applies them in order, from nothing or from a cursor, ends with what the library holds.
 *
 * Numbers rise without gaps as changes are made. Compaction (compact-sql.ts) removes old ones that a later one makes needless, and
 * forgets old deletions: up to the feed's floor. A reader that may have missed one of these is told to begin anew.
 */
import { AppError } from '../core/errors.js'
import type { Placement } from '../core/keys.js'
import { limits } from '../core/limits.js'
import type { PhotoState } from '../core/photo-state.js'
import type { Queryable } from '../db/database.js'
import { selectChanges } from './changes-sql.js'
import { selectEntries } from './entries-sql.js'

/** What became of the photo; a state that it reached. */
export type PhotoChangeKind = PhotoState | 'edited' | 'trashed' | 'restored' | 'deleted'
/** It was made or renamed; it was deleted. */
export type AlbumChangeKind = 'album' | 'album_deleted'
/** The photo came into the album, or left it. */
export type MemberChangeKind = 'added' | 'removed'
export type ChangeKind = PhotoChangeKind | AlbumChangeKind | MemberChangeKind

export interface Change {
  /** From 1, on through every epoch. */
  seq: number
  kind: ChangeKind
  /** Null when it is about an album. */
  photo: string | null
  /** Null when it is about a photo alone. */
  album: string | null
  at: Date
}

/** Compared by epoch, then by seq. */
export interface Cursor {
  readonly epoch: number
  readonly seq: number
  /** Of a reader that began with nothing: deletions up to here are none that it could have missed. Absent when `seq` is beyond it. */
  readonly base?: number
}

export interface ChangesPage {
  /** `now` is JSON: what the thing is now, null when it is gone. Its fields: entries-sql.ts. */
  changes: (Change & { now: string })[]
  /** After the last of them. */
  cursor: Cursor
  /** Whether there was more when it was read. */
  more: boolean
  /** The cursor was too old, so this is the feed from the start: what it doesn't name by its end is not there any more. */
  reset: boolean
}

/** At most `limit` changes after the cursor, or from the start; `invalid` for a cursor that this feed never gave. */
export async function readChanges(
  db: Queryable,
  placement: Placement,
  since: Cursor | undefined,
  limit: number = limits.pageEntries,
): Promise<ChangesPage> {
  const { epoch } = placement
  if (since && since.epoch > epoch) {
    throw new AppError('invalid', 'The cursor is not one of this feed. Ask again without it')
  }
  // Sequences go on from one epoch to the next, so a cursor of an earlier one counts as it is. Whoever begins misses nothing.
  const from = since ? { seq: since.seq, base: since.base ?? 0 } : { seq: 0, base: Number.MAX_SAFE_INTEGER }
  const { changes: found, end, floor, counted } = await selectChanges(db, placement, from, limit + 1)
  const more = found.length > limit
  const changes = more ? found.slice(0, limit) : found
  const seq = more ? (changes.at(-1)?.seq ?? 0) : end
  const base = since && counted ? (since.base ?? 0) : floor
  return {
    // Read after the changes: an entry may be newer than its change, and the one that made it so comes later.
    changes: await withEntries(db, placement, changes),
    cursor: base > seq ? { epoch, seq, base } : { epoch, seq },
    more,
    reset: !counted,
  }
}

async function withEntries(
  db: Queryable,
  placement: Placement,
  changes: readonly Change[],
): Promise<ChangesPage['changes']> {
  const entryOf = await selectEntries(db, placement, changes)
  return changes.map(change => ({ ...change, now: entryOf(change) }))
}

/** "<epoch>.<seq>", or "<epoch>.<seq>.<base>"; opaque to whoever gets it. */
export function formatCursor({ epoch, seq, base }: Cursor): string {
  return base === undefined ? `${epoch}.${seq}` : `${epoch}.${seq}.${base}`
}

const epochMax = 2 ** 31 - 1

/** Undefined unless formatCursor could have written it. */
export function parseCursor(text: string): Cursor | undefined {
  const match = /^([1-9]\d{0,9})\.(0|[1-9]\d{0,15})(?:\.([1-9]\d{0,15}))?$/.exec(text)
  if (!match) return undefined
  const [epoch, seq] = [Number(match[1]), Number(match[2])]
  if (epoch > epochMax || !Number.isSafeInteger(seq)) return undefined
  if (match[3] === undefined) return { epoch, seq }
  const base = Number(match[3])
  return Number.isSafeInteger(base) && base > seq ? { epoch, seq, base } : undefined
}
