/**
 * What comparing costs in a first sync, beside developing: CPU time of this process and of Postgres, photo by photo, at several
 * sizes that the library has on its way, with photos that come a few at a time.
 */
import { systemClock } from '../../../src/core/clock.js'
import { makeDedupe } from '../../../workers/dedupe/dedupe-job.js'
import { developPicture } from '../../../workers/thumbnail/picture/render.js'
import { cpuMsOf } from '../process-cost.js'
import { median } from '../statistics.js'
import type { BenchDatabase } from './library.js'
import type { PhotoFile } from './photos.js'
import { addRows, makeRowSource } from './rows.js'

export interface FirstSyncCost {
  /** By the size of the library. */
  steps: { photos: number; cpuMs: number }[]
  /** Of one photo, over the whole sync. */
  comparingMs: number
  developingMs: number
}

export interface FirstSyncPlan {
  photos: number
  steps: number
  /** In each step. */
  batches: number
  /** As many as come between two looks: about what two cores develop in two seconds. */
  batchPhotos: number
}

export async function measureFirstSync(
  { db, pids, addPerson, settle }: BenchDatabase,
  photos: readonly PhotoFile[],
  plan: FirstSyncPlan,
  { say, signal }: { say: (line: string) => void; signal: AbortSignal },
): Promise<FirstSyncCost> {
  const placement = await addPerson()
  const source = makeRowSource(2)
  const job = makeDedupe({ db, clock: systemClock, onChange: async () => {} })
  const steps: FirstSyncCost['steps'] = []
  let there = 0
  for (let step = 0; step < plan.steps; step++) {
    const size = Math.round((plan.photos * (step + 0.5)) / plan.steps)
    await addRows(db, placement, source, { count: size - there, first: there, compared: true })
    there = size
    await settle()
    await job({ person: placement.person }, signal)
    let cpuMs = 0
    for (let batch = 0; batch < plan.batches; batch++) {
      signal.throwIfAborted()
      await addRows(db, placement, source, { count: plan.batchPhotos, first: there, compared: false })
      there += plan.batchPhotos
      const [ownBefore, before] = [process.cpuUsage(), cpuMsOf({ postgres: pids }).postgres ?? 0]
      const counting = process.cpuUsage(ownBefore)
      await job({ person: placement.person }, signal)
      const own = process.cpuUsage(ownBefore)
      // What counting itself costs is not the job's.
      cpuMs += (own.user + own.system - counting.user - counting.system) / 1_000
      cpuMs += (cpuMsOf({ postgres: pids }).postgres ?? 0) - before
    }
    const each = cpuMs / (plan.batches * plan.batchPhotos)
    steps.push({ photos: size, cpuMs: each })
    say(`a library of ${size}: ${each.toFixed(2)} ms of CPU for each new photo`)
  }
  const comparingMs = steps.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / steps.length
  return { steps, comparingMs, developingMs: await developingMs(photos, signal) }
}

/** Of a photo of ten megapixels or more; without what the bucket and the database cost, which would make comparing's share smaller. */
async function developingMs(photos: readonly PhotoFile[], signal: AbortSignal): Promise<number> {
  const spent: number[] = []
  for (const { read } of photos) {
    signal.throwIfAborted()
    const file = await read()
    const before = process.cpuUsage()
    const { width, height } = await developPicture(file, { now: new Date() })
    const { user, system } = process.cpuUsage(before)
    if ((width ?? 0) * (height ?? 0) >= 10_000_000) spent.push((user + system) / 1_000)
    if (spent.length === developedMax) break
  }
  if (spent.length === 0) throw new Error('there is no photo of ten megapixels to develop')
  return median(spent)
}

const developedMax = 8
