/**
 * Keeps feeds short: once a day, for everybody whose feed has changes older than 30 days and was not long quiet. Of those, what a later change makes needless
 * goes; of deletions, what is older than 90 days goes as well, and whoever reads on from before that begins anew. In batches, each of
 * which is a transaction that nobody waits for; cut off anywhere, the feed is whole, and the rest is done the next day.
 */
import type { Clock } from '../../src/core/clock.js'
import { isAppError } from '../../src/core/errors.js'
import type { Placement } from '../../src/core/keys.js'
import type { Database } from '../../src/db/database.js'
import { claimFeeds, forgetDeletions, removeSuperseded } from '../../src/feed/compact-sql.js'

const dayMs = 24 * 3600_000

export interface CompactOptions {
  /** A handset that is away for no longer than this sees every change; default: 30 days. */
  keptMs?: number
  /** A handset that is away for longer than this lists everything anew; default: 90 days. */
  deletionsKeptMs?: number
  /** Default: a day. */
  againMs?: number
  /** Changes in a batch. For each the rest of the feed is read once, so a feed of a million takes fifty readings. */
  batch?: number
}

/** People in one claim. */
const feedsAtOnce = 20
/** Deletions in a batch: for the moment in which the floor rises, commits wait. */
const deletionsAtOnce = 1_000

const defaults = { keptMs: 30 * dayMs, deletionsKeptMs: 90 * dayMs, againMs: dayMs, batch: 20_000 }

/** Something may keep a round from its end for so many days without that being missed. */
const roundsMissed = 7

/** One round: of all whose turn it is. `stopping` ends it after the batch under way. */
export function makeCompact(
  db: Database,
  clock: Clock,
  stopping: AbortSignal,
  options: CompactOptions = {},
): () => Promise<void> {
  const { keptMs, deletionsKeptMs, againMs } = { ...defaults, ...options }
  const quietMs = Math.max(keptMs, deletionsKeptMs) + roundsMissed * againMs
  return async () => {
    const now = clock.now()
    const failures: unknown[] = []
    for (let count = feedsAtOnce; count === feedsAtOnce && !stopping.aborted; ) {
      const takenBefore = new Date(now.getTime() - againMs)
      const before = new Date(now.getTime() - keptMs)
      const feeds = await claimFeeds(db, { now, takenBefore, before, quietMs, limit: feedsAtOnce })
      count = feeds.length
      for (const { due, ...feed } of feeds) {
        if (!due || stopping.aborted) continue
        await compactFeed(db, feed, now, stopping, options).catch(error => {
          // It has begun to move: its new home takes care of it.
          if (!isAppError(error, 'misdirected')) failures.push(error)
        })
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} feeds could not be compacted`)
  }
}

export async function compactFeed(
  db: Database,
  placement: Placement,
  now: Date,
  stopping: AbortSignal,
  options: CompactOptions = {},
): Promise<void> {
  const { keptMs, deletionsKeptMs, batch } = { ...defaults, ...options }
  const [old, oldDeletions] = [new Date(now.getTime() - keptMs), new Date(now.getTime() - deletionsKeptMs)]
  const steps = [
    (after: number) => removeSuperseded(db, placement, { after, before: old, limit: batch }),
    (after: number) => forgetDeletions(db, placement, { after, before: oldDeletions, limit: deletionsAtOnce }),
  ]
  for (const step of steps) {
    for (let after: number | undefined = 0; after !== undefined; ) {
      if (stopping.aborted) return
      after = await step(after)
    }
  }
}
