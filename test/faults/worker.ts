/** What a worker does for uploads: the jobs of the outbox that remove what is over, and the sweeper's rounds. */
import type { Database } from '../../src/db/database.js'
import type { Job } from '../../src/queue/jobs.js'
import { drainOutbox } from '../../src/queue/outbox-sql.js'
import type { Bucket } from '../../src/storage/bucket.js'
import type { Engine } from '../../src/upload/contract.js'
import { makeReap } from '../../workers/reap/reap.js'
import { makeSweep } from '../../workers/reap/sweep.js'
import type { MovableClock } from '../upload/region.js'

export interface Worker {
  /** Does the jobs that wait, until there are none. */
  drain(): Promise<void>
  /** One round. */
  sweep(): Promise<void>
  /** The photos whose thumbnail was asked for. */
  readonly thumbnails: ReadonlySet<string>
}

export interface WorkerParts {
  db: Database
  bucket: Bucket
  clock: Pick<MovableClock, 'now'>
  /** Another one after its process was killed. */
  engine: () => Engine
}

export function makeWorker({ db, bucket, clock, engine }: WorkerParts): Worker {
  const thumbnails = new Set<string>()
  const reap = makeReap(db, bucket, clock)
  const never = new AbortController().signal
  const work = async (jobs: readonly Job[]) => {
    for (const job of jobs) {
      if (job.name === 'reap') await reap(job.data, never)
      else if (job.name === 'thumbnail') thumbnails.add(job.data.photo)
    }
  }
  const queue = {
    add: work,
    counts: () => Promise.reject(new Error('nobody counts')),
    countAt: () => Promise.reject(new Error('nobody counts')),
    oldest: () => Promise.reject(new Error('nobody asks')),
    check: async () => {},
    close: async () => {},
  }
  return {
    thumbnails,
    drain: async () => {
      while ((await drainOutbox(db, 50, work)) > 0);
    },
    sweep: () => makeSweep(db, engine(), queue, clock)(),
  }
}
