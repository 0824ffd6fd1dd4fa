/** Our worker's job after an upload that was sent in chunks, done here and now instead of by a worker. */
import { systemClock } from '../../../src/core/clock.js'
import { isId } from '../../../src/core/ids.js'
import { openDatabase } from '../../../src/db/database.js'
import { openBucket } from '../../../src/storage/open-bucket.js'
import { makeReap } from '../../../workers/reap/reap.js'
import type { S3Bucket } from '../../support/provided.js'
import { cpuMsOf } from '../process-cost.js'

export interface Reaper {
  /** Removes what the upload at this address left in the bucket. */
  reap(uploadUrl: string): Promise<void>
  close(): Promise<void>
}

export type OpenReaper = (bucket: S3Bucket) => Reaper

export const reaperOn =
  (databaseUrl: string, signal: AbortSignal): OpenReaper =>
  s3 => {
    const db = openDatabase({ url: databaseUrl, connectionsMax: 1, onIdleError: () => {} })
    const bucket = openBucket({ kind: 's3', ...s3 })
    const reap = makeReap(db, bucket, systemClock)
    return {
      reap: async uploadUrl => {
        const upload = new URL(uploadUrl).pathname.split('/').at(-1) ?? ''
        if (!isId(upload)) throw new Error(`${uploadUrl} names no upload`)
        await reap({ upload }, signal)
      },
      close: async () => {
        await bucket.close()
        await db.close()
      },
    }
  }

/** Milliseconds of CPU for one upload, by who spent them. */
export type CleanUpCost = Readonly<Record<string, number>> & { worker: number }

/** What the removal costs after each of these uploads. The first third warms up. */
export async function cleanUpCost(
  reaper: Reaper,
  uploadUrls: readonly string[],
  shared: Readonly<Record<string, readonly number[]>>,
): Promise<CleanUpCost> {
  const warmUps = Math.floor(uploadUrls.length / 3)
  for (const url of uploadUrls.slice(0, warmUps)) await reaper.reap(url)
  const measured = uploadUrls.slice(warmUps)
  const before = cpuMsOf(shared)
  const ownBefore = process.cpuUsage()
  for (const url of measured) await reaper.reap(url)
  const own = process.cpuUsage(ownBefore)
  const spent = Object.entries(cpuMsOf(shared)).map(([name, ms]) => [
    name,
    (ms - (before[name] ?? 0)) / measured.length,
  ])
  return { ...Object.fromEntries(spent), worker: (own.user + own.system) / 1_000 / measured.length }
}
