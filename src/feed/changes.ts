/**
 * A person's feed: one gap-free sequence of changes, and the cursor that says how far somebody has read. Whoever reads from
 * a cursor on misses nothing and sees nothing twice.
 */
import { AppError } from '../core/errors.js'
import type { Placement } from '../core/keys.js'
import { limits } from '../core/limits.js'
import type { PhotoState } from '../core/photo-state.js'
import type { Queryable } from '../db/database.js'
import { selectChanges } from './changes-sql.js'

/** What became of the photo; a state that it reached. */
export type ChangeKind = PhotoState | 'edited' | 'trashed' | 'restored' | 'deleted'

export interface Change {
  /** From 1, without gaps, on through every epoch. */
  seq: number
  kind: ChangeKind
  photo: string
  at: Date
}

/** Compared by epoch, then by seq. */
export interface Cursor {
  readonly epoch: number
  readonly seq: number
}

export interface ChangesPage {
  changes: Change[]
  /** After the last of them. */
  cursor: Cursor
  /** Whether there was more when it was read. */
  more: boolean
}

/** At most `limit` changes after the cursor, or from the start; `invalid` for a cursor that this feed never gave. */
export async function readChanges(
  db: Queryable,
  { person, epoch }: Placement,
  since: Cursor | undefined,
  limit: number = limits.pageEntries,
): Promise<ChangesPage> {
  if (since && since.epoch > epoch) {
    throw new AppError('invalid', 'The cursor is not one of this feed. Ask again without it')
  }
  // Sequences go on from one epoch to the next, so a cursor of an earlier one counts as it is.
  const after = since?.seq ?? 0
  const found = await selectChanges(db, { person, epoch }, after, limit + 1)
  const changes = found.slice(0, limit)
  return { changes, cursor: { epoch, seq: changes.at(-1)?.seq ?? after }, more: found.length > limit }
}

/** "<epoch>.<seq>"; opaque to whoever gets it. */
export function formatCursor({ epoch, seq }: Cursor): string {
  return `${epoch}.${seq}`
}

const epochMax = 2 ** 31 - 1

/** Undefined unless formatCursor could have written it. */
export function parseCursor(text: string): Cursor | undefined {
  const match = /^([1-9]\d{0,9})\.(0|[1-9]\d{0,15})$/.exec(text)
  if (!match) return undefined
  const cursor = { epoch: Number(match[1]), seq: Number(match[2]) }
  return cursor.epoch <= epochMax && Number.isSafeInteger(cursor.seq) ? cursor : undefined
}
