/** One region's API for tests: a real Postgres, a bucket in memory, a listening server, a clock that the test moves. */
import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { type Accounts, makeAccounts } from '../../src/accounts/accounts.js'
import { accountRoutes } from '../../src/accounts/routes.js'
import { newId } from '../../src/core/ids.js'
import { originalKey, type Placement, renditionKey } from '../../src/core/keys.js'
import type { PhotoState } from '../../src/core/photo-state.js'
import { recipe } from '../../src/core/renditions.js'
import { type Database, openDatabase } from '../../src/db/database.js'
import { migrate } from '../../src/db/migrate.js'
import { feedRoutes } from '../../src/feed/routes.js'
import { galleryRoutes } from '../../src/gallery/routes.js'
import { makeReport, type Report } from '../../src/http/report.js'
import { buildHttp, closeHttp } from '../../src/http/server.js'
import { editRoutes } from '../../src/library/edits/routes.js'
import { libraryRoutes } from '../../src/library/routes.js'
import { trashRoutes } from '../../src/library/trash/routes.js'
import { type Log, openLog } from '../../src/observe/log.js'
import { type Metrics, makeMetrics } from '../../src/observe/metrics.js'
import { makeDirectory } from '../../src/regions/directory.js'
import { type Bucket, bytes } from '../../src/storage/bucket.js'
import { memoryBucket } from '../../src/storage/memory-bucket.js'
import { freshDatabase } from '../support/services.js'

export const region = { id: 'us-west-2', apiUrl: 'https://us-west-2.photos.example' }
export const otherRegion = { id: 'ap-southeast-1', apiUrl: 'https://ap-southeast-1.photos.example' }

export interface TestClock {
  now(): Date
  advance(ms: number): void
}

export interface TestPerson extends Placement {
  email: string
  password: string
  /** Of their one device. */
  token: string
  /** `Cookie` of a session. */
  cookie: string
}

export interface TestRegion {
  db: Database
  bucket: Bucket
  accounts: Accounts
  /** What routes signalled: the channel and what it carries. */
  signalled: string[]
  clock: TestClock
  metrics: Metrics
  app: FastifyInstance
  url: string
  /** A request with a bearer token, a cookie, a JSON body. */
  ask(method: string, path: string, options?: AskOptions): Promise<Response>
  addPerson(): Promise<TestPerson>
  close(): Promise<void>
}

export interface AskOptions {
  token?: string
  cookie?: string
  json?: unknown
  body?: BodyInit
  headers?: Record<string, string>
}

export interface RegionOptions {
  routes?: (parts: { report: Report }) => FastifyPluginAsync[]
  log?: Log
}

export async function startRegion({ routes, log = silent }: RegionOptions = {}): Promise<TestRegion> {
  const database = await freshDatabase()
  await migrate(database.url, 'region')
  await migrate(database.url, 'directory')
  // When its database is dropped a connection hears of it, and nobody needs it any more.
  const db = openDatabase({ url: database.url, onIdleError: () => {} })
  const clock = movableClock()
  const accounts = makeAccounts({
    db,
    directory: makeDirectory(db),
    region,
    regions: [region, otherRegion],
    clock,
    newId,
  })
  const signalled: string[] = []
  const signals = {
    publish: async (channel: string, payload: string) => void signalled.push(`${channel} ${payload}`),
  }
  const bucket = memoryBucket()
  const metrics = makeMetrics()
  const report = makeReport(log, metrics)
  const app = await buildHttp({
    regionId: region.id,
    authenticate: accounts.authenticate,
    metrics,
    report,
    newId,
    routes: [
      accountRoutes({ accounts }),
      feedRoutes({ db }),
      libraryRoutes({ db, accounts }),
      trashRoutes({ db, clock, signals }),
      editRoutes({ db, clock, signals }),
      galleryRoutes({ db, bucket }),
      ...(routes?.({ report }) ?? []),
    ],
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`

  return {
    db,
    bucket,
    accounts,
    signalled,
    clock,
    metrics,
    app,
    url,
    ask: (method, path, options = {}) => fetch(url + path, asRequest(method, options)),
    addPerson: () => addPerson(accounts),
    async close() {
      await closeHttp(app, { deadlineMs: 1_000 })
      await db.close()
      await database.drop()
    },
  }
}

const silent = openLog({ name: 'test', level: 'silent' })

export function movableClock(): TestClock {
  let nowMs = Date.UTC(2025, 5, 1, 12)
  return {
    now: () => new Date(nowMs),
    advance: ms => {
      nowMs += ms
    },
  }
}

function asRequest(method: string, { token, cookie, json, body, headers }: AskOptions): RequestInit {
  return {
    method,
    redirect: 'manual',
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(cookie !== undefined && { Cookie: cookie }),
      ...(json !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...(body !== undefined && { body, duplex: 'half' }),
  }
}

async function addPerson(accounts: Accounts): Promise<TestPerson> {
  const email = `${newId()}@example.org`
  const password = 'correct horse battery'
  const placement = await accounts.addAccount(email, password)
  const { token } = await accounts.addDevice(placement.person, 'phone')
  const session = await accounts.signInByLink(await accounts.createSignInLink(placement.person))
  return { ...placement, email, password, token, cookie: `photosync_session_us-west-2=${session.token}` }
}

export interface TestPhoto {
  content?: string | Buffer
  state?: PhotoState
  /** Names of those that a ready one has. */
  renditions?: readonly string[]
  shownAt?: string
  fileName?: string | null
  mediaType?: string | null
  id?: string
}

/** A photo as commit and worker would leave it: its row, its original and, when ready, its renditions (one, unless told). */
export async function addPhoto(
  { db, bucket, clock }: Pick<TestRegion, 'db' | 'bucket' | 'clock'>,
  placement: Placement,
  photo: TestPhoto = {},
): Promise<{ id: string; sha256: string; content: Buffer }> {
  const id = photo.id ?? newId()
  const { state = 'ready', shownAt = '2025-06-01T12:00:00', fileName = 'IMG_1.jpg', mediaType = 'image/jpeg' } = photo
  const content = Buffer.from(photo.content ?? `content of ${id}`)
  const sha256 = createHash('sha256').update(content).digest()
  await bucket.put(originalKey(placement, id), bytes(content))
  const renditions = state === 'ready' ? (photo.renditions ?? ['256.webp']) : []
  for (const name of renditions) {
    await bucket.put(renditionKey(placement, id, recipe, name), bytes(Buffer.from(`small ${id}`)))
  }
  await db.query(
    `insert into photos (id, person, epoch, sha256, size_bytes, file_name, stored_at, queued_at, state, reason, recipe, media_type, shown_at, renditions)
     values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13)`,
    [
      id,
      placement.person,
      placement.epoch,
      sha256,
      content.length,
      fileName,
      clock.now(),
      state,
      reasons[state] ?? null,
      state === 'ready' ? recipe : null,
      mediaType,
      shownAt,
      renditions,
    ],
  )
  return { id, sha256: sha256.toString('hex'), content }
}

const reasons: Partial<Record<PhotoState, string>> = {
  unreadable: 'This file is cut off',
  quarantined: 'Opening this file failed twice',
}

/** The parts of a problem that every one has. */
export async function readProblem(response: Response) {
  const { type, title, status, kind, detail, ...facts } = (await response.json()) as Record<string, unknown>
  return { contentType: response.headers.get('content-type'), type, title, status, kind, detail, facts }
}
