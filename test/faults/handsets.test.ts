/**
 * Goal: three handsets of one person that add, delete, restore, write and make albums at random, through breaks, restarts of
 * themselves and of the service, and requests that come twice, end with the same gallery, which is the catalogue's and the bucket's;
 * nothing that was promised is lost, and nothing that was deleted comes back.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Service, startService } from '../e2e/service.js'
import { startCuttingProxy } from '../support/cutting-proxy.js'
import { makeHandset } from './handsets/handset.js'
import { openHousehold } from './handsets/household.js'
import { reckon } from './handsets/reckoning.js'
import { onlyCase } from './lanes.js'
import { seededRandom } from './random.js'

const histories = 300
/** Histories that are played at the same time. */
const lanes = 12

let service: Service
beforeAll(async () => {
  service = await startService('Postgres and a disk')
})
afterAll(() => service?.stop())

test(`${histories} histories`, { timeout: 900_000 }, async () => {
  const only = onlyCase()
  const base = randomBytes(4).toString('hex')
  const seeds = only === undefined ? Array.from({ length: histories }, (_, index) => `${base}-${index}`) : [only]
  let over = false
  const lane = async () => {
    for (let seed = seeds.pop(); seed !== undefined; seed = seeds.pop()) await play(seed)
  }
  const played = Promise.all(Array.from({ length: lanes }, lane)).finally(() => {
    over = true
  })
  const outcomes = await Promise.allSettled([played, restartNowAndThen(base, () => over)])
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  const failures = service.api
    .output()
    .split('\n')
    .filter(line => line.includes('"level":50'))
  expect(failures).toEqual([])
})

async function play(seed: string): Promise<void> {
  const random = seededRandom(seed)
  const household = await openHousehold(service, 3)
  const contents = await Promise.all(Array.from({ length: random.between(2, 6) }, () => picture(random.bytes(12))))
  // A link that breaks after some kilobytes, or not for long.
  const link = await startCuttingProxy({
    targetPort: Number(new URL(service.server).port),
    bytesUntilCut: () => (random.chance(0.3) ? random.between(100, 6_000) : 1_000_000),
  })
  try {
    const handsets = household.tokens.map((_, index) =>
      makeHandset({ household, index, server: link.url, contents, random: random.fork(`handset ${index}`) }),
    )
    const deeds = random.between(4, 12)
    await Promise.all(handsets.map(handset => handset.live(deeds)))
    await reckon(service, household, handsets)
  } catch (error) {
    throw new Error(`history PHOTOSYNC_SEED=${seed}`, { cause: error })
  } finally {
    await link.close()
    await household.close()
  }
}

/** A few pixels, and a note that makes it a content of its own. */
async function picture(note: Buffer): Promise<Buffer> {
  const [red = 0, green = 0, blue = 0] = note
  const plain = sharp({ create: { width: 24, height: 16, channels: 3, background: { r: red, g: green, b: blue } } })
  return Buffer.concat([await plain.png().toBuffer(), note])
}

/** Kills the API or the worker every few seconds, until it is over. */
async function restartNowAndThen(seed: string, isOver: () => boolean): Promise<void> {
  const random = seededRandom(seed)
  while (!isOver()) {
    for (let waitedMs = 0; waitedMs < 6_000 && !isOver(); waitedMs += 100) await sleep(100)
    if (isOver()) return
    if (random.chance(0.6)) {
      await service.api.kill9()
      await service.startApi()
    } else {
      await service.worker.kill9()
      await service.startWorker()
    }
  }
}
