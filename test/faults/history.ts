/** One history: handsets of one person send files through two processes on a bad day; then calm returns, and all is checked. */
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '../../src/core/ids.js'
import { originalKey, type Placement, placementPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Database } from '../../src/db/database.js'
import type { Job } from '../../src/queue/jobs.js'
import { drainOutbox } from '../../src/queue/outbox-sql.js'
import type { Signals } from '../../src/queue/signals.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { memoryBucket } from '../../src/storage/memory-bucket.js'
import { retryingBucket } from '../../src/storage/retrying-bucket.js'
import { type Engine, makeEngine } from '../../src/upload/engine.js'
import { lateEffectsMs } from '../../src/upload/upload.js'
import { makeReap } from '../../workers/reap/reap.js'
import { makeSweep } from '../../workers/reap/sweep.js'
import { keysOf, type MovableClock, movableClock, type UploadRegion } from '../upload/region.js'
import { type File, type Handset, handset } from './client.js'
import { type Random, seededRandom } from './random.js'
import { mortal, type Trouble, trouble } from './troubled.js'

export interface Totals {
  stored: number
  refused: number
  requests: number
}

const requestsMax = 40
const calmRequestsMax = 12

export async function runHistory(
  region: UploadRegion,
  signals: readonly [Signals, Signals],
  seed: string,
): Promise<Totals> {
  const random = seededRandom(seed)
  const clock = movableClock()
  const bucket = memoryBucket({ clock })
  const bad = trouble(bucket, region.db, random.fork('trouble'), {
    shares: { before: 0.06, after: 0.06, cut: 0.04, delay: 0.1, cutBytesMax: 200_000, delayMsMax: 30 },
    lateShare: 0.05,
    databaseShare: random.chance(0.4) ? 0.015 : 0,
  })
  // As in production, or with every fault in plain sight.
  const retrying = { attemptsMax: 3, firstDelayMs: 2 }
  const parts = { db: bad.db, bucket: random.chance(0.5) ? retryingBucket(bad.bucket, retrying) : bad.bucket, clock }
  const placement = await region.addPerson()
  const processes = await openProcesses(signals, parts)
  const files = drawFiles(random.fork('files'))
  const handsets = files.map((file, index) =>
    handset({
      file,
      caller: { ...placement, device: null, session: false },
      engine: processes.any(random.fork(`process ${index}`)),
      random: random.fork(`handset ${index}`),
    }),
  )
  const killer = random.fork('killer')
  const troubles = handsets.map(async phone => {
    for (let request = 0; request < requestsMax && phone.outcome === undefined; request++) {
      if (killer.chance(0.006)) await processes.kill(killer.between(0, 1))
      await phone.step(false)
    }
  })
  try {
    await Promise.all(troubles)
    bad.calm()
    await Promise.all(handsets.map(finishCalmly))
    await Promise.all(handsets.map(phone => phone.settled()))
    for (const engine of processes.alive) {
      if (engine.heldBytes() !== 0) throw new Error(`${engine.heldBytes()} bytes are still counted as held`)
    }
    await checkStored(region.db, bucket, placement, handsets)
    await checkCleared(region.db, bucket, placement, clock, processes.alive[0], bad)
    await checkStored(region.db, bucket, placement, handsets)
  } finally {
    bad.calm()
    await Promise.allSettled(troubles)
    await Promise.allSettled(handsets.map(phone => phone.settled()))
    processes.close()
  }
  const count = (outcome: Handset['outcome']) => handsets.filter(phone => phone.outcome === outcome).length
  return { stored: count('stored'), refused: count('refused'), requests: processes.requests }
}

/** With nothing in its way any more, a handset comes to its end soon. */
async function finishCalmly(phone: Handset): Promise<void> {
  for (let request = 0; request < calmRequestsMax && phone.outcome === undefined; request++) await phone.step(true)
  if (phone.outcome === undefined) throw new Error('a handset does not come to its end')
}

interface Processes {
  readonly alive: [Engine, Engine]
  readonly requests: number
  any(random: Random): () => Engine
  /** As with SIGKILL, and another one is started in its place. */
  kill(index: number): Promise<void>
  close(): void
}

async function openProcesses(
  signals: readonly [Signals, Signals],
  parts: { db: Database; bucket: Bucket; clock: MovableClock },
): Promise<Processes> {
  const deaths: (() => void)[] = []
  let requests = 0
  const start = async (index: number) => {
    let dead = false
    const isDead = () => dead
    const engine = await makeEngine({
      db: mortal(parts.db, isDead),
      bucket: mortal(parts.bucket, isDead),
      signals: signals[index] as Signals,
      clock: parts.clock,
      newId,
    })
    deaths[index] = () => {
      dead = true
      engine.close()
    }
    return engine
  }
  const alive: [Engine, Engine] = [await start(0), await start(1)]
  return {
    alive,
    get requests() {
      return requests
    },
    any: random => () => {
      requests++
      return random.pick(alive)
    },
    kill: async index => {
      deaths[index]?.()
      alive[index] = await start(index)
    },
    close: () => {
      for (const die of deaths) die()
    },
  }
}

function drawFiles(random: Random): File[] {
  const contents: Buffer[] = []
  return Array.from({ length: random.between(1, 3) }, () => {
    const known = contents.length > 0 && random.chance(0.3)
    const content = known ? random.pick(contents as [Buffer]) : random.bytes(drawSize(random))
    contents.push(content)
    const sha256 = createHash('sha256').update(content).digest('hex')
    const isWrong = random.chance(0.08)
    const announced = isWrong ? sha256.replace(/^./, first => (first === '0' ? '1' : '0')) : sha256
    const isAnnounced = isWrong || random.chance(0.5)
    return { content, isWrong, metadata: isAnnounced ? `sha256 ${Buffer.from(announced).toString('base64')}` : '' }
  })
}

function drawSize(random: Random): number {
  if (random.chance(0.03)) return 0
  if (random.chance(0.04)) return limits.smallUploadBytes + random.between(-1, 1)
  if (random.chance(0.09)) return limits.partSizeBytes + random.between(1, 9 * 1024 * 1024)
  return random.between(1, random.pick([10, 5_000, 300_000]))
}

/** What the handsets were told is so, and nothing else is stored. */
async function checkStored(
  db: Database,
  bucket: Bucket,
  placement: Placement,
  handsets: readonly Handset[],
): Promise<void> {
  const { person } = placement
  const photos = await db.query<{ id: string; sha256: Buffer; sizeBytes: number }>(
    'select id, sha256, size_bytes as "sizeBytes" from photos where person = $1',
    [person],
  )
  const byHash = new Map<string, string>()
  for (const { id, sha256, sizeBytes } of photos) {
    const bytes = await buffer((await bucket.get(originalKey(placement, id))).body)
    must(createHash('sha256').update(bytes).digest().equals(sha256), `photo ${id} has other bytes than its hash says`)
    must(bytes.length === sizeBytes, `photo ${id} has another size`)
    byHash.set(sha256.toString('hex'), id)
  }
  const sent = new Set<string>()
  for (const { outcome, receipt, file } of handsets) {
    const sha256 = createHash('sha256').update(file.content).digest('hex')
    if (outcome === 'stored') {
      sent.add(sha256)
      must(byHash.get(sha256) === receipt?.storedAs, 'a receipt names another photo than that of these bytes')
    }
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

/** Reaped now and again when late effects have come and all has expired: then only photos are left. */
async function checkCleared(
  db: Database,
  bucket: Bucket,
  placement: Placement,
  clock: MovableClock,
  engine: Engine,
  bad: Trouble,
): Promise<void> {
  const reap = makeReap(db, bucket, clock)
  const never = new AbortController().signal
  const thumbnails: string[] = []
  const work = async (jobs: readonly Job[]) => {
    for (const job of jobs) {
      if (job.name === 'reap') await reap(job.data, never)
      else thumbnails.push(job.data.photo)
    }
  }
  const drain = async () => {
    while ((await drainOutbox(db, 50, work)) > 0);
  }
  const queue = {
    add: work,
    counts: () => Promise.reject(new Error('nobody counts')),
    check: async () => {},
    close: async () => {},
  }
  const sweep = makeSweep(db, engine, queue, clock)

  await drain()
  await bad.late()
  await sleep(0)
  clock.advance(limits.uploadLifetimeMs + 1_000)
  await sweep()
  await drain()
  clock.advance(lateEffectsMs)
  await sweep()
  await drain()

  const photos = await db.query<{ id: string }>('select id from photos where person = $1', [placement.person])
  const wanted = photos.map(({ id }) => originalKey(placement, id)).sort()
  const found = await keysOf(bucket, placementPrefix(placement))
  must(
    JSON.stringify(found) === JSON.stringify(wanted),
    `left in the bucket: ${found.filter(key => !wanted.includes(key))}`,
  )
  for await (const { key } of bucket.listMultiparts(placementPrefix(placement))) must(false, `parts are left of ${key}`)
  const uploads = await db.query('select id from uploads where person = $1', [placement.person])
  must(uploads.length === 0, 'rows of uploads are left')
  must(
    photos.every(({ id }) => thumbnails.includes(id)),
    'not every photo has its thumbnail asked for',
  )
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
