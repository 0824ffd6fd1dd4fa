/** A region as the upload path sees it: a real Postgres with its signals, people to upload for, a clock that the test moves. */
import { newId } from '../../src/core/ids.js'
import type { Placement } from '../../src/core/keys.js'
import { type Database, openDatabase } from '../../src/db/database.js'
import { migrate } from '../../src/db/migrate.js'
import { createFeed } from '../../src/feed/changes-sql.js'
import { openSignals } from '../../src/queue/open-signals.js'
import type { Signals } from '../../src/queue/signals.js'
import { createPlacement } from '../../src/regions/placements-sql.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { freshDatabase } from '../support/services.js'

export interface UploadRegion {
  db: Database
  addPerson(): Promise<Placement>
  /** Of one more process. They are closed with the region. */
  openSignals(): Promise<Signals>
  close(): Promise<void>
}

export async function openUploadRegion({ connectionsMax = 10 } = {}): Promise<UploadRegion> {
  const database = await freshDatabase()
  await migrate(database.url, 'region')
  const onIdleError = () => {}
  const db = openDatabase({ url: database.url, connectionsMax, onIdleError })
  const opened: Signals[] = []
  return {
    db,
    addPerson: () => addPerson(db),
    openSignals: async () => {
      const signals = await openSignals({ databaseUrl: database.url }, onIdleError)
      opened.push(signals)
      return signals
    },
    close: async () => {
      await Promise.all(opened.map(signals => signals.close()))
      await db.close()
      await database.drop()
    },
  }
}

async function addPerson(db: Database): Promise<Placement> {
  const placement = { person: newId(), epoch: 1 }
  const email = `${placement.person}@example.org`
  await db.transaction(async tx => {
    await tx.query(
      'insert into people (id, email, email_folded, password_hash, created_at) values ($1, $2, $2, $3, $4)',
      [placement.person, email, 'none', new Date()],
    )
    await createPlacement(tx, placement, 'open')
    await createFeed(tx, placement)
  })
  return placement
}

export interface MovableClock {
  now(): Date
  advance(ms: number): void
}

export function movableClock(): MovableClock {
  let nowMs = Date.UTC(2025, 5, 1, 12)
  return {
    now: () => new Date(nowMs),
    advance: ms => {
      nowMs += ms
    },
  }
}

/** Every key below a prefix. */
export async function keysOf(bucket: Bucket, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of bucket.list(prefix)) keys.push(key)
  return keys
}
