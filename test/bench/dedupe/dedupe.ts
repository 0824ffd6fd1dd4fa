/**
 * The dedupe bench: how long a new photo is looked for in a library of a million, what share of a first sync's CPU goes into that, how
 * many edits are found, and how many different photos are called the same.
 */
import { join } from 'node:path'
import { AppError } from '../../../src/core/errors.js'
import type { Bench, BenchOptions, BenchOutcome } from '../bench.js'
import { processCostMissing } from '../process-cost.js'
import { percentile, round } from '../statistics.js'
import { table } from '../table.js'
import { type Accuracy, measureAccuracy } from './accuracy.js'
import { type FirstSyncCost, type FirstSyncPlan, measureFirstSync } from './first-sync.js'
import { startDatabase } from './library.js'
import { type LookupTimes, measureLookups } from './lookup.js'
import { drawPhotos, photosIn } from './photos.js'

export const dedupeBench: Bench = {
  run: async options => {
    const absence = processCostMissing()
    if (absence) throw new AppError('unavailable', absence)
    return measure(options, options.quick ? quickPlan : fullPlan)
  },
}

interface Plan {
  library: number
  lookups: number
  sync: FirstSyncPlan
  drawn: { photos: number; megapixels: number }
  /** To know what developing costs. */
  developed: number
}

const fullPlan: Plan = {
  library: 1_000_000,
  lookups: 1_000,
  sync: { photos: 100_000, steps: 5, batches: 40, batchPhotos: 28 },
  drawn: { photos: 60, megapixels: 2 },
  developed: 6,
}
const quickPlan: Plan = {
  library: 20_000,
  lookups: 20,
  sync: { photos: 4_000, steps: 2, batches: 3, batchPhotos: 10 },
  drawn: { photos: 6, megapixels: 0.3 },
  developed: 1,
}

async function measure({ photos: given, say, signal }: BenchOptions, plan: Plan): Promise<BenchOutcome> {
  const database = await startDatabase(signal)
  try {
    const drawn = (name: string, wish: Plan['drawn']) => drawPhotos(join(database.folder, name), wish, signal)
    const photos = given === undefined ? await drawn('photos', plan.drawn) : await photosIn(given)
    const accuracy = await measureAccuracy(photos, { say, signal })
    const camera = await drawn('camera', { photos: plan.developed + 1, megapixels: 12 })
    const sync = await measureFirstSync(database, camera, plan.sync, { say, signal })
    const lookup = await measureLookups(database, { photos: plan.library, lookups: plan.lookups, say, signal })
    return { results: resultsOf(accuracy, sync, lookup), tables: describe(accuracy, sync, lookup) }
  } finally {
    await database.stop()
  }
}

const shareOf = ({ comparingMs, developingMs }: FirstSyncCost) => comparingMs / (comparingMs + developingMs)

function totals({ edits }: Accuracy) {
  const all = [...edits.values()]
  const sum = (of: 'made' | 'found') => all.reduce((total, tally) => total + tally[of], 0)
  return { made: sum('made'), found: sum('found') }
}

function resultsOf(accuracy: Accuracy, sync: FirstSyncCost, { lookupMs, loadMs }: LookupTimes) {
  const { made, found } = totals(accuracy)
  return {
    lookupP99Ms1M: round(percentile(lookupMs, 0.99)),
    cpuShare100k: round(shareOf(sync)),
    recall: round(found / made, 4),
    falsePairs: accuracy.falsePairs.length,
    lookupMedianMs1M: round(percentile(lookupMs, 0.5)),
    loadMs1M: round(loadMs),
    edits: made,
    differentPairs: accuracy.pairs,
  }
}

const few = 30

function describe(accuracy: Accuracy, sync: FirstSyncCost, lookup: LookupTimes): string {
  const { made, found } = totals(accuracy)
  const { lookupMs, compared } = lookup
  const ms = (value: number) => `${round(value)} ms`
  const list = (title: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${title}: ${names.slice(0, few).join('; ')}${names.length > few ? '; …' : ''}.`]
  return [
    table([
      [`one new photo among ${lookup.photos}`, 'median', 'p99', 'most'],
      ['found in', ms(percentile(lookupMs, 0.5)), ms(percentile(lookupMs, 0.99)), ms(Math.max(...lookupMs))],
      ['compared with', ...[0.5, 0.99, 1].map(share => `${percentile(compared, share)}`)],
    ]),
    `The hashes of that library are read into memory once, in ${ms(lookup.loadMs)}.`,
    table([
      ['first sync, CPU for each photo', ''],
      ...sync.steps.map(({ photos, cpuMs }) => [`comparing, ${photos} photos there`, ms(cpuMs)]),
      ['developing, 12 megapixels', ms(sync.developingMs)],
      ['share of comparing', `${round(shareOf(sync) * 100)} %`],
    ]),
    table([
      [`edits of ${accuracy.photos} photos`, 'made', 'found'],
      ...Array.from(accuracy.edits, ([edit, tally]) => [edit, `${tally.made}`, `${tally.found}`]),
      ['all', `${made}`, `${found}`],
    ]),
    `${accuracy.falsePairs.length} of ${accuracy.pairs} pairs of different pictures were called the same.`,
    ...list('Not found', accuracy.missed),
    ...list('Called the same', accuracy.falsePairs),
    ...list('With too little in them to be compared', accuracy.blank),
  ].join('\n\n')
}
