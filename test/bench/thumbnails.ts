/**
 * The thumbnails bench: the whole way of a photo through the worker (queue, GET, hash, facts, renditions, hashes of its look, PUT,
 * commit) beside sharp alone doing the same renditions on bytes in memory, and beside two independent decodes with sharp's defaults,
 * as peers do it. Photos per second on all cores, in turns; memory of the worker with its decoders.
 */
import { rmSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../../src/core/errors.js'
import { startEmbeddedPostgres } from '../../src/db/embedded.js'
import { atEnd } from '../support/at-end.js'
import { redisMissing, startRedis } from '../support/redis.js'
import type { Bench, BenchOptions, BenchOutcome } from './bench.js'
import { interleave, type Sample } from './harness.js'
import { describeMachine } from './machine.js'
import { familyPeak, processCostMissing } from './process-cost.js'
import { median, pairRatios, round, summarize } from './statistics.js'
import { table } from './table.js'
import { startBare } from './thumbnails/bare-side.js'
import { type OurSide, startOurs } from './thumbnails/our-side.js'
import { drawPhotos, type PhotoSet, readPhotos } from './thumbnails/photos.js'

export const thumbnailsBench: Bench = {
  run: async options => {
    const absence = processCostMissing()
    if (absence) throw new AppError('unavailable', absence)
    const folder = await mkdtemp(join(tmpdir(), 'photosync-bench-'))
    // Under root, Postgres runs as somebody else.
    await chmod(folder, 0o755)
    const removed = atEnd(() => rmSync(folder, { recursive: true, force: true }))
    const postgres = await startEmbeddedPostgres({ dir: join(folder, 'postgres'), signal: options.signal })
    const redis = redisMissing() === undefined ? await startRedis({ dir: join(folder, 'redis') }) : undefined
    try {
      const { cores } = describeMachine()
      const ours = await startOurs({ folder, postgres, redisUrl: redis?.url, concurrency: cores })
      // One more than there are cores, so that none of them ever waits.
      return await compare(ours, folder, cores + 1, options).finally(() => ours.stop())
    } finally {
      await redis?.stop()
      await postgres.stop()
      removed()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    }
  },
}

const sets = ['plain', 'mixed'] as const
type SideName = 'ours' | 'sharp' | 'naive'

async function compare(ours: OurSide, folder: string, inFlight: number, options: BenchOptions): Promise<BenchOutcome> {
  const { quick, say, signal } = options
  const plan = quick
    ? { photos: 4, times: 1, rounds: 1, warmUpRounds: 1 }
    : { photos: 24, times: 6, rounds: 5, warmUpRounds: 1 }
  say(`drawing ${plan.photos} photos`)
  const dirs = await drawPhotos(folder, plan.photos, signal)
  const samples = {} as Record<PhotoSet, Record<SideName, Sample[]>>
  const peak = familyPeak(ours.pid)
  for (const set of sets) {
    say(`photos: ${set}`)
    const photos = await readPhotos(dirs[set])
    const sharp = await startBare('cascade', dirs[set], inFlight)
    const naive = await startBare('naive', dirs[set], inFlight)
    try {
      await ours.prepare(photos, plan.times * (plan.rounds + plan.warmUpRounds))
      const sides = [
        { name: 'ours', serverPid: ours.pid, work: () => ours.work(plan.times * photos.length, signal) },
        { name: 'sharp', serverPid: sharp.pid, work: () => sharp.work(plan.times) },
        { name: 'naive', serverPid: naive.pid, work: () => naive.work(plan.times) },
      ] as const
      samples[set] = await interleave(sides, { ...plan, shared: {}, say, signal })
    } finally {
      await sharp.stop()
      await naive.stop()
    }
  }
  return outcomeOf(samples, plan.times * plan.photos, peak())
}

function outcomeOf(samples: Record<PhotoSet, Record<SideName, Sample[]>>, photos: number, peakBytes: number) {
  const seconds = (set: PhotoSet, side: SideName) => samples[set][side].map(sample => sample.seconds)
  const ratios = (set: PhotoSet, side: SideName) => pairRatios(seconds(set, side), seconds(set, 'ours'))
  const results = {
    // The photos that we do worse on count.
    ratioToSharp: round(Math.min(...sets.map(set => median(ratios(set, 'sharp'))))),
    ratioToNaiveP3: round(median(ratios('mixed', 'naive'))),
    ratioToNaivePlain: round(median(ratios('plain', 'naive'))),
    rssMb: Math.round(peakBytes / 2 ** 20),
  }
  const names = { plain: 'no profile', mixed: 'half in Display P3' }
  const rows = sets.flatMap(set =>
    (['ours', 'sharp', 'naive'] as const).map(side => {
      const { median: middle } = summarize(seconds(set, side))
      const cpuMs = median(samples[set][side].map(({ cpuMs }) => cpuMs.server)) / photos
      const ratio = side === 'ours' ? undefined : summarize(ratios(set, side))
      const spread = ratio && `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`
      return [`${names[set]}: ${sideNames[side]}`, (photos / middle).toFixed(1), cpuMs.toFixed(0), spread ?? '1']
    }),
  )
  const head = ['12 MP JPEGs', 'photos/s', 'CPU ms a photo', 'ours, as a multiple of it']
  const memory = `The worker with its decoders: ${results.rssMb} MB at most (resident memory of all its processes; pages of program files, which they share, count once).`
  return { results, tables: `${table([head, ...rows])}\n\n${memory}` }
}

const sideNames: Readonly<Record<SideName, string>> = {
  ours: 'the whole worker',
  sharp: 'sharp alone, same renditions',
  naive: 'two decodes, sharp’s defaults',
}
