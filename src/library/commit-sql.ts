/**
 * The commit: the only meaning of "stored". It is a function in the database (`commit_original`, in the migrations), since it is
 * on the way of every photo and takes one round trip so: the placement is open and stays so, photo row, change, outbox row.
 */
import { AppError } from '../core/errors.js'
import type { PartRole } from '../core/part-roles.js'
import { type Queryable, raisedCode } from '../db/database.js'
import { placementError } from '../regions/placements-sql.js'
import { noWhole, tooManyParts } from './parts-sql.js'

export interface NewOriginal {
  person: string
  epoch: number
  /** The id it gets if its content is new. */
  photo: string
  sha256: Buffer
  sizeBytes: number
  fileName: string | null
  device: string | null
  modifiedAt: Date | null
  /** The photo that this is a part of, and which part. */
  partOf?: { photo: string; role: PartRole } | null
  /** Content that its owner has deleted stays so; without it, it comes back. */
  keepDeleted?: boolean
}

export interface Receipt {
  photo: string
  /** The person had this very content already: `photo` is that one, and the new object is not needed. */
  duplicate: boolean
  /** Its owner has deleted this content, and it stays so. */
  deleted: boolean
}

/**
 * All or none of it, also outside of a transaction. The object must be durable under originalKey(person, epoch, photo), its size
 * and hash checked. Same content again within one placement is the same photo: the unique constraint decides, also between two
 * that come at once.
 */
export async function commitOriginal(tx: Queryable, original: NewOriginal, now: Date): Promise<Receipt> {
  const { person, epoch, photo, sha256, sizeBytes, fileName, device, modifiedAt, partOf, keepDeleted } = original
  const rows = await tx
    .query<Receipt>(
      'select photo, duplicate, deleted from commit_original($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)',
      [
        person,
        epoch,
        photo,
        sha256,
        sizeBytes,
        fileName,
        device,
        modifiedAt,
        now,
        partOf?.photo ?? null,
        partOf?.role ?? null,
        keepDeleted ?? false,
      ],
    )
    .catch(error => {
      throw commitError(error)
    })
  return rows[0] as Receipt
}

/** What `commit_original` raises, as we tell it; any other error as it is. */
export function commitError(error: unknown): unknown {
  const code = raisedCode(error)
  if (code === 'PS004') return noWhole(error)
  if (code === 'PS005') return tooManyParts(error)
  if (code !== 'PS003') return placementError(error)
  const sentence = 'The photo of this content has just changed. Try again'
  return new AppError('unavailable', sentence, { cause: error, retryAfterSeconds: 1 })
}
