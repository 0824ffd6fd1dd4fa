/**
 * Two `photosync api` processes as in production, on one database and one bucket of their own, behind nothing: whoever asks picks one.
 * Each can be killed and started again on its port, and so can Postgres below them, and Redis.
 */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withAccounts } from '../../src/cli/with-accounts.js'
import { readConfig } from '../../src/config.js'
import { systemClock } from '../../src/core/clock.js'
import { newId } from '../../src/core/ids.js'
import type { Placement } from '../../src/core/keys.js'
import { type Database, openDatabase } from '../../src/db/database.js'
import { startEmbeddedPostgres } from '../../src/db/embedded.js'
import { queueConnection } from '../../src/open-region.js'
import { openSignals } from '../../src/queue/open-signals.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { openBucket } from '../../src/storage/open-bucket.js'
import type { Engine } from '../../src/upload/contract.js'
import { makeEngine } from '../../src/upload/engine.js'
import { startRedis } from '../support/redis.js'
import { redisAndS3 } from '../support/redis-and-s3.js'
import { freePort, type NodeProcess, spawnNode } from '../support/services.js'
import type { MovableClock } from '../upload/region.js'

export type Stores = 'Postgres and a disk' | 'Redis and S3'

/** `crashed`: as with SIGKILL of all of it; what was committed is in its log. */
export type Blow = 'api 0' | 'api 1' | 'postgres restarted' | 'postgres crashed' | 'postgres and an api' | 'redis'

export interface Apis {
  ports: readonly [number, number]
  bucket: Bucket
  addPerson(): Promise<{ placement: Placement; token: string }>
  /** Resolves once all runs again. */
  strike(blow: Blow): Promise<void>
  blows: readonly [Blow, ...Blow[]]
  /** For what a worker would do, once nothing is struck any more. */
  withEngine(clock: MovableClock, work: (engine: Engine, db: Database) => Promise<void>): Promise<void>
  stop(): Promise<void>
}

const readyDeadlineMs = 60_000

export async function startApis(stores: Stores): Promise<Apis> {
  const folder = await mkdtemp(join(tmpdir(), 'photosync-faults-'))
  // Postgres runs as somebody else where we are root.
  await chmod(folder, 0o755)
  const postgresDir = join(folder, 'pg')
  let postgres = await startEmbeddedPostgres({ dir: postgresDir })
  const redis = stores === 'Redis and S3' ? await startRedis({ dir: join(folder, 'redis') }) : undefined
  const ports = [await freePort(), await freePort()] as const
  const env = {
    PHOTOSYNC_REGION: 'ap-southeast-1',
    DATABASE_URL: await postgres.createDatabase('photosync'),
    ...(redis ? await redisAndS3(redis) : { BUCKET_DIR: join(folder, 'bucket') }),
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  }
  const start = async (index: 0 | 1): Promise<NodeProcess> => {
    const server = await spawnNode('dist/src/cli/main.js', {
      args: ['api'],
      env: { ...env, PORT: String(ports[index]) },
    })
    await server.waitForLine(/"msg":"ready"/, readyDeadlineMs)
    return server
  }
  const apis: [NodeProcess, NodeProcess] = [await start(0), await start(1)]
  const restartApi = async (index: 0 | 1, meanwhile?: () => Promise<void>) => {
    await apis[index].kill9()
    await meanwhile?.()
    apis[index] = await start(index)
  }
  const startPostgres = async () => {
    postgres = await startEmbeddedPostgres({ dir: postgresDir })
  }
  const config = readConfig(env)
  const bucket = openBucket(config.bucket)
  const strikes: Record<Blow, () => Promise<void>> = {
    'api 0': () => restartApi(0),
    'api 1': () => restartApi(1),
    'postgres restarted': async () => {
      await postgres.stop()
      await startPostgres()
    },
    'postgres crashed': async () => {
      // Its first process tells the others to end at once, and nothing is written down any more.
      const [pid = ''] = (await readFile(join(postgresDir, 'data', 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), 'SIGQUIT')
      await postgres.stop()
      await startPostgres()
    },
    'postgres and an api': async () => {
      await postgres.stop()
      await restartApi(0, startPostgres)
    },
    redis: async () => {
      await redis?.kill9()
      await redis?.restart()
    },
  }
  return {
    ports,
    bucket,
    blows: [
      'api 0',
      'api 1',
      'postgres restarted',
      'postgres crashed',
      'postgres and an api',
      ...(redis ? ['redis' as const] : []),
    ],
    strike: blow => strikes[blow](),
    addPerson: () =>
      withAccounts(env, async accounts => {
        const { person, epoch } = await accounts.addAccount(`${newId()}@people.example`, newId())
        const { token } = await accounts.addDevice(person, 'phone')
        return { placement: { person, epoch }, token }
      }),
    withEngine: async (clock, work) => {
      const db = openDatabase({ url: env.DATABASE_URL, connectionsMax: 3, onIdleError: () => {} })
      const signals = await openSignals(queueConnection(config), () => {})
      const engine = await makeEngine({ db, bucket, signals, clock, newId })
      try {
        await work(engine, db)
      } finally {
        engine.close()
        await signals.close()
        await db.close()
      }
    },
    stop: async () => {
      await Promise.all(apis.map(api => api.stop()))
      await bucket.close()
      await postgres.stop()
      await redis?.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The real time, that can be moved on. */
export function realClock(): MovableClock {
  let aheadMs = 0
  return {
    now: () => new Date(systemClock.now().getTime() + aheadMs),
    advance: ms => {
      aheadMs += ms
    },
  }
}
