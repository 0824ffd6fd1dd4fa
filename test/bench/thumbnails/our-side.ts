/**
 * Ours: a worker as in production on a real Postgres, Redis where it is found, and a bucket on the disk. Photos are stored as an
 * upload's commit stores them; the work is from the first commit to the last photo being ready.
 */
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { nodeFlags, workerProgram } from '../../../src/cli/servers.js'
import { withAccounts } from '../../../src/cli/with-accounts.js'
import { readConfig } from '../../../src/config.js'
import { newId } from '../../../src/core/ids.js'
import { originalKey, type Placement } from '../../../src/core/keys.js'
import { openDatabase } from '../../../src/db/database.js'
import type { EmbeddedPostgres } from '../../../src/db/embedded.js'
import { commitOriginal } from '../../../src/library/commit-sql.js'
import { queueConnection } from '../../../src/open-region.js'
import { gatheredSignals } from '../../../src/queue/gathered-signals.js'
import { openSignals } from '../../../src/queue/open-signals.js'
import { bytes } from '../../../src/storage/bucket.js'
import { openBucket } from '../../../src/storage/open-bucket.js'
import { spawnNode } from '../../support/spawn-node.js'

export interface OurSide {
  pid: number
  /** Stores these photos, `times` times over, each of new content; it isn't work of the worker's yet. */
  prepare(photos: readonly Buffer[], times: number): Promise<void>
  /** Commits so many of what was prepared, in its order, and waits until they are ready. */
  work(count: number, signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

export interface OurServices {
  folder: string
  postgres: EmbeddedPostgres
  redisUrl: string | undefined
  /** Photos decoded at once. */
  concurrency: number
}

const readyDeadlineMs = 60_000

export async function startOurs({ folder, postgres, redisUrl, concurrency }: OurServices): Promise<OurSide> {
  const env = {
    PHOTOSYNC_REGION: 'us-west-2',
    DATABASE_URL: await postgres.createDatabase('region'),
    DIRECTORY_DATABASE_URL: await postgres.createDatabase('directory'),
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
    BUCKET_DIR: join(folder, 'bucket'),
    WORKER_CONCURRENCY: String(concurrency),
    LOG_LEVEL: 'info',
  }
  const placement: Placement = await withAccounts(env, async accounts => {
    const { person, epoch } = await accounts.addAccount('bench@photosync.example', randomBytes(12).toString('hex'))
    return { person, epoch }
  })
  const config = readConfig(env)
  const worker = await spawnNode(workerProgram, { env, nodeFlags })
  await worker.waitForLine(/"msg":"ready"/, readyDeadlineMs)
  const bucket = openBucket(config.bucket)
  const db = openDatabase({ url: env.DATABASE_URL, connectionsMax: 4, onIdleError: () => {} })
  const signals = gatheredSignals(await openSignals(queueConnection(config), () => {}))
  const prepared: { photo: string; sha256: Buffer; sizeBytes: number }[] = []

  return {
    pid: worker.pid,
    prepare: async (photos, times) => {
      for (const original of Array.from({ length: times }, () => photos).flat()) {
        // A decoder looks no further than the picture's end.
        const content = Buffer.concat([original, randomBytes(16)])
        const photo = newId()
        await bucket.put(originalKey(placement, photo), bytes(content))
        prepared.push({ photo, sha256: createHash('sha256').update(content).digest(), sizeBytes: content.length })
      }
    },
    work: async (count, signal) => {
      for (const original of prepared.splice(0, count)) {
        const facts = { ...placement, ...original, fileName: null, device: null, modifiedAt: null }
        await commitOriginal(db, facts, new Date())
        // As an upload's commit does.
        void signals.publish('outbox', '')
      }
      const unfinished = async () => {
        const [row] = await db.query<{ count: number }>(`select count(*) as count from photos where state <> 'ready'`)
        return row?.count ?? 0
      }
      while ((await unfinished()) > 0) await sleep(20, undefined, { signal })
    },
    stop: async () => {
      await worker.stop()
      await Promise.all([db.close(), bucket.close(), signals.close()])
    },
  }
}
