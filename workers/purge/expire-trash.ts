/** Deletes for good what has been in the trash for its time: in batches, each person's in one transaction of their own. */
import type { Clock } from '../../src/core/clock.js'
import { isAppError } from '../../src/core/errors.js'
import { limits } from '../../src/core/limits.js'
import type { Database } from '../../src/db/database.js'
import { deleteTrashed } from '../../src/library/trash/trash.js'
import { type Expired, findExpired } from '../../src/library/trash/trash-sql.js'

const batch = 500

export interface ExpireDeps {
  db: Database
  clock: Clock
  onChange: (person: string) => Promise<void>
  /** Ends a round between two batches. */
  signal: AbortSignal
}

export function makeExpireTrash({ db, clock, onChange, signal }: ExpireDeps): () => Promise<void> {
  const expire = async ({ ids, ...placement }: Expired, trashedBefore: Date) => {
    const deleted = await deleteTrashed(db, placement, { photos: ids, now: clock.now(), trashedBefore })
    if (deleted > 0) await onChange(placement.person)
    return deleted
  }

  return async () => {
    const trashedBefore = new Date(clock.now().getTime() - limits.trashLifetimeMs)
    while (!signal.aborted) {
      const failures: unknown[] = []
      let deleted = 0
      for (const expired of await findExpired(db, trashedBefore, batch)) {
        deleted += await expire(expired, trashedBefore).catch(error => {
          // Who began to move since that look is seen to when they have arrived.
          if (!isAppError(error)) failures.push(error)
          return 0
        })
      }
      if (failures.length > 0) throw new AggregateError(failures, 'the trash of some people could not be emptied')
      if (deleted === 0) return
    }
  }
}
