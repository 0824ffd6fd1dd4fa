/**
 * What the sync bench runs on: Postgres, a bucket on the disk, and API processes on them, in the far namespace of a link or beside us.
 * All in one folder that goes at the end.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiProgram, nodeFlags } from '../../../src/cli/servers.js'
import { withAccounts } from '../../../src/cli/with-accounts.js'
import type { Placement } from '../../../src/core/keys.js'
import { type Database, openDatabase } from '../../../src/db/database.js'
import { startEmbeddedPostgres } from '../../../src/db/embedded.js'
import { atEnd } from '../../support/at-end.js'
import type { LongLink } from '../../support/long-link.js'
import { startProcess, tailOf } from '../../support/process.js'
import { waitUntil } from '../../support/wait-until.js'
import { childrenRunning } from '../process-cost.js'

export interface Services {
  /** For what the bench writes besides. */
  folder: string
  db: Database
  postgresPids: readonly number[]
  /** In the far namespace of the link; without one, on loopback. */
  startApi(link?: LongLink): Promise<Api>
  addPerson(): Promise<Person>
  stop(): Promise<void>
}

export interface Api {
  url: string
  pid: number
  stop(): Promise<void>
}

export interface Person extends Placement {
  token: string
}

const startDeadlineMs = 60_000

export async function startServices(signal: AbortSignal): Promise<Services> {
  const folder = await mkdtemp(join(tmpdir(), 'photosync-bench-'))
  // Under root, Postgres runs as somebody else.
  await chmod(folder, 0o755)
  const removed = atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const postgres = await startEmbeddedPostgres({ dir: join(folder, 'postgres'), signal })
  const env = {
    PHOTOSYNC_REGION: 'us-west-2',
    DATABASE_URL: await postgres.createDatabase('region'),
    DIRECTORY_DATABASE_URL: await postgres.createDatabase('directory'),
    BUCKET_DIR: join(folder, 'bucket'),
  }
  let people = 0
  let apis = 0
  const addPerson = () =>
    withAccounts(env, async accounts => {
      const email = `bench-${people++}@photosync.example`
      const { person, epoch } = await accounts.addAccount(email, randomBytes(12).toString('hex'))
      return { person, epoch, token: (await accounts.addDevice(person, 'bench')).token }
    })
  // Makes the tables.
  await addPerson()
  const db = openDatabase({ url: env.DATABASE_URL, connectionsMax: 2, onIdleError: () => {} })
  return {
    folder,
    db,
    postgresPids: childrenRunning('postgres'),
    startApi: link => startApi(env, join(folder, `api-${apis++}.log`), link, signal),
    addPerson,
    stop: async () => {
      await db.close()
      await postgres.stop()
      removed()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

async function startApi(
  env: Readonly<Record<string, string>>,
  logFile: string,
  link: LongLink | undefined,
  signal: AbortSignal,
): Promise<Api> {
  const args = [...nodeFlags, apiProgram]
  const started = link ? link.on('far', process.execPath, args) : { command: process.execPath, args }
  const address = { HOST: link?.farAddress ?? '127.0.0.1', PORT: '0' }
  const running = await startProcess({ ...started, env: { ...env, ...address }, logFile })
  const readyUrl = () => /"url":"(http:[^"]+)".*"msg":"ready"/.exec(readFileSync(logFile, 'utf8'))?.[1]
  try {
    await waitUntil(async () => readyUrl() !== undefined, {
      what: 'the API is ready',
      deadlineMs: startDeadlineMs,
      signal,
      stillPossible: () => {
        const end = running.end()
        if (end !== undefined) throw new Error(`${end}: ${tailOf(logFile)}`)
      },
    })
    return { url: readyUrl() as string, pid: running.pid, stop: () => running.stop() }
  } catch (error) {
    await running.kill9()
    throw error
  }
}
