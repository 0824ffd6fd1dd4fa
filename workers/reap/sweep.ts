/** Finishes uploads whose finish was cut short and whose handset didn't come back, and ends those past their time. */
import type { Clock } from '../../src/core/clock.js'
import { isAppError } from '../../src/core/errors.js'
import type { Database } from '../../src/db/database.js'
import type { JobQueue } from '../../src/queue/queue.js'
import type { Engine } from '../../src/upload/contract.js'
import { claimExpired, findUnfinished } from '../../src/upload/expired-sql.js'

const restingMs = 30_000
const expiredAgainMs = 10 * 60_000
const batch = 200

export function makeSweep(db: Database, engine: Engine, queue: JobQueue, clock: Clock): () => Promise<void> {
  return async () => {
    const failures: unknown[] = []
    for (const upload of await findUnfinished(db, new Date(clock.now().getTime() - restingMs), batch)) {
      await engine.resumeFinish(upload).catch(error => {
        // Its handset is at it again, or what it holds is wrong and the upload has ended: nothing left to do here.
        if (!isAppError(error) || error.kind === 'unavailable') failures.push(error)
      })
    }
    for (let count = batch; count === batch; ) {
      const expired = await claimExpired(db, clock.now(), { againMs: expiredAgainMs, limit: batch })
      count = expired.length
      for (const { id } of expired) {
        await engine.expire(id).catch(error => {
          // It comes up again.
          if (!isAppError(error, 'held')) failures.push(error)
        })
      }
      await queue.add(expired.map(({ id }) => ({ name: 'reap' as const, data: { upload: id } })))
    }
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} uploads could not be finished`)
  }
}
