/** The table of uploads, for those who clear it up: what is past its time, and what its handset did not come back for. */
import type { Database, Queryable } from '../db/database.js'
import { lateEffectsMs, type Upload } from './upload.js'

export async function deleteUpload(db: Queryable, id: string): Promise<void> {
  await db.query('delete from uploads where id = $1', [id])
}

/**
 * Uploads past their time: to be ended, and later, when no late effect can come any more, to be removed. Each goes to one caller,
 * and comes up again after `againMs` until its row is gone.
 */
export async function claimExpired(
  db: Database,
  now: Date,
  { againMs, limit }: { againMs: number; limit: number },
): Promise<Pick<Upload, 'id' | 'state'>[]> {
  return db.query<Pick<Upload, 'id' | 'state'>>(
    `update uploads set swept_at = $1 where id in (
       select id from uploads
       where expires_at < $1 and (state in ('open', 'finishing') or kind = 'partial' or expires_at < $2)
         and (swept_at is null or swept_at < $3)
       order by expires_at limit $4 for update skip locked
     ) returning id, state`,
    [now, new Date(now.getTime() - lateEffectsMs), new Date(now.getTime() - againMs), limit],
  )
}

/** Uploads whose last byte is durable and whose commit didn't come: `touched_at` before `before`. */
export async function findUnfinished(db: Database, before: Date, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from uploads where (state = 'finishing' or (state = 'open' and offset_bytes = size_bytes)) and touched_at < $1
     order by touched_at limit $2`,
    [before, limit],
  )
  return rows.map(({ id }) => id)
}
