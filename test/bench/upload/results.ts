/** What the upload bench found, for machines. Pure. */
import type { CpuMs, Sample } from '../harness.js'
import { median, pairRatios, round, type Summary, summarize } from '../statistics.js'
import type { Way } from './client.js'
import { total } from './counts.js'
import { chunksOf, type Measured } from './measured.js'
import type { SideName } from './sides.js'

/** The names are part of the project's interface: README lists them, and other programs read them. */
export function resultsOf(measured: Measured): Record<string, number> {
  const { calls, memory, plan, dribblers } = measured
  const { creationWithUpload, postPatch, inChunks, video } = ratiosOf(measured)
  const numbers = {
    s3CallsCreationWithUpload: total(calls.ours.creationWithUpload),
    s3CallsPostPatch: total(calls.ours.postPatch),
    s3CallsOver512KiBChunks: total(calls.ours.inChunks) - chunksOf(plan),
    cpuRatioToFloor: creationWithUpload.cpuToFloor.median,
    cpuRatioToStock: creationWithUpload.cpuToStock.median,
    throughputRatioToStock: creationWithUpload.speedToStock.median,
    rssMb500: megabytes(memory.ours.crowdBytes),
    rssMbVideo: megabytes(memory.ours.videoBytes),
    throughputRatioToFloor: creationWithUpload.speedToFloor.median,
    // The three ratios of the other ways.
    cpuRatioToFloorPostPatch: postPatch.cpuToFloor.median,
    cpuRatioToStockPostPatch: postPatch.cpuToStock.median,
    throughputRatioToStockPostPatch: postPatch.speedToStock.median,
    cpuRatioToFloor512KiBChunks: inChunks.cpuToFloor.median,
    cpuRatioToStock512KiBChunks: inChunks.cpuToStock.median,
    throughputRatioToStock512KiBChunks: inChunks.speedToStock.median,
    cpuRatioToFloorVideo: video.cpuToFloor.median,
    cpuRatioToStockVideo: video.cpuToStock.median,
    throughputRatioToStockVideo: video.speedToStock.median,
    videoSeconds: median(measured.video.ours.map(({ seconds }) => seconds)),
    throughputRatioBesideDribblers: dribblers.ours.beside.photosPerSecond / dribblers.ours.alone.photosPerSecond,
    p99MsAlone: dribblers.ours.alone.p99Ms,
    p99MsBesideDribblers: dribblers.ours.beside.p99Ms,
  }
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, round(value)]))
}

export interface Ratios {
  cpuToFloor: Summary
  cpuToStock: Summary
  /** Whatever we have others do is ours, too. */
  cpuToStockWithDatabase: Summary
  speedToFloor: Summary
  speedToStock: Summary
}

/** Ours to the others', round by round. In chunks our CPU has the worker's, since stock's server removes chunks itself. */
export function ratiosOf({ timed, video, cleanUp, plan }: Measured): Record<Way | 'video', Ratios> {
  const inChunks = ratios(timed.inChunks, plan.timed.inChunks.photosPerRound, cleanUp)
  return {
    creationWithUpload: ratios(timed.creationWithUpload),
    postPatch: ratios(timed.postPatch),
    inChunks,
    video: ratios(video),
  }
}

const nothing: Readonly<Record<string, number>> = {}

function ratios(samples: Record<SideName, Sample[]>, photos = 1, after = nothing): Ratios {
  const extra = (names: readonly string[]) => names.reduce((sum, name) => sum + (after[name] ?? 0), 0) * photos
  const spent = (cpuMs: CpuMs, names: readonly string[]) => names.reduce((sum, name) => sum + (cpuMs[name] ?? 0), 0)
  const ours = (names: readonly string[]) => samples.ours.map(({ cpuMs }) => spent(cpuMs, names) + extra(names))
  const server = (side: SideName) => samples[side].map(({ cpuMs }) => cpuMs.server)
  const seconds = (side: SideName) => samples[side].map(sample => sample.seconds)
  const own = ['server', 'worker']
  return {
    cpuToFloor: summarize(pairRatios(ours(own), server('floor'))),
    cpuToStock: summarize(pairRatios(ours(own), server('stock'))),
    cpuToStockWithDatabase: summarize(pairRatios(ours([...own, 'postgres', 'redis']), server('stock'))),
    speedToFloor: summarize(pairRatios(seconds('floor'), seconds('ours'))),
    speedToStock: summarize(pairRatios(seconds('stock'), seconds('ours'))),
  }
}

export const megabytes = (bytes: number): number => bytes / 1e6
