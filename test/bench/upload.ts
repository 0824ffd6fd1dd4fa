/**
 * The upload bench: this endpoint beside stock tus-node-server with its S3 store, and beside the floor, the least that a server
 * could do. All write to the same S3 service. S3 calls are counted; CPU and throughput are of three ways to send a 3 MB photo
 * and of a video; then a quick client beside thousands of slow ones; memory is of freshly started processes.
 */
import { AppError } from '../../src/core/errors.js'
import type { Bench, BenchOptions, BenchOutcome } from './bench.js'
import { describeMachine } from './machine.js'
import { processCostMissing } from './process-cost.js'
import { countCalls } from './upload/counts.js'
import { comparePaces, dribblersPossible } from './upload/dribblers.js'
import type { Measured, Plan } from './upload/measured.js'
import { peakOfCrowd, peakOfVideo } from './upload/memory.js'
import { fullPlan, quickPlan } from './upload/plans.js'
import { cleanUpCost, type OpenReaper, reaperOn } from './upload/reaper.js'
import { describeUploads } from './upload/report.js'
import { resultsOf } from './upload/results.js'
import { type Services, startServices } from './upload/services.js'
import { prepareSides, type RunningSide, type SideName } from './upload/sides.js'
import { type RunningSides, timeUploads } from './upload/timed.js'

export const uploadBench: Bench = {
  run: async options => {
    const absence = processCostMissing()
    if (absence) throw new AppError('unavailable', absence)
    options.say('starting an S3 service, Postgres and Redis')
    const services = await startServices(options.signal)
    try {
      return await runUploads(services, options)
    } finally {
      await services.stop()
    }
  },
}

/** Below what one person may have open at once. */
const dribblersPerPerson = 250

type Start = (name: SideName) => Promise<RunningSide>
type Asked = Pick<BenchOptions, 'say' | 'signal'>

async function runUploads(services: Services, { quick, say, signal }: BenchOptions): Promise<BenchOutcome> {
  const plan = planFor(quick ? quickPlan : fullPlan)
  const sides = await prepareSides(services, { others: Math.ceil(plan.dribblers.uploads / dribblersPerPerson) })
  const start: Start = name => sides[name](services.s3)
  const openReaper = reaperOn(sides.env(services.s3).DATABASE_URL ?? '', signal)

  say('counting S3 calls')
  const countOptions = { ...plan, bucket: services.s3, uploads: plan.uploadsCounted, signal }
  const [ours, stock, running] = await allOrNone([
    countCalls(sides.ours, openReaper, countOptions),
    countCalls(sides.stock, undefined, countOptions),
    startAll(start),
  ])
  const onRunning = await measureRunning(running, openReaper, services, plan, { say, signal })
  const memory = {
    ours: await memoryOf('ours', start, plan, { say, signal }),
    stock: await memoryOf('stock', start, plan, { say, signal }),
  }
  const measured: Measured = { cores: describeMachine().cores, plan, calls: { ours, stock }, ...onRunning, memory }
  return { results: resultsOf(measured), tables: describeUploads(measured) }
}

function planFor(plan: Plan): Plan {
  return { ...plan, dribblers: { ...plan.dribblers, uploads: dribblersPossible(plan.dribblers.uploads) } }
}

/** What is measured of servers that run and are warm. */
async function measureRunning(
  running: RunningSides,
  openReaper: OpenReaper,
  { pids: shared, s3 }: Services,
  plan: Plan,
  { say, signal }: Asked,
): Promise<Pick<Measured, 'timed' | 'video' | 'cleanUp' | 'dribblers'>> {
  try {
    const { chunkedUrls, ...times } = await timeUploads(running, plan, { shared, say, signal })
    const reaper = openReaper(s3)
    const cleanUp = await cleanUpCost(reaper, chunkedUrls, shared).finally(() => reaper.close())
    const compare = async (name: 'ours' | 'stock') => {
      say(`${name}: a quick client alone, then beside ${plan.dribblers.uploads} dribbling uploads`)
      const compared = await comparePaces(running[name], { ...plan, ...plan.dribblers, s3: shared.s3, say, signal })
      // What it still does for the uploads that broke off is nothing to the next one.
      await running[name].stop()
      return compared
    }
    const dribblers = { ours: await compare('ours'), stock: await compare('stock') }
    return { ...times, cleanUp, dribblers }
  } finally {
    await Promise.all(Object.values(running).map(side => side.stop()))
  }
}

async function startAll(start: Start): Promise<RunningSides> {
  const [floor, stock, ours] = await allOrNone([start('floor'), start('stock'), start('ours')])
  return { floor, stock, ours }
}

async function memoryOf(
  name: 'ours' | 'stock',
  start: Start,
  plan: Plan,
  { say, signal }: Asked,
): Promise<Measured['memory']['ours']> {
  say(`memory of ${name}: ${plan.crowd.uploads} uploads in flight, then a video`)
  const [forCrowd, forVideo] = await allOrNone([start(name), start(name)])
  try {
    return {
      crowdBytes: await peakOfCrowd(forCrowd, { ...plan.crowd, signal }),
      videoBytes: await peakOfVideo(forVideo, plan.video.sizeBytes, signal),
    }
  } finally {
    await Promise.all([forCrowd.stop(), forVideo.stop()])
  }
}

/** Like Promise.all, but nothing of it goes on once this rejects. Servers end with this process at the latest. */
async function allOrNone<T extends readonly unknown[]>(all: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(all)
  return (await Promise.all(all)) as unknown as T
}
