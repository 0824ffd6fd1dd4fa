/** What the upload bench found, for machines and for people. Pure. */
import type { Sample } from '../harness.js'
import { pairRatios, round, type Summary, summarize } from '../statistics.js'
import { table } from '../table.js'
import { type Calls, total } from './counts.js'
import type { Measured, Plan } from './measured.js'
import type { SideName } from './sides.js'

/** The names are part of the project's interface: README lists them, and other programs read them. */
export function resultsOf(measured: Measured): Record<string, number> {
  const { calls, memory, plan } = measured
  const ratios = ratiosOf(measured)
  return {
    s3CallsCreationWithUpload: total(calls.ours.creationWithUpload),
    s3CallsPostPatch: total(calls.ours.postPatch),
    s3CallsOver512KiBChunks: total(calls.ours.inChunks) - chunksOf(plan),
    cpuRatioToFloor: round(ratios.cpuToFloor.median),
    cpuRatioToStock: round(ratios.cpuToStock.median),
    throughputRatioToStock: round(ratios.throughputToStock.median),
    rssMb500: round(megabytes(memory.ours.crowdBytes)),
    rssMbVideo: round(megabytes(memory.ours.videoBytes)),
  }
}

function ratiosOf({ samples }: Measured): Record<'cpuToFloor' | 'cpuToStock' | 'throughputToStock', Summary> {
  const cpu = (side: SideName) => samples[side].map(({ cpuMs }) => cpuMs.server)
  const seconds = (side: SideName) => samples[side].map(sample => sample.seconds)
  return {
    cpuToFloor: summarize(pairRatios(cpu('ours'), cpu('floor'))),
    cpuToStock: summarize(pairRatios(cpu('ours'), cpu('stock'))),
    throughputToStock: summarize(pairRatios(seconds('stock'), seconds('ours'))),
  }
}

export function describeUploads(measured: Measured): string {
  const { calls, samples, memory, plan } = measured
  const ratios = ratiosOf(measured)
  const perPhoto = (side: SideName, of: (sample: Sample) => number) =>
    range(summarize(samples[side].map(sample => of(sample) / plan.photosPerRound)))
  const rate = (side: SideName) => range(summarize(samples[side].map(({ seconds }) => plan.photosPerRound / seconds)))
  const countRow = (title: string, way: keyof typeof calls.ours) => [
    title,
    String(total(calls.ours[way])),
    String(total(calls.stock[way])),
    '1',
  ]
  const memoryRow = (title: string, what: keyof typeof memory.ours) => [
    title,
    `${Math.round(megabytes(memory.ours[what]))} MB`,
    `${Math.round(megabytes(memory.stock[what]))} MB`,
  ]
  const photo = `${megabytes(plan.photoBytes)} MB`
  const rows = [
    [`photos of ${photo}`, 'photosync', 'stock tus', 'floor'],
    countRow('S3 calls, creation-with-upload', 'creationWithUpload'),
    [...countRow('S3 calls, POST + PATCH', 'postPatch').slice(0, 3)],
    [...countRow(`S3 calls, ${chunksOf(plan)} chunks of ${plan.chunkBytes / 1024} KiB`, 'inChunks').slice(0, 3)],
    ['server CPU, ms a photo', ...columns(side => perPhoto(side, ({ cpuMs }) => cpuMs.server))],
    ['Postgres CPU, ms a photo', perPhoto('ours', ({ cpuMs }) => cpuMs.postgres ?? 0)],
    [`photos a second, ${plan.inFlight} in flight`, ...columns(rate)],
    memoryRow(`peak memory, ${plan.crowd.uploads} in flight`, 'crowdBytes'),
    memoryRow(`${megabytes(plan.videoBytes)} MB video, above idle`, 'videoBytes'),
  ]
  const lines = [
    table(rows),
    '',
    `CPU to the floor     ${range(ratios.cpuToFloor, 2)}`,
    `CPU to stock         ${range(ratios.cpuToStock, 2)}`,
    `photos/s to stock    ${range(ratios.throughputToStock, 2)}`,
    '',
    `Medians of ${plan.rounds} interleaved rounds of ${plan.photosPerRound} photos, lowest to highest in brackets; ratios round by round.`,
    `Chunks count with the removal of what they left (ours: by the worker). In flight at once: ${megabytes(plan.crowd.photoBytes)} MB photos that dribble in.`,
    ...(['ours', 'stock'] as const).map(side => `In chunks, ${side}: ${listed(calls[side].inChunks)}`),
  ]
  return lines.join('\n')
}

const columns = (of: (side: SideName) => string): string[] => [of('ours'), of('stock'), of('floor')]

const chunksOf = ({ photoBytes, chunkBytes }: Plan): number => Math.ceil(photoBytes / chunkBytes)

const megabytes = (bytes: number): number => bytes / 1e6

function range({ median, min, max }: Summary, digits = 1): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

function listed(calls: Calls): string {
  return Object.entries(calls)
    .map(([operation, count]) => `${Number(count.toFixed(1))} ${operation}`)
    .join(', ')
}
