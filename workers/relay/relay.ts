/** Hands what the outbox holds to the queue: at once when a commit signals, and by itself every second in case a signal was lost. */
import type { Database } from '../../src/db/database.js'
import { drainOutbox } from '../../src/queue/outbox-sql.js'
import type { JobQueue } from '../../src/queue/queue.js'
import type { Rank } from './ranks.js'

const batch = 200

export function makeRelay(db: Database, queue: JobQueue, rank: Rank): () => Promise<void> {
  return async () => {
    while ((await drainOutbox(db, batch, async jobs => queue.add(await rank(jobs)))) === batch);
  }
}
