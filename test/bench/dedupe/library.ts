/** A region's database for the bench: a real Postgres in a folder of its own, with people who have libraries of wanted sizes. */
import { rmSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId } from '../../../src/core/ids.js'
import type { Placement } from '../../../src/core/keys.js'
import { type Database, openDatabase } from '../../../src/db/database.js'
import { startEmbeddedPostgres } from '../../../src/db/embedded.js'
import { migrate } from '../../../src/db/migrate.js'
import { createPlacement } from '../../../src/regions/placements-sql.js'
import { atEnd } from '../../support/at-end.js'
import { childrenRunning } from '../process-cost.js'

export interface BenchDatabase {
  /** For what a bench writes besides; gone when it has ended. */
  folder: string
  db: Database
  pids: readonly number[]
  addPerson(): Promise<Placement>
  /** As autovacuum leaves it some time after many rows have come. */
  settle(): Promise<void>
  stop(): Promise<void>
}

export async function startDatabase(signal: AbortSignal): Promise<BenchDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'photosync-bench-'))
  // Under root, Postgres runs as somebody else.
  await chmod(folder, 0o755)
  const removed = atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const postgres = await startEmbeddedPostgres({ dir: join(folder, 'postgres'), signal })
  const pids = childrenRunning('postgres')
  const url = await postgres.createDatabase('photosync')
  await migrate(url, 'region')
  const db = openDatabase({ url, connectionsMax: 2, onIdleError: () => {} })
  return {
    folder,
    db,
    pids,
    addPerson: async () => {
      const person = newId()
      await db.query(
        `insert into people (id, email, email_folded, password_hash, created_at) values ($1, $1, $1, 'none', now())`,
        [person],
      )
      await createPlacement(db, { person, epoch: 1 }, 'open')
      return { person, epoch: 1 }
    },
    settle: async () => {
      await db.query('vacuum analyze photos')
    },
    stop: async () => {
      await db.close()
      await postgres.stop()
      removed()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
