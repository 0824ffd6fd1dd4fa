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
  /** Resolves when the store has them all. Jobs whose id is already waiting or running are left as they are. */
  add(jobs: readonly Job[]): Promise<void>
  counts(name: JobName): Promise<JobCounts>
  /** Rejects with `unavailable` and what to do when the store can't be reached. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Where the queue's store is. */
export type QueueConnection = { redisUrl: string } | { databaseUrl: string }
