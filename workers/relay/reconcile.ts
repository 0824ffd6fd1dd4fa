/**
 * Finds what a queue lost: photos that have been waiting for longer than work takes are queued again, and so, behind them, are
 * those whose renditions are of an older recipe. A job that is still there is left as it is, since its id is the same; one that
 * runs twice does no harm.
 */
import type { Clock } from '../../src/core/clock.js'
import { limits } from '../../src/core/limits.js'
import { recipe } from '../../src/core/renditions.js'
import type { Database } from '../../src/db/database.js'
import { claimOutdated, claimWaiting } from '../../src/library/work-sql.js'
import type { JobQueue } from '../../src/queue/queue.js'

const waitingMs = 20_000
const batch = 1_000
/** New photos come first: few old ones at a time, in the background. */
const outdatedMs = 10 * 60_000
const outdatedBatch = 100

export function makeReconcile(db: Database, queue: JobQueue, clock: Clock): () => Promise<void> {
  return async () => {
    const now = clock.now()
    const before = (ageMs: number) => new Date(now.getTime() - ageMs)
    const waiting = await claimWaiting(db, before(waitingMs), batch, now)
    const outdatedRecipe = { recipe, attemptsMax: limits.photoAttempts }
    const outdated = await claimOutdated(db, outdatedRecipe, before(outdatedMs), outdatedBatch, now)
    await queue.add([...waiting, ...outdated].map(photo => ({ name: 'thumbnail' as const, data: { photo } })))
  }
}
