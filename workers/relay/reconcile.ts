/**
 * Finds what a queue lost: photos that have been waiting for longer than work takes are queued again, and so, behind them, are
 * those whose renditions are of an older recipe. A job that is still there is left as it is, since its id is the same; one that
 * runs twice does no harm.
 *
 * When the queue holds fewer than wait, as after its store was emptied, all of them are queued again in one round. Else only so
 * many in each, the longest waiting first: with a first sync of 50,000 in the queue, adding all of them each time would be work
 * for nothing.
 *
 * Photos that were deleted a while ago are looked for in the bucket once more, when nothing of them can come any more.
 */
import type { Clock } from '../../src/core/clock.js'
import { limits } from '../../src/core/limits.js'
import { recipe } from '../../src/core/renditions.js'
import type { Database } from '../../src/db/database.js'
import { findUnpurged } from '../../src/library/trash/trash-sql.js'
import { measureWaiting } from '../../src/library/waiting-sql.js'
import { claimOutdated, claimWaiting } from '../../src/library/work-sql.js'
import type { Job } from '../../src/queue/jobs.js'
import { backgroundPriority, type JobQueue } from '../../src/queue/queue.js'
import { latePurgeMs } from '../purge/purge.js'
import type { Rank } from './ranks.js'

const waitingMs = 20_000
const batch = 1_000
/** New photos come first: few old ones at a time, in the background. */
const outdatedMs = 10 * 60_000
const outdatedBatch = 100

const asJob = (photo: string): Job => ({ name: 'thumbnail', data: { photo } })

export function makeReconcile(db: Database, queue: JobQueue, clock: Clock, rank: Rank): () => Promise<void> {
  /** How many of a kind the queue has, without those in the background. */
  const countThere = async (name: 'thumbnail' | 'large'): Promise<number> => {
    const [counts, background] = await Promise.all([queue.counts(name), queue.countAt(name, backgroundPriority)])
    return counts.waiting - background + counts.active + counts.delayed
  }

  /** How many may be lost: at least as many as are, since some of those that wait are not in the queue yet. */
  const countMissing = async (before: Date): Promise<number> => {
    const waiting = await measureWaiting(db, before)
    if (waiting.handedOver <= batch) return waiting.handedOver
    const there = await Promise.all((['thumbnail', 'large'] as const).map(countThere))
    return Math.max(batch, waiting.count - there.reduce((total, count) => total + count, 0))
  }

  return async () => {
    const now = clock.now()
    const before = (ageMs: number) => new Date(now.getTime() - ageMs)
    for (let missing = await countMissing(before(waitingMs)); missing > 0; ) {
      const waiting = await claimWaiting(db, before(waitingMs), batch, now)
      await queue.add(await rank(waiting.map(asJob)))
      missing = waiting.length < batch ? 0 : missing - batch
    }
    const deleted = await findUnpurged(db, before(latePurgeMs), batch)
    await queue.add(deleted.map(photo => ({ name: 'purge', data: { photo } })))
    // So many wait already, and none of them begins while anything else waits.
    if ((await queue.countAt('thumbnail', backgroundPriority)) >= outdatedBatch) return
    const outdatedRecipe = { recipe, attemptsMax: limits.photoAttempts, breaksMax: limits.photoBreaks }
    const outdated = await claimOutdated(db, outdatedRecipe, before(outdatedMs), outdatedBatch, now)
    await queue.add(await rank(outdated.map(asJob)))
  }
}
