/**
 * The contract of the queue: BullMQ on Redis or on Postgres, one suite for both (test/conformance/queue).
 *
 * At least once: a job whose `add` resolved is run to its end, or found again by the reconciler when the store forgets it.
 * The queue is never the truth; the tables are.
 */
import type { Job, JobName } from './jobs.js'

export interface JobCounts {
  waiting: number
  active: number
  delayed: number
  failed: number
}

export interface JobQueue {
  /**
   * Resolves when the store has them all. Jobs whose id is already waiting or running are left as they are. Rejects with
   * `unavailable` when the store doesn't take them, within 10 s of its last answer: it may have some of them, and adding
   * them again does no harm. Throws a TypeError, and adds none, when one of them is no job of queue/jobs.ts.
   */
  add(jobs: readonly Job[]): Promise<void>
  counts(name: JobName): Promise<JobCounts>
  /** Rejects with `unavailable` when the store can't be reached, within 10 s; the cause says why. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Where the queue's store is. */
export type QueueConnection = { redisUrl: string } | { databaseUrl: string }
