/**
 * Finds what a queue lost: photos that have been waiting for longer than work takes are queued again. A job that is still
 * there is left as it is, since its id is the same; one that runs twice does no harm.
 */
import type { Clock } from '../../src/core/clock.js'
import type { Database } from '../../src/db/database.js'
import { findWaiting } from '../../src/library/work-sql.js'
import type { JobQueue } from '../../src/queue/queue.js'

const waitingMs = 20_000
const batch = 1_000

export function makeReconcile(db: Database, queue: JobQueue, clock: Clock): () => Promise<void> {
  return async () => {
    const photos = await findWaiting(db, new Date(clock.now().getTime() - waitingMs), batch)
    await queue.add(photos.map(photo => ({ name: 'thumbnail' as const, data: { photo } })))
  }
}
