/**
 * Starts the real services that the tests run on, once for a whole run, each on loopback and in a temporary folder that is
 * removed again: Postgres (from npm, always), Redis, an S3 service with two regions, and finds Chromium and ffmpeg.
 *
 * One that is not on the machine, or doesn't start, leaves its reason in `missing`, and its tests are skipped with it.
 * With PHOTOSYNC_REQUIRE_SERVICES=1 in the environment the run fails instead.
 */
import { rmSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/db/embedded.js'
import { atEnd } from './at-end.js'
import { findCommand } from './process.js'
import type { OptionalService } from './provided.js'
import { redisMissing, startRedis } from './redis.js'
import { s3Missing, startS3 } from './s3.js'

const regions = ['ap-southeast-1', 'us-west-2']

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await temporaryFolder()
  const started: Stoppable[] = []
  const tearDown = async () => {
    const ends = await Promise.allSettled(started.map(service => service.stop()))
    await folder.remove()
    const failures = ends.flatMap(end => (end.status === 'rejected' ? [end.reason] : []))
    if (failures.length > 0) throw new AggregateError(failures, 'Not every service of the tests could be stopped')
  }
  const begin = async <T extends Stoppable>(start: () => Promise<T>): Promise<T> => {
    const service = await start()
    started.push(service)
    return service
  }
  try {
    const missing: Partial<Record<OptionalService, string>> = {}
    const optional = async <T extends Stoppable>(
      name: OptionalService,
      absence: string | undefined,
      start: () => Promise<T>,
    ) => {
      if (absence !== undefined) missing[name] = absence
      else return await begin(start).catch((error: Error) => noteFailure(missing, name, error))
    }
    const [postgres, redis, s3] = await allOrThrow([
      begin(() => startEmbeddedPostgres({ dir: join(folder.path, 'postgres') })),
      optional('redis', redisMissing(), () => startRedis({ dir: join(folder.path, 'redis') })),
      optional('s3', s3Missing(), () => startS3({ dir: join(folder.path, 's3'), regions })),
    ])
    const chromium = findCommand('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
    if (!chromium) missing.chromium = 'Chromium is not on this machine: apt-get install chromium'
    const ffmpeg = findCommand('ffprobe') && findCommand('ffmpeg')
    if (!ffmpeg) missing.ffmpeg = 'ffmpeg is not on this machine: apt-get install ffmpeg'
    report(missing)

    project.provide('postgresUrl', postgres.url('postgres'))
    project.provide('redisUrl', redis?.url)
    project.provide('s3', s3?.buckets)
    project.provide('chromium', chromium)
    project.provide('ffmpeg', ffmpeg)
    project.provide('missing', missing)
    return tearDown
  } catch (error) {
    await tearDown()
    throw error
  }
}

interface Stoppable {
  stop(): Promise<void>
}

/** Readable for every user: under root, Postgres runs as somebody else. It goes with this process, however that ends. */
async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'photosync-test-'))
  await chmod(path, 0o755)
  const removed = atEnd(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    remove: async () => {
      removed()
      await rm(path, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** Like Promise.all, but waits for all to settle first, so that whatever did start is known and can be stopped. */
async function allOrThrow<T extends readonly unknown[]>(promises: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(promises)
  return (await Promise.all(promises)) as unknown as T
}

/** The whole error, with the log in it, goes to the terminal; the reason for the skipped tests is its first line. */
function noteFailure(
  missing: Partial<Record<OptionalService, string>>,
  name: OptionalService,
  error: Error,
): undefined {
  console.error(error)
  missing[name] = `${error.message.split('\n')[0]} (The first lines of this run say why.)`
}

function report(missing: Partial<Record<OptionalService, string>>): void {
  const reasons = Object.entries(missing).map(([name, reason]) => `${name}: ${reason}`)
  if (reasons.length === 0) return
  if (process.env.PHOTOSYNC_REQUIRE_SERVICES === '1')
    throw new Error(`PHOTOSYNC_REQUIRE_SERVICES is set, and not every service is here.\n${reasons.join('\n')}`)
  console.log(`Tests that need one of these are skipped:\n${reasons.join('\n')}\n`)
}
