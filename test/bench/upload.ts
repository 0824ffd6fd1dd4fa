/**
 * The upload bench: this endpoint beside stock tus-node-server with its S3 store, and beside the floor, the least that a server
 * could do. All write to the same S3 service. S3 calls are counted; CPU and throughput are of creation-with-upload, 3 MB
 * photos, 8 in flight; memory is of freshly started processes.
 */
import { AppError } from '../../src/core/errors.js'
import type { Bench, BenchOptions, BenchOutcome } from './bench.js'
import { interleave, type Sample, type Side } from './harness.js'
import { processCostMissing } from './process-cost.js'
import { inFlight, makeClient, makePhotos } from './upload/client.js'
import { type CleanUp, countCalls, reapNow } from './upload/counts.js'
import type { Plan } from './upload/measured.js'
import { peakOfCrowd, peakOfVideo } from './upload/memory.js'
import { describeUploads, resultsOf } from './upload/report.js'
import { type Services, startServices } from './upload/services.js'
import { prepareSides, type RunningSide, type SideName } from './upload/sides.js'

const same = { photoBytes: 3_000_000, chunkBytes: 512 * 1024, inFlight: 8 }
const fullPlan: Plan = {
  ...same,
  uploadsCounted: 4,
  photosPerRound: 64,
  rounds: 7,
  warmUpRounds: 2,
  // Twice and a half what our process may hold of bodies, so that the budget is put to the test.
  crowd: { uploads: 500, photoBytes: 1_000_000, steps: 20, stepMs: 200 },
  videoBytes: 200_000_000,
}
const quickPlan: Plan = {
  ...same,
  uploadsCounted: 2,
  photosPerRound: 8,
  rounds: 1,
  warmUpRounds: 1,
  crowd: { uploads: 40, photoBytes: 100_000, steps: 4, stepMs: 50 },
  videoBytes: 20_000_000,
}

export const uploadBench: Bench = {
  about: 'this endpoint, stock @tus/server with @tus/s3-store, and the floor, on one S3 service',
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

async function runUploads(services: Services, { quick, say, signal }: BenchOptions): Promise<BenchOutcome> {
  const plan = quick ? quickPlan : fullPlan
  const sides = await prepareSides(services)
  const start = (name: SideName) => sides[name](services.s3)

  say('counting S3 calls')
  const count = (name: 'ours' | 'stock', cleanUp: CleanUp) =>
    countCalls(sides[name], cleanUp, { bucket: services.s3, uploads: plan.uploadsCounted, signal, ...plan })
  const reap = reapNow(sides.env(services.s3).DATABASE_URL ?? '', signal)
  const calls = { ours: await count('ours', reap), stock: await count('stock', async () => {}) }

  const samples = await timeSides(start, services, plan, { say, signal })

  const memoryOf = async (name: 'ours' | 'stock') => {
    say(`memory of ${name}: ${plan.crowd.uploads} uploads in flight, then a video`)
    return {
      crowdBytes: await onFresh(start(name), side => peakOfCrowd(side, { ...plan.crowd, signal })),
      videoBytes: await onFresh(start(name), side => peakOfVideo(side, plan.videoBytes)),
    }
  }
  const memory = { ours: await memoryOf('ours'), stock: await memoryOf('stock') }
  const measured = { plan, calls, samples, memory }
  return { results: resultsOf(measured), table: describeUploads(measured) }
}

async function timeSides(
  start: (name: SideName) => Promise<RunningSide>,
  { postgresPid }: Services,
  plan: Plan,
  { say, signal }: Pick<BenchOptions, 'say' | 'signal'>,
): Promise<Record<SideName, Sample[]>> {
  const photo = makePhotos(plan.photoBytes)
  const running: RunningSide[] = []
  const ends: (() => void)[] = []
  try {
    const sides: (Side & { name: SideName })[] = []
    for (const name of ['floor', 'stock', 'ours'] as const) {
      const side = await start(name)
      running.push(side)
      const client = makeClient(side.target, { connections: plan.inFlight })
      ends.push(client.close)
      sides.push({
        name,
        pids: { server: side.pid, ...(name === 'ours' && { postgres: postgresPid }) },
        work: () => inFlight(plan.photosPerRound, plan.inFlight, () => client.creationWithUpload(photo())),
      })
    }
    return await interleave(sides, { ...plan, say, signal })
  } finally {
    for (const end of ends) end()
    await Promise.all(running.map(side => side.stop()))
  }
}

async function onFresh<T>(starting: Promise<RunningSide>, work: (side: RunningSide) => Promise<T>): Promise<T> {
  const side = await starting
  try {
    return await work(side)
  } finally {
    await side.stop()
  }
}
