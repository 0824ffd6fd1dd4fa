/** What the tests of single moments play on: one person, a bucket in memory, a process whose bucket or database is troubled, and one without. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Caller } from '../../src/accounts/caller.js'
import { AppError } from '../../src/core/errors.js'
import { newId } from '../../src/core/ids.js'
import { originalKey } from '../../src/core/keys.js'
import type { Database } from '../../src/db/database.js'
import type { Signals } from '../../src/queue/signals.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { memoryBucket } from '../../src/storage/memory-bucket.js'
import type { Engine } from '../../src/upload/contract.js'
import { makeEngine } from '../../src/upload/engine.js'
import type { Upload } from '../../src/upload/upload.js'
import { makeReap } from '../../workers/reap/reap.js'
import { type MovableClock, movableClock, type UploadRegion } from '../upload/region.js'

export interface Scene {
  clock: MovableClock
  bucket: Bucket
  caller: Caller
  engine: Engine
  /** Another process, which has no trouble. */
  other: Engine
  reap(upload: string): Promise<void>
  /** The bytes of the photo that it became. */
  stored(upload: Upload): Promise<Buffer>
}

export interface SceneOptions {
  region: UploadRegion
  signals: Signals
  /** The troubled process's bucket, around the one that both have. */
  around?: (bucket: Bucket) => Bucket
  /** The troubled process's. */
  db?: Database
  /** The other one's. */
  otherDb?: Database
  /** Of the troubled process, for bodies. */
  memoryBytes?: number
  /** See Bucket. */
  mayLeaveOutParts?: boolean
}

export async function openScene({
  region,
  signals,
  around,
  db = region.db,
  otherDb = region.db,
  memoryBytes,
  mayLeaveOutParts = true,
}: SceneOptions): Promise<Scene> {
  const clock = movableClock()
  const bucket = memoryBucket({ clock, mayLeaveOutParts })
  const caller: Caller = { ...(await region.addPerson()), device: null, session: false }
  const parts = { signals, clock, newId }
  const engine = await makeEngine({
    ...parts,
    db,
    bucket: around?.(bucket) ?? bucket,
    ...(memoryBytes !== undefined && { memoryBytes }),
  })
  return {
    clock,
    bucket,
    caller,
    engine,
    other: await makeEngine({ ...parts, db: otherDb, bucket }),
    reap: upload => makeReap(region.db, bucket, clock)({ upload }, new AbortController().signal),
    stored: async upload => buffer((await bucket.get(originalKey(caller, upload.storedAs as string))).body),
  }
}

export const bodyOf = (bytes: Buffer, chunkBytes = 65_536): { stream: Readable } => ({
  stream: Readable.from(chunksOf(bytes, chunkBytes), { objectMode: false }),
})

function* chunksOf(bytes: Buffer, chunkBytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

/** A call that is given up, and happens when the test says so. */
export function givenUp<Call extends 'put' | 'uploadPart'>(bucket: Bucket, call: Call) {
  let later: (() => Promise<unknown>) | undefined
  const first = bucket[call] as (...args: unknown[]) => Promise<unknown>
  const around = {
    ...bucket,
    [call]: async (...args: unknown[]) => {
      if (later) return first(...args)
      later = () => first(...args)
      throw new AppError('unavailable', 'It took too long')
    },
  }
  return { around, happen: async () => later?.() }
}

/** Something that waits until the test lets it go on. */
export function gate() {
  let open = () => {}
  let arrive = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const arrived = new Promise<void>(resolve => {
    arrive = resolve
  })
  return {
    /** What passes through. */
    pass: (): Promise<void> => {
      arrive()
      return opened
    },
    /** Resolves once somebody waits at it. */
    arrived,
    open: (): void => open(),
  }
}
