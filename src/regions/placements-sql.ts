/** The table `placements`: each stay of a person's data in this region, and whether it may be written. */
import { AppError } from '../core/errors.js'
import type { Placement } from '../core/keys.js'
import { type Queryable, raisedCode } from '../db/database.js'

/** open: read and written · frozen: read only, while a move ends · staging: being filled · erasing, erased: no longer here. */
export type PlacementState = 'staging' | 'open' | 'frozen' | 'erasing' | 'erased'

/**
 * Call it in every transaction that writes for a person, before its first write. The row stays locked (FOR SHARE) until the
 * commit, so no freeze can come between this look and that commit; writers don't wait for each other.
 *
 * Rejects with `unavailable` while frozen or being filled, `misdirected` when that stay is over or never was.
 */
export async function requireOpenPlacement(tx: Queryable, person: string, epoch: number): Promise<void> {
  await tx.query('select require_open_placement($1, $2)', [person, epoch]).catch(error => {
    throw placementError(error)
  })
}

/** What `require_open_placement` in the database raises, as we tell it; any other error as it is. */
export function placementError(error: unknown): unknown {
  const code = raisedCode(error)
  if (code === 'PS001') {
    return new AppError('unavailable', 'This account is moving to another region. Try again shortly', {
      retryAfterSeconds: 5,
      cause: error,
    })
  }
  if (code !== 'PS002') return error
  const sentence = 'This account lives in another region now. Ask for its address, then send there'
  return new AppError('misdirected', sentence, { cause: error })
}

export async function createPlacement(
  tx: Queryable,
  { person, epoch }: Placement,
  state: PlacementState,
): Promise<void> {
  await tx.query('insert into placements (person, epoch, state) values ($1, $2, $3)', [person, epoch, state])
}

/** The stay that can be read: there is one at most. */
export async function findLivePlacement(db: Queryable, person: string): Promise<Placement | undefined> {
  const [row] = await db.query<Placement>(
    `select person, epoch from placements where person = $1 and state in ('open', 'frozen')`,
    [person],
  )
  return row
}
