/** Whole photos under a lock, by their ids: what trashing, deleting and editing begin with. */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'

/** change: rows may go on being named by others, as by albums. delete: not even that. */
export type LockFor = 'change' | 'delete'

const strengths: Readonly<Record<LockFor, string>> = { change: 'for no key update', delete: 'for update' }

export interface LockedWhole {
  id: string
  trashedAt: Date | null
}

/**
 * Locks those of the ids that are whole photos of this placement, and their parts, until the transaction's end. In the order of
 * their ids, so that two who want some of the same wait for each other rather than for ever. No part comes to any whole of this
 * person meanwhile.
 */
export async function lockWholes(
  tx: Queryable,
  { person, epoch }: Placement,
  ids: readonly string[],
  lockFor: LockFor = 'change',
): Promise<LockedWhole[]> {
  if (ids.length === 0) return []
  await tx.query('select lock_families($1, $2)', [person, epoch])
  const rows = await tx.query<LockedWhole & { partOf: string | null }>(
    `select id, part_of as "partOf", trashed_at as "trashedAt" from photos
     where (id = any($3) or part_of = any($3)) and person = $1 and epoch = $2 order by id ${strengths[lockFor]}`,
    [person, epoch, ids],
  )
  return rows.flatMap(({ partOf, ...whole }) => (partOf === null ? [whole] : []))
}
