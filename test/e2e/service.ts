/**
 * One region of the service as it runs in production, for end-to-end tests: `photosync api` and `photosync worker` as
 * processes of their own, from the environment, on either kind of store.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DrawGalleryOptions, type DrawnFile, drawGallery } from '../../fixtures/draw-gallery.js'
import { withAccounts } from '../../src/cli/with-accounts.js'
import { readConfig } from '../../src/config.js'
import type { Database } from '../../src/db/database.js'
import { openDatabase } from '../../src/db/database.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { openBucket } from '../../src/storage/open-bucket.js'
import { startRedis } from '../support/redis.js'
import { redisAndS3 } from '../support/redis-and-s3.js'
import { freePort, freshDatabase, type NodeProcess, spawnNode } from '../support/services.js'

export type Stores = 'Postgres and a disk' | 'Redis and S3'

export interface Person {
  id: string
  email: string
  password: string
  token: string
  signInLink: string
}

export interface Service {
  /** Where handsets send. */
  server: string
  env: Record<string, string>
  db: Database
  bucket: Bucket
  addPerson(): Promise<Person>
  startApi(): Promise<NodeProcess>
  /** One more API process on the same stores, until `stop`; `own` goes into its environment. Resolves with its address. */
  addApi(own?: Readonly<Record<string, string>>): Promise<string>
  startWorker(): Promise<NodeProcess>
  /** Both running. */
  api: NodeProcess
  worker: NodeProcess
  stop(): Promise<void>
}

const readyDeadlineMs = 30_000

/** `more` goes into the environment of all its processes. */
export async function startService(stores: Stores, more: Readonly<Record<string, string>> = {}): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'photosync-e2e-'))
  const database = await freshDatabase()
  const port = await freePort()
  const redis = stores === 'Redis and S3' ? await startRedis({ dir: join(folder, 'redis') }) : undefined
  const env = {
    PHOTOSYNC_REGION: 'ap-southeast-1',
    DATABASE_URL: database.url,
    PORT: String(port),
    ...(redis ? await redisAndS3(redis) : { BUCKET_DIR: join(folder, 'bucket') }),
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    ...more,
  }
  const added: NodeProcess[] = []
  const start = async (word: string, own: Readonly<Record<string, string>> = {}) => {
    const server = await spawnNode('dist/src/cli/main.js', { args: [word], env: { ...env, ...own } })
    await server.waitForLine(/"msg":"ready"/, readyDeadlineMs)
    return server
  }
  const db = openDatabase({ url: database.url, onIdleError: () => {} })
  const bucket = openBucket(readConfig(env).bucket)
  const service: Service = {
    server: `http://127.0.0.1:${port}`,
    env,
    db,
    bucket,
    api: await start('api'),
    worker: await start('worker'),
    startApi: async () => {
      service.api = await start('api')
      return service.api
    },
    addApi: async (own = {}) => {
      const addedPort = await freePort()
      added.push(await start('api', { ...own, PORT: String(addedPort) }))
      return `${'TLS_CERT_FILE' in own ? 'https' : 'http'}://127.0.0.1:${addedPort}`
    },
    startWorker: async () => {
      service.worker = await start('worker')
      return service.worker
    },
    addPerson: () => addPerson(env),
    stop: async () => {
      await Promise.all([service.api, service.worker, ...added].map(running => running.stop()))
      await Promise.all([db.close(), bucket.close()])
      await database.drop()
      await redis?.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return service
}

export interface Scene {
  service: Service
  person: Person
  /** A drawn gallery, not pushed yet. */
  dir: string
  drawn: DrawnFile[]
  close(): Promise<void>
}

/** A service with one person, and a gallery on that person's disk. */
export async function startScene(stores: Stores, wish: DrawGalleryOptions): Promise<Scene> {
  const dir = await mkdtemp(join(tmpdir(), 'photosync-gallery-'))
  const [service, drawn] = await Promise.all([startService(stores), drawGallery(dir, wish)])
  const person = await service.addPerson()
  const close = async () => {
    await service.stop()
    await rm(dir, { recursive: true, force: true })
  }
  return { service, person, dir, drawn, close }
}

async function addPerson(env: Record<string, string>): Promise<Person> {
  const email = `${randomBytes(6).toString('hex')}@people.example`
  const password = randomBytes(12).toString('base64url')
  return withAccounts(env, async accounts => {
    const { person: id } = await accounts.addAccount(email, password)
    const { token } = await accounts.addDevice(id, 'phone')
    return { id, email, password, token, signInLink: await accounts.createSignInLink(id) }
  })
}
