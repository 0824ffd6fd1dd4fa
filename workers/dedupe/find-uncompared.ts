/**
 * Finds people whose photos have not been compared yet, and queues one job for each. No job is handed on with every photo: in a first
 * sync there would be as many as photos, and one of them does the work of all that wait.
 */
import type { Clock } from '../../src/core/clock.js'
import type { Database } from '../../src/db/database.js'
import { claimUncompared } from '../../src/library/duplicates/compare-sql.js'
import type { JobQueue } from '../../src/queue/queue.js'

const peopleMax = 1_000

export function makeFindUncompared(db: Database, queue: JobQueue, clock: Clock): () => Promise<void> {
  return async () => {
    const people = await claimUncompared(db, clock.now(), peopleMax)
    await queue.add(people.map(person => ({ name: 'dedupe', data: { person } })))
  }
}
