/** What the sides of the upload bench run on: a real S3 service, Postgres, and Redis where it is found; all of its own, in one folder. */
import { rmSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../../../src/core/errors.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/db/embedded.js'
import { atEnd } from '../../support/at-end.js'
import type { S3Bucket } from '../../support/provided.js'
import { redisMissing, startRedis } from '../../support/redis.js'
import { s3Missing, startS3 } from '../../support/s3.js'
import { childrenRunning } from '../process-cost.js'

export interface Services {
  /** For what the sides write besides. */
  folder: string
  s3: S3Bucket
  postgres: EmbeddedPostgres
  redisUrl: string | undefined
  /** Their processes, by the name that their CPU time is told under. */
  pids: Readonly<Record<'postgres' | 'redis' | 's3', readonly number[]>>
  stop(): Promise<void>
}

export async function startServices(signal: AbortSignal): Promise<Services> {
  const absence = s3Missing()
  if (absence) throw new AppError('unavailable', `This bench needs a real S3 service: ${absence}`)
  const folder = await mkdtemp(join(tmpdir(), 'photosync-bench-'))
  // Under root, Postgres runs as somebody else.
  await chmod(folder, 0o755)
  const removed = atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const stops: (() => Promise<void>)[] = []
  const begin = async <T extends { stop(): Promise<void> }>(start: Promise<T>): Promise<T> => {
    const service = await start
    stops.push(() => service.stop())
    return service
  }
  const stop = async () => {
    await Promise.allSettled(stops.splice(0).map(end => end()))
    removed()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  const starting = [
    begin(startS3({ dir: join(folder, 's3'), regions: ['us-west-2'], signal })),
    begin(startEmbeddedPostgres({ dir: join(folder, 'postgres'), signal })),
    redisMissing() === undefined ? begin(startRedis({ dir: join(folder, 'redis'), signal })) : undefined,
  ] as const
  try {
    await Promise.allSettled(starting)
    const [s3, postgres, redis] = await Promise.all(starting)
    const [bucket] = s3.buckets
    if (!bucket) throw new Error('asked for one region, got none')
    const pids = {
      postgres: childrenRunning('postgres'),
      redis: childrenRunning('redis-server'),
      s3: childrenRunning('ceph-mon', 'ceph-osd', 'radosgw'),
    }
    return { folder, s3: bucket, postgres, redisUrl: redis?.url, pids, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
