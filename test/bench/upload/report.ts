/** What the upload bench found, for people: tables in Markdown. Pure. */
import type { Sample } from '../harness.js'
import { median, type Summary, summarize } from '../statistics.js'
import { table } from '../table.js'
import { type Way, ways } from './client.js'
import { type Calls, total } from './counts.js'
import type { Pace } from './dribblers.js'
import { chunksOf, type Measured, type Plan } from './measured.js'
import { megabytes, type Ratios, ratiosOf } from './results.js'
import type { SideName } from './sides.js'

export function describeUploads(measured: Measured): string {
  return [sidesTable(measured), ratiosTable(measured), cpuTable(measured), notes(measured)].join('\n\n')
}

function wayNames(plan: Plan): Record<Way, string> {
  return {
    creationWithUpload: 'creation-with-upload',
    postPatch: 'POST + PATCH',
    inChunks: `${chunksOf(plan)} chunks of ${plan.chunkBytes / 1024} KiB`,
  }
}

function sidesTable({ plan, calls, timed, video, memory, dribblers }: Measured): string {
  const names = wayNames(plan)
  const floorOf = (way: Way, text: string) => (way === 'creationWithUpload' ? text : '')
  const perWay = (what: string, of: (sample: Sample, way: Way) => number) =>
    ways.map(way => {
      const cell = (side: SideName) => range(timed[way][side].map(sample => of(sample, way)))
      return [`${what}, ${names[way]}`, cell('ours'), cell('stock'), floorOf(way, cell('floor'))]
    })
  const photos = (way: Way) => plan.timed[way].photosPerRound
  const ofVideo = (of: (sample: Sample) => number) =>
    (['ours', 'stock', 'floor'] as const).map(side => range(video[side].map(of), 2))
  const both = (title: string, of: (side: 'ours' | 'stock') => string) => [title, of('ours'), of('stock')]
  const pace = (title: string, when: 'alone' | 'beside') => [
    both(`photos a second, ${title}`, side => dribblers[side][when].photosPerSecond.toFixed(1)),
    both(`latency p50 / p99, ms, ${title}`, side => latencies(dribblers[side][when])),
  ]
  const crowd = `${plan.crowd.uploads} uploads of ${megabytes(plan.crowd.photoBytes)} MB in flight`
  const videoName = `${megabytes(plan.video.sizeBytes)} MB video`
  const dribbling = `${thousands(plan.dribblers.uploads)} dribbling uploads`
  return table([
    [`photos of ${megabytes(plan.photoBytes)} MB, ${plan.inFlight} in flight`, 'photosync', 'stock tus', 'floor'],
    ...ways.map(way => [
      `S3 calls a photo, ${names[way]}`,
      String(total(calls.ours[way])),
      String(total(calls.stock[way])),
      floorOf(way, '1'),
    ]),
    ...perWay('server CPU, ms a photo', ({ cpuMs }, way) => cpuMs.server / photos(way)),
    ...perWay('photos a second', ({ seconds }, way) => photos(way) / seconds),
    [`${videoName}, seconds`, ...ofVideo(({ seconds }) => seconds)],
    [`${videoName}, server CPU, seconds`, ...ofVideo(({ cpuMs }) => cpuMs.server / 1_000)],
    both(`peak memory, ${crowd}`, side => `${Math.round(megabytes(memory[side].crowdBytes))} MB`),
    both(`peak memory above idle, ${videoName}`, side => `${Math.round(megabytes(memory[side].videoBytes))} MB`),
    ...pace('one client alone', 'alone'),
    ...pace(`beside ${dribbling}`, 'beside'),
    both('dribbling uploads still open at the end', side => thousands(dribblers[side].stillOpen)),
  ])
}

function ratiosTable(measured: Measured): string {
  const names = { ...wayNames(measured.plan), video: 'video' }
  const found = ratiosOf(measured)
  const columns = [...ways, 'video'] as const
  const row = (title: string, of: (ratios: Ratios) => Summary) => [
    title,
    ...columns.map(column => rangeOf(of(found[column]), 2)),
  ]
  return table([
    ['photosync to the others, round by round', ...columns.map(column => names[column])],
    row('server CPU to the floor', ({ cpuToFloor }) => cpuToFloor),
    row('server CPU to stock', ({ cpuToStock }) => cpuToStock),
    row('the same with Postgres and Redis', ({ cpuToStockWithDatabase }) => cpuToStockWithDatabase),
    row('photos a second to the floor', ({ speedToFloor }) => speedToFloor),
    row('photos a second to stock', ({ speedToStock }) => speedToStock),
  ])
}

/** Who keeps the cores busy, and so what bounds the photos a second. */
function cpuTable({ plan, timed, cleanUp, cores }: Measured): string {
  const names = wayNames(plan)
  const payers = ['server', 'postgres', 'redis', 's3', 'client'] as const
  const row = (way: Way, side: SideName, title: string) => {
    const samples = timed[way][side]
    const photos = plan.timed[way].photosPerRound
    const cells = payers.map(payer => median(samples.map(({ cpuMs }) => (cpuMs[payer] ?? 0) / photos)).toFixed(1))
    const busy = samples.map(
      ({ cpuMs, seconds }) => payers.reduce((sum, payer) => sum + (cpuMs[payer] ?? 0), 0) / seconds,
    )
    return [`${names[way]}, ${title}`, ...cells, (median(busy) / 1_000).toFixed(1)]
  }
  const ofWorker = ['worker', ...payers.slice(1, -1)].map(payer => (cleanUp[payer] ?? 0).toFixed(1))
  return table([
    ['CPU, ms a photo', 'server', 'Postgres', 'Redis', 'S3 service', 'client', `busy cores of ${cores}`],
    ...ways.flatMap(way => [
      row(way, 'ours', 'photosync'),
      row(way, 'stock', 'stock tus'),
      ...(way === 'creationWithUpload' ? [row(way, 'floor', 'floor')] : []),
    ]),
    ['removal of chunks afterwards, photosync’s worker', ...ofWorker],
  ])
}

function notes({ plan, calls, dribblers }: Measured): string {
  const { rounds, photosPerRound } = plan.timed.creationWithUpload
  const rest = ways.slice(1).map(way => plan.timed[way].photosPerRound)
  const troubles = (['ours', 'stock'] as const).flatMap(side =>
    (['alone', 'beside'] as const).flatMap(when => trouble(`${side}, ${when}`, dribblers[side][when])),
  )
  return [
    `Medians of ${rounds} rounds of ${photosPerRound} photos (${rest.join(' and ')} in the other ways; video: ${plan.video.rounds} of one), lowest to highest in brackets.`,
    'Floor, stock and photosync in turns, in an order that changes; a ratio is of one round. The floor knows only creation-with-upload: that stands beside every round of the other ways, too.',
    'Client, servers, Postgres, Redis and S3 service share the cores. CPU is user and system time; “server” is the process that takes the uploads, and in chunks the ratios count our worker’s removal of them, as the S3 calls do.',
    'Stock runs without the SDK’s CRC32, which this S3 service does not take; that spares it CPU.',
    `In flight at once: photos that come in ${plan.crowd.steps} steps. Dribbling: each upload gets a byte every ${plan.dribblers.everyMs / 1_000} s.`,
    ...(['ours', 'stock'] as const).map(side => `S3 calls in chunks, ${side}: ${listed(calls[side].inChunks)}.`),
    ...troubles,
  ]
    .map(note => `- ${note}`)
    .join('\n')
}

function trouble(who: string, { failed, unanswered }: Pace): string[] {
  if (failed === 0 && unanswered === 0) return []
  return [`Dribbling, ${who}: ${failed} photos failed, ${unanswered} had no answer when their time was up.`]
}

/** A wait that was given up is told as what it lasted at least. */
function latencies({ p50Ms, p99Ms, unanswered }: Pace): string {
  return [p50Ms, p99Ms]
    .map(ms => (Number.isFinite(ms) ? `${unanswered > 0 ? '≥ ' : ''}${thousands(Math.round(ms))}` : '–'))
    .join(' / ')
}

const range = (values: readonly number[], digits = 1): string => rangeOf(summarize(values), digits)

function rangeOf({ median, min, max }: Summary, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

const thousands = (value: number): string => value.toLocaleString('en-US')

function listed(calls: Calls): string {
  return Object.entries(calls)
    .map(([operation, count]) => `${Number(count.toFixed(1))} ${operation}`)
    .join(', ')
}
