/**
 * Goal: a process that dies between any two of its steps, or whose database fails there, loses nothing that was told, and what it had
 * begun is finished or removed. Every scenario is played once for each call to bucket or database. `PHOTOSYNC_SEED=<case>` plays
 * one alone.
 */
import { expect, test } from 'vitest'
import { AppError } from '../../src/core/errors.js'
import { chosen, inLanes } from './lanes.js'
import { type Parts, playScenario, type Upset } from './played.js'
import { type Scenario, scenarios } from './scenarios.js'

type Kind = 'bucket' | 'database'
/**
 * `killed before`: with nothing done from this call on. Between two calls nothing is done that anyone could see, so it stands for the
 * end of the one before as well. `killed after` is for the last one. `failed before`, `failed after`: it goes on, without its answer.
 */
type Happening = 'killed before' | 'killed after' | 'failed before' | 'failed after'

interface Step {
  process: 0 | 1
  /** Of this process's calls, from 1. */
  nth: number
  kind: Kind
}

interface Case extends Step {
  scenario: Scenario
  happening: Happening
}

test('the end of a process at every step', { timeout: 600_000 }, async () => {
  const cases = new Map<string, Case>()
  await inLanes(new Map(Object.entries(scenarios)), { lanes: 4, connectionsMax: 4 }, async (lane, name, scenario) => {
    const steps: Step[] = []
    await playScenario(lane, name, scenario, parts =>
      watched(parts, async (step, call) => {
        steps.push(step)
        return call()
      }),
    )
    for (const [caseName, one] of casesOf(name, scenario, steps)) cases.set(caseName, one)
  })
  console.log(`${cases.size} cases`)
  await inLanes(chosen(cases), { lanes: 16, connectionsMax: 2 }, (lane, name, one) =>
    playScenario(lane, name, one.scenario, parts => upsetBy(one, parts)),
  )
  expect(cases.size).toBeGreaterThan(0)
})

function casesOf(name: string, scenario: Scenario, steps: readonly Step[]): [string, Case][] {
  const cases: [string, Case][] = []
  for (const [index, step] of steps.entries()) {
    if (index % (scenario.everyNthStep ?? 1) !== 0) continue
    const isLast = steps.findLastIndex(({ process }) => process === step.process) === index
    const happenings: Happening[] = ['killed before']
    if (isLast) happenings.push('killed after')
    // Of the bucket's calls every-call.test.ts tells.
    if (step.kind === 'database') happenings.push('failed before', 'failed after')
    for (const happening of happenings) {
      const caseName = `${name}: process ${step.process}, step ${step.nth}, ${happening}`
      cases.push([caseName, { ...step, scenario, happening }])
    }
  }
  return cases
}

function upsetBy({ process, nth, happening }: Case, parts: Parts): Upset {
  const dead = new Set<number>()
  const isKilled = happening.startsWith('killed')
  return watched(parts, async (step, call) => {
    const isNow = step.process === process && step.nth === nth
    if (isNow && isKilled && happening === 'killed before') dead.add(process)
    if (dead.has(step.process)) throw noAnswer()
    if (!isNow) return call()
    if (happening !== 'failed before') await call()
    if (isKilled) dead.add(process)
    throw noAnswer()
  })
}

const noAnswer = () => new AppError('unavailable', 'There is no answer, as it was told')

type Watch = <T>(step: Step, call: () => Promise<T>) => Promise<T>

/** Each call of either process is seen first. A transaction is one. */
function watched({ bucket, db }: Parts, watch: Watch): Upset {
  const partsOf = (process: 0 | 1): Parts => {
    let nth = 0
    const seen = <Call extends (...args: never[]) => Promise<unknown>>(kind: Kind, call: Call) =>
      ((...args: Parameters<Call>) => watch({ process, nth: ++nth, kind }, () => call(...args))) as Call
    return {
      db: { ...db, query: seen('database', db.query), transaction: seen('database', db.transaction) },
      bucket: {
        ...bucket,
        put: seen('bucket', bucket.put),
        get: seen('bucket', bucket.get),
        head: seen('bucket', bucket.head),
        createMultipart: seen('bucket', bucket.createMultipart),
        uploadPart: seen('bucket', bucket.uploadPart),
        completeMultipart: seen('bucket', bucket.completeMultipart),
      },
    }
  }
  return { processes: [partsOf(0), partsOf(1)], calm: () => {} }
}
