/**
 * Goal: what holds for the engine holds for the service as it runs: two API processes, every request to either, both killed (SIGKILL)
 * and Postgres stopped and crashed below them while handsets send over connections that break. `PHOTOSYNC_SEED=<seed>` repeats the
 * handsets' choices and the blows.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeWith } from '../support/services.js'
import { type Apis, realClock, type Stores, startApis } from './apis.js'
import { checkCleared, checkStored, type Told } from './checks.js'
import { onlyCase } from './lanes.js'
import { type Random, seededRandom } from './random.js'
import { sendFile } from './wire-handset.js'
import { makeWorker } from './worker.js'

const histories = 1
const handsets = 6
const filesEach = 6
const blowsEach = 8

describe('on Postgres and a disk', () => killed('Postgres and a disk'))
describeWith(['redis', 's3'], 'on Redis and S3', () => killed('Redis and S3'))

function killed(stores: Stores): void {
  let apis: Apis
  beforeAll(async () => {
    apis = await startApis(stores)
  })
  afterAll(() => apis?.stop())

  const base = randomBytes(4).toString('hex')
  const only = onlyCase()
  const seeds = only === undefined ? Array.from({ length: histories }, (_, index) => `${base}-${index}`) : [only]

  test.each(seeds)('history PHOTOSYNC_SEED=%s', { timeout: 300_000 }, async seed => {
    const random = seededRandom(seed)
    const { placement, token } = await apis.addPerson()
    const told: Told[] = []
    const due = makeBlows(apis, random.fork('blows'))
    const oneHandset = async (mine: Random) => {
      for (let file = 0; file < filesEach; file++) {
        const content = drawContent(mine, told)
        const options = { ports: apis.ports, token, content, random: mine, onRequest: due.onRequest }
        told.push({ content, photo: await sendFile(options) })
      }
    }
    const sending = Array.from({ length: handsets }, (_, index) => oneHandset(random.fork(`handset ${index}`)))
    // The blows go on while one of them has failed: whoever cleans up must find all running.
    const outcomes = await Promise.allSettled(sending)
    await due.over().catch(error => outcomes.unshift({ status: 'rejected', reason: error }))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    console.log(`${due.requests()} requests, ${told.length} files stored; ${due.struck().join(', ')}`)
    expect(due.struck().length).toBeGreaterThan(1)

    const clock = realClock()
    await apis.withEngine(clock, async (engine, db) => {
      const place = { db, bucket: apis.bucket, placement }
      await checkStored(place, told)
      await checkCleared({
        ...place,
        clock,
        worker: makeWorker({ db, bucket: apis.bucket, clock, engine: () => engine }),
      })
      await checkStored(place, told)
    })
  })
}

/** One at a time, each after so many requests more. */
function makeBlows(apis: Apis, random: Random) {
  const struck: string[] = []
  let requests = 0
  let next = random.between(5, 15)
  let running: Promise<void> | undefined
  let failure: unknown
  const strike = () => {
    const blow = random.pick(apis.blows as [(typeof apis.blows)[0]])
    struck.push(blow)
    running = apis
      .strike(blow)
      .catch(error => {
        failure ??= error
      })
      .finally(() => {
        running = undefined
        next = requests + random.between(5, 20)
      })
  }
  return {
    onRequest: () => {
      requests++
      if (requests >= next && !running && struck.length < blowsEach) strike()
    },
    over: async () => {
      await running
      if (failure !== undefined) throw failure
    },
    requests: () => requests,
    struck: () => struck,
  }
}

function drawContent(random: Random, told: readonly Told[]): Buffer {
  const earlier = told.map(({ content }) => content)
  if (earlier.length > 0 && random.chance(0.15)) return random.pick(earlier as [Buffer])
  if (random.chance(0.15)) return random.bytes(random.between(8_388_609, 12_000_000))
  return random.bytes(random.between(0, random.pick([100, 50_000, 2_000_000])))
}
