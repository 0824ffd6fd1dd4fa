/** The commit: the only meaning of "stored". Writes photos; the changes and the outbox through their own modules. */
import { AppError } from '../core/errors.js'
import type { Queryable } from '../db/database.js'
import { appendChange } from '../feed/changes-sql.js'
import { addToOutbox } from '../queue/outbox-sql.js'
import { requireOpenPlacement } from '../regions/placements-sql.js'

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
}

export interface Receipt {
  photo: string
  /** The person had this very content already: `photo` is that one, and the new object is not needed. */
  duplicate: boolean
}

/**
 * Within the caller's transaction: photo row, change, outbox row, all or none. The object must be durable under
 * originalKey(person, epoch, photo), its size and hash checked. Same content again within one placement is the same photo:
 * the unique constraint decides, also between two that come at once.
 */
export async function commitOriginal(tx: Queryable, original: NewOriginal, now: Date): Promise<Receipt> {
  const { person, epoch, photo, sha256 } = original
  await requireOpenPlacement(tx, person, epoch)
  const inserted = await tx.query(
    `insert into photos (id, person, epoch, sha256, size_bytes, file_name, device, stored_at, queued_at, modified_at, shown_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, coalesce($9::timestamptz, $8::timestamptz) at time zone 'UTC')
     on conflict (person, epoch, sha256) where not lost do nothing returning id`,
    [photo, person, epoch, sha256, original.sizeBytes, original.fileName, original.device, now, original.modifiedAt],
  )
  if (inserted.length === 0) {
    const [same] = await tx.query<{ id: string }>(
      'select id from photos where person = $1 and epoch = $2 and sha256 = $3 and not lost',
      [person, epoch, sha256],
    )
    // Between the two statements its original was found to be lost: the next attempt stores it anew.
    if (!same)
      throw new AppError('unavailable', 'The photo of this content has just changed. Try again', {
        retryAfterSeconds: 1,
      })
    return { photo: same.id, duplicate: true }
  }
  await appendChange(tx, { person, epoch, kind: 'stored', photo, at: now })
  await addToOutbox(tx, [{ name: 'thumbnail', data: { photo } }])
  return { photo, duplicate: false }
}
