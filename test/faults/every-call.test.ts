/**
 * Goal: whichever call to the bucket fails, in whichever way, its upload comes to its end all the same, whole and once, and leaves
 * nothing. Every scenario is played once for each call of it and each kind of fault. `PHOTOSYNC_SEED=<case>` plays one alone.
 */
import { expect, test } from 'vitest'
import type { Bucket } from '../../src/storage/bucket.js'
import { type Fault, faultyBucket, listedFaults } from '../../src/storage/faulty-bucket.js'
import type { BucketCall } from '../../src/storage/metered-bucket.js'
import { retryingBucket } from '../../src/storage/retrying-bucket.js'
import { chosen, inLanes } from './lanes.js'
import { type Parts, playScenario, type Upset } from './played.js'
import { type Scenario, scenarios } from './scenarios.js'
import { lateBucket } from './troubled.js'

type Happening = Fault['kind'] | 'soon' | 'late'

/** `soon`: given up, and done right after the next call. `late`: given up, and done when all is over. */
const happenings: Partial<Record<BucketCall, readonly Happening[]>> = {
  put: ['before', 'after', 'cut', 'soon', 'late'],
  get: ['before', 'after', 'cut'],
  head: ['before', 'after'],
  createMultipart: ['before', 'after', 'soon', 'late'],
  uploadPart: ['before', 'after', 'cut', 'lost', 'soon', 'late'],
  completeMultipart: ['before', 'after', 'lost', 'soon', 'late'],
}
/** What makes a difference when the bucket tries again by itself. */
const happeningsRetried: readonly Happening[] = ['after', 'late']

interface Case {
  name: string
  scenario: Scenario
  call: BucketCall
  nth: number
  happening: Happening
  isRetried: boolean
}

test('a fault at every call', { timeout: 600_000 }, async () => {
  const cases = new Map<string, Case>()
  await inLanes(new Map(Object.entries(scenarios)), { lanes: 4, connectionsMax: 4 }, async (lane, name, scenario) => {
    const calls: [BucketCall, number][] = []
    await playScenario(lane, name, scenario, parts =>
      together(
        parts,
        faultyBucket(parts.bucket, (call, nth) => void calls.push([call, nth])),
      ),
    )
    const { everyNthCall = 1, spared = [] } = scenario
    const failing = calls.filter(([call], index) => index % everyNthCall === 0 && !spared.includes(call))
    for (const one of failing.flatMap(([call, nth]) => casesOf(name, scenario, call, nth))) cases.set(one.name, one)
  })
  console.log(`${cases.size} cases`)
  await inLanes(chosen(cases), { lanes: 8, connectionsMax: 3 }, (lane, name, one) =>
    playScenario(lane, name, one.scenario, parts => upsetBy(one, parts)),
  )
  expect(cases.size).toBeGreaterThan(0)
})

function casesOf(scenarioName: string, scenario: Scenario, call: BucketCall, nth: number): Case[] {
  const kinds = happenings[call]
  if (!kinds) throw new Error(`what can befall ${call}?`)
  const made = (happening: Happening, isRetried: boolean): Case => {
    const name = `${scenarioName}: ${call} ${nth} ${happening}${isRetried ? ', tried again' : ''}`
    return { name, scenario, call, nth, happening, isRetried }
  }
  const retried = call === 'get' || call === 'head' ? [] : kinds.filter(kind => happeningsRetried.includes(kind))
  return [...kinds.map(kind => made(kind, false)), ...retried.map(kind => made(kind, true))]
}

function upsetBy({ scenario, call, nth, happening, isRetried }: Case, parts: Parts): Upset {
  const again = (bucket: Bucket) => (isRetried ? retryingBucket(bucket, { attemptsMax: 3, firstDelayMs: 1 }) : bucket)
  if (happening === 'soon' || happening === 'late') {
    const { bucket, late } = lateBucket(parts.bucket, { call, nth, isSoon: happening === 'soon' })
    // Where a part's number can't be given up, other bytes that come late under it end the upload; the same ones do no harm.
    const isReplaced = call === 'uploadPart' && scenario.changes === true && !bucket.mayLeaveOutParts('')
    return { ...together(parts, again(bucket)), late, hasLost: () => isReplaced }
  }
  const faults = listedFaults({ [`${call} ${nth}`]: faultOf(happening) })
  return { ...together(parts, again(faultyBucket(parts.bucket, faults))), hasLost: () => happening === 'lost' }
}

const faultOf = (kind: Fault['kind']): Fault =>
  kind === 'cut' ? { kind, afterBytes: 20 } : kind === 'delay' ? { kind, delayMs: 1 } : { kind }

/** Both processes find the bucket so. It happens once only, so calm comes by itself. */
function together({ db }: Parts, bucket: Bucket): Upset {
  return {
    processes: [
      { db, bucket },
      { db, bucket },
    ],
    calm: () => {},
  }
}
