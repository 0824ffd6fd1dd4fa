/** What must be so when calm has returned: what was told to be stored is, once and byte for byte, and nothing else is left. */
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { originalKey, type Placement, placementPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Database } from '../../src/db/database.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { lateEffectsMs } from '../../src/upload/upload.js'
import { keysOf, type MovableClock } from '../upload/region.js'
import type { Worker } from './worker.js'

/** A file, and the photo that its sender was told it is. */
export interface Told {
  content: Buffer
  photo: string | null
}

export interface Place {
  db: Database
  bucket: Bucket
  placement: Placement
}

/** The photos are those that were told, and no others. */
export async function checkStored({ db, bucket, placement }: Place, told: readonly Told[]): Promise<void> {
  const { person } = placement
  const photos = await db.query<{ id: string; sha256: Buffer; sizeBytes: number }>(
    'select id, sha256, size_bytes as "sizeBytes" from photos where person = $1',
    [person],
  )
  const byHash = new Map<string, string>()
  for (const { id, sha256, sizeBytes } of photos) {
    const bytes = await buffer((await bucket.get(originalKey(placement, id))).body)
    must(hexOf(bytes) === sha256.toString('hex'), `photo ${id} has other bytes than its hash says`)
    must(bytes.length === sizeBytes, `photo ${id} has another size`)
    byHash.set(sha256.toString('hex'), id)
  }
  const sent = new Set<string>()
  for (const { content, photo } of told) {
    const sha256 = hexOf(content)
    sent.add(sha256)
    must(byHash.get(sha256) === photo, 'a receipt names another photo than that of these bytes')
  }
  must(photos.length === sent.size, `${photos.length} photos of ${sent.size} different files`)
  const changes = await db.query<{ seq: number; photo: string }>(
    `select seq, photo from changes where person = $1 and kind = 'stored' order by seq`,
    [person],
  )
  must(
    changes.every(({ seq }, index) => seq === index + 1),
    'the feed has gaps',
  )
  must(new Set(changes.map(({ photo }) => photo)).size === photos.length, 'the feed does not tell of every photo')
}

export interface Clearing extends Place {
  clock: Pick<MovableClock, 'advance'>
  worker: Worker
  /** Brings about what was given up and not done yet. */
  late?: () => Promise<void>
}

/** The worker goes its rounds until late effects have come and all has expired: then only photos are left. */
export async function checkCleared({ db, bucket, placement, clock, worker, late }: Clearing): Promise<void> {
  await worker.drain()
  await late?.()
  clock.advance(limits.uploadLifetimeMs + 1_000)
  await worker.sweep()
  await worker.drain()
  // Of those that only ended then, late effects may come as long again.
  for (let round = 0; round < 2; round++) {
    clock.advance(lateEffectsMs + 1_000)
    await worker.sweep()
    await worker.drain()
  }

  const photos = await db.query<{ id: string }>('select id from photos where person = $1', [placement.person])
  const wanted = photos.map(({ id }) => originalKey(placement, id)).sort()
  const found = await keysOf(bucket, placementPrefix(placement))
  const left = found.filter(key => !wanted.includes(key))
  must(left.length === 0, `left in the bucket: ${left}`)
  must(found.length === wanted.length, 'photos are missing in the bucket')
  for await (const { key } of bucket.listMultiparts(placementPrefix(placement))) must(false, `parts are left of ${key}`)
  const uploads = await db.query('select id from uploads where person = $1', [placement.person])
  must(uploads.length === 0, 'rows of uploads are left')
  const isAskedFor = photos.every(({ id }) => worker.thumbnails.has(id))
  must(isAskedFor, 'not every photo has its thumbnail asked for')
}

export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

export const hexOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
