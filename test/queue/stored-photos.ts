/** Many photos that wait, put into the tables at once, as so many commits would leave them. */
import { newId } from '../../src/core/ids.js'
import type { Placement } from '../../src/core/keys.js'
import type { Database } from '../../src/db/database.js'

export interface StoredPhotos {
  /** Of the first; the others follow. Default: 2020. */
  shownAt?: Date
  /** From one to the next; negative: the newest first. Default 60,000. */
  stepMs?: number
  /** Whether their jobs are in the outbox. Default: they are not. */
  inOutbox?: boolean
}

/** Their ids, in the order they came, which is a millisecond apart. */
export async function storePhotos(
  { db, clock }: { db: Database; clock: { now(): Date } },
  { person, epoch }: Placement,
  count: number,
  { shownAt = new Date(Date.UTC(2020, 0, 1)), stepMs = 60_000, inOutbox = false }: StoredPhotos = {},
): Promise<string[]> {
  const ids = Array.from({ length: count }, newId)
  const now = clock.now().getTime()
  await db.transaction(async tx => {
    await tx.query(
      `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, queued_at, shown_at)
       select id, $2, $3, sha256(id::bytea), 1, stored, stored, shown
       from unnest($1::text[], $4::timestamptz[], $5::timestamp[]) as given (id, stored, shown)`,
      [
        ids,
        person,
        epoch,
        ids.map((_, index) => new Date(now - count + index)),
        ids.map((_, index) => new Date(shownAt.getTime() + index * stepMs).toISOString()),
      ],
    )
    if (!inOutbox) return
    await tx.query(
      `insert into outbox (job, data) select 'thumbnail', jsonb_build_object('photo', id) from unnest($1::text[]) as id`,
      [ids],
    )
  })
  return ids
}
