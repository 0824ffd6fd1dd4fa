/**
 * The contract of the queue: BullMQ on Redis or on Postgres, one suite for both (test/conformance/queue).
 *
 * At least once: a job whose `add` resolved is run to its end, or found again by the reconciler when the store forgets it.
 * The queue is never the truth; the tables are.
 */
import type { Job, JobName } from './jobs.js'

/**
 * A job and how soon it is due. Of those that wait, the one with the lowest priority begins next, and of equals the one that was
 * added first. Without one it goes before all that have one.
 */
export type QueuedJob = Job & { priority?: number }

/** The last that BullMQ knows of: for what is to be done when nothing else waits. */
export const backgroundPriority = 2 ** 21 - 1

export interface JobCounts {
  waiting: number
  active: number
  delayed: number
  failed: number
}

export interface JobQueue {
  /**
   * Resolves when the store has them all. Jobs whose id is already waiting or running are left as they are, their priority too. Rejects with
   * `unavailable` when the store doesn't take them, within 10 s of its last answer: it may have some of them, and adding
   * them again does no harm. Throws a TypeError, and adds none, when one of them is no job of queue/jobs.ts.
   */
  add(jobs: readonly QueuedJob[]): Promise<void>
  counts(name: JobName): Promise<JobCounts>
  /** How many of those that wait have this very priority. */
  countAt(name: JobName, priority: number): Promise<number>
  /** When the first of those that wait without a priority was added; undefined when none does. */
  oldest(name: JobName): Promise<Date | undefined>
  /** Rejects with `unavailable` when the store can't be reached, within 10 s; the cause says why. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Where the queue's store is. */
export type QueueConnection = { redisUrl: string } | { databaseUrl: string }
