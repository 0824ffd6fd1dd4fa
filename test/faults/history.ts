/** One history: handsets of one person send files through two processes on a bad day; then calm returns, and all is checked. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isAppError } from '../../src/core/errors.js'
import { limits } from '../../src/core/limits.js'
import type { Signals } from '../../src/queue/signals.js'
import { memoryBucket } from '../../src/storage/memory-bucket.js'
import { retryingBucket } from '../../src/storage/retrying-bucket.js'
import { movableClock, type UploadRegion } from '../upload/region.js'
import { checkCleared, checkStored, hexOf, must } from './checks.js'
import { drawHabits, type File, type Handset, handset, requestsMaxOf } from './handset.js'
import { joiningHandset } from './joining-handset.js'
import { openProcesses } from './processes.js'
import { type Random, seededRandom } from './random.js'
import { trouble } from './troubled.js'
import { makeWorker, type Worker } from './worker.js'

export interface Totals {
  stored: number
  refused: number
  requests: number
}

export interface Weather {
  /** Chance of a process to be killed before a request. */
  killShare: number
  /** Chance of a call of a multipart to find it lost. */
  lostShare: number
  /** Memory for bodies in each process; one is drawn. */
  memoryBytes: readonly [number, ...number[]]
}

const calmRequestsMax = 16
/** Long enough for a holder that was killed to be no longer believed after a few times. */
const waitMs = 5_000

export async function runHistory(
  region: UploadRegion,
  signals: readonly [Signals, Signals],
  seed: string,
  { killShare, lostShare, memoryBytes }: Weather,
): Promise<Totals> {
  const random = seededRandom(seed)
  const clock = movableClock()
  const bucket = memoryBucket({ clock, mayLeaveOutParts: random.fork('store').chance(0.5) })
  const bad = trouble(bucket, region.db, random.fork('trouble'), {
    shares: { before: 0.06, after: 0.06, cut: 0.04, delay: 0.1, lost: lostShare, cutBytesMax: 200_000, delayMsMax: 30 },
    lateShare: 0.05,
    databaseShare: random.chance(0.4) ? 0.015 : 0,
  })
  // As in production, or with every fault in plain sight.
  const retrying = { attemptsMax: 3, firstDelayMs: 2 }
  const troubled = random.chance(0.5) ? retryingBucket(bad.bucket, retrying) : bad.bucket
  const placement = await region.addPerson()
  const parts = { signals, db: bad.db, bucket: troubled, clock, memoryBytes: random.pick(memoryBytes) }
  const processes = await openProcesses(parts)
  const phones = drawFiles(random.fork('files')).map((file, index) => {
    const mine = random.fork(`handset ${index}`)
    const habits = drawHabits(file.content.length, mine)
    const play = mine.chance(0.2) ? joiningHandset : handset
    const phone = play({
      file,
      habits,
      caller: { ...placement, device: null, session: false },
      engine: processes.any(random.fork(`process ${index}`)),
      mayBeLost: bad.hasLost,
      wait: () => clock.advance(waitMs),
      random: mine,
    })
    return { phone, requestsMax: requestsMaxOf(habits, file.content.length) }
  })
  const handsets = phones.map(({ phone }) => phone)
  const killer = random.fork('killer')
  const worker = makeWorker({ db: region.db, bucket, clock, engine: () => processes.alive[0] })
  const troubles = phones.map(async ({ phone, requestsMax }) => {
    for (let request = 0; request < requestsMax && phone.outcome === undefined; request++) {
      if (killer.chance(killShare)) await processes.kill(killer.between(0, 1))
      await phone.step(false)
    }
  })
  const working = workUntil(worker, random.fork('worker'), Promise.allSettled(troubles))
  working.catch(() => {})
  const place = { db: region.db, bucket, placement }
  const told = () =>
    handsets
      .filter(({ outcome }) => outcome === 'stored')
      .map(({ content, receipt }) => ({ content, photo: receipt?.storedAs ?? null }))
  try {
    await Promise.all(troubles)
    await working
    bad.calm()
    await Promise.all(handsets.map(finishCalmly))
    await Promise.all(handsets.map(phone => phone.settled()))
    for (const engine of processes.alive) {
      must(engine.heldBytes() === 0, `${engine.heldBytes()} bytes are still counted as held`)
    }
    await checkStored(place, told())
    await checkCleared({ ...place, clock, worker, late: bad.late })
    await checkStored(place, told())
  } finally {
    bad.calm()
    await working.catch(() => {})
    await Promise.allSettled(handsets.map(phone => phone.settled()))
    processes.close()
  }
  const count = (outcome: Handset['outcome']) => handsets.filter(phone => phone.outcome === outcome).length
  return { stored: count('stored'), refused: count('refused'), requests: processes.requests }
}

/** The worker is at it all the while. Its own failures are made good by its next round. */
async function workUntil(worker: Worker, random: Random, end: Promise<unknown>): Promise<void> {
  let isOver = false
  void end.then(() => {
    isOver = true
  })
  while (!isOver) {
    await sleep(random.between(20, 300))
    await worker.drain().catch(mayBe)
    await worker.sweep().catch(mayBe)
  }
}

/** On a bad day. */
function mayBe(error: unknown): void {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error]
  for (const each of errors) if (!isAppError(each)) throw each
}

/** With nothing in its way any more, a handset comes to its end soon. */
async function finishCalmly(phone: Handset): Promise<void> {
  for (let request = 0; request < calmRequestsMax && phone.outcome === undefined; request++) await phone.step(true)
  must(phone.outcome !== undefined, 'a handset does not come to its end')
}

function drawFiles(random: Random): File[] {
  const contents: Buffer[] = []
  return Array.from({ length: random.between(1, 3) }, () => {
    const known = contents.length > 0 && random.chance(0.3)
    const content = known ? random.pick(contents as [Buffer]) : random.bytes(drawSize(random))
    contents.push(content)
    const sha256 = hexOf(content)
    const isWrong = random.chance(0.08)
    const announced = isWrong ? sha256.replace(/^./, first => (first === '0' ? '1' : '0')) : sha256
    const isAnnounced = isWrong || random.chance(0.5)
    return { content, isWrong, metadata: isAnnounced ? `sha256 ${Buffer.from(announced).toString('base64')}` : '' }
  })
}

function drawSize(random: Random): number {
  if (random.chance(0.04)) return 0
  // Few, since they cost most of the time.
  if (random.chance(0.025)) return limits.smallUploadBytes + random.between(-1, 1)
  if (random.chance(0.03)) return limits.partSizeBytes + random.between(1, random.pick([1, 9]) * 1024 * 1024)
  return random.between(1, random.pick([10, 5_000, 300_000, 1_500_000]))
}
