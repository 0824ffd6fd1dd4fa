/** The goal: a server that is away is waited for by one call at a time, as long as is worth it; one call's own trouble is no outage. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { makePatient, type PatientOptions } from '../../src/client/patient.js'
import { backOff, wait } from '../../src/client/wait.js'
import { AppError } from '../../src/core/errors.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const gone = (retryAfterSeconds?: number) =>
  new AppError('unavailable', 'It is away', retryAfterSeconds === undefined ? {} : { retryAfterSeconds })

function patientWith(more: Partial<PatientOptions> = {}) {
  const said: string[] = []
  const stop = new AbortController()
  const patient = makePatient({ awayMaxMs: 300_000, say: text => said.push(text), signal: stop.signal, ...more })
  /** What became of a call, for looking at any time. */
  const follow = <T>(call: () => Promise<T>) => {
    const followed: { outcome?: unknown } = {}
    patient.call(call).then(
      value => {
        followed.outcome = value
      },
      (error: unknown) => {
        followed.outcome = error
      },
    )
    return followed
  }
  return { patient, said, stop, follow }
}

test('an outage is waited out, said once, and one call tries while the others are held', async () => {
  const { said, follow } = patientWith()
  let calls = 0
  const backAtMs = performance.now() + 100_000
  const call = async () => {
    calls++
    if (performance.now() < backAtMs) throw gone()
    return 'here'
  }
  const all = Array.from({ length: 30 }, () => follow(call))
  await vi.advanceTimersByTimeAsync(1)
  expect(calls).toBe(30) // they were under way already
  const later = follow(call)
  await vi.advanceTimersByTimeAsync(90_000)
  expect([calls, later.outcome]).toEqual([34, undefined])
  await vi.advanceTimersByTimeAsync(20_000)
  expect([...all, later].map(({ outcome }) => outcome)).toEqual(Array(31).fill('here'))
  expect(said).toEqual(['It is away; trying again until it answers'])
})

test('an outage that lasts too long ends all of it, with the reason', async () => {
  const { patient, follow } = patientWith()
  const error = gone()
  const first = follow(() => Promise.reject(error))
  await vi.advanceTimersByTimeAsync(1)
  const other = follow(() => Promise.reject(error))
  await vi.advanceTimersByTimeAsync(1)
  const held = follow(() => Promise.reject(error))
  await vi.advanceTimersByTimeAsync(290_000)
  expect([patient.gaveUp, first.outcome]).toEqual([false, undefined])
  await vi.advanceTimersByTimeAsync(30_000)
  expect([patient.gaveUp, first.outcome, other.outcome, held.outcome]).toEqual([true, error, error, error])
  await expect(patient.call(async () => 'late')).rejects.toBe(error)
})

test.each([
  [61, 300_000, 61_000],
  [5, 300_000, 20_000],
  [3_600, Number.POSITIVE_INFINITY, 600_000],
])(
  'told to come back in %d s, where an outage may last %d ms, it does in %d ms',
  async (seconds, awayMaxMs, pauseMs) => {
    const { follow } = patientWith({ awayMaxMs })
    let calls = 0
    const followed = follow(async () => {
      if (++calls === 1) throw gone(seconds)
      return 'here'
    })
    await vi.advanceTimersByTimeAsync(pauseMs - 10)
    expect([calls, followed.outcome]).toEqual([1, undefined])
    await vi.advanceTimersByTimeAsync(20)
    expect(followed.outcome).toBe('here')
  },
)

test('told to come back later than is waited for, it ends at once', async () => {
  const { patient, follow, said } = patientWith()
  const error = gone(301)
  const followed = follow(() => Promise.reject(error))
  await vi.advanceTimersByTimeAsync(1)
  expect([followed.outcome, patient.gaveUp, said]).toEqual([error, true, []])
})

test('a call that fails while others succeed is tried a few times, and then fails alone', async () => {
  const { patient, follow, said } = patientWith()
  const error = gone()
  let calls = 0
  const followed = follow(async () => {
    calls++
    await patient.call(async () => 'another one')
    throw error
  })
  await vi.advanceTimersByTimeAsync(1)
  expect([calls, followed.outcome, patient.gaveUp, said]).toEqual([3, error, false, []])
})

test('those who are held try by turns, so that one that breaks the server keeps nobody out', async () => {
  const { follow } = patientWith()
  const tried: string[] = []
  const call = (name: string, broken: boolean) =>
    follow(async () => {
      tried.push(name)
      if (broken) throw gone()
      return name
    })
  const broken = call('broken', true)
  await vi.advanceTimersByTimeAsync(1)
  const others = [call('one', false), call('two', false)]
  await vi.advanceTimersByTimeAsync(20_010)
  expect([broken.outcome, ...others.map(({ outcome }) => outcome)]).toEqual([undefined, 'one', 'two'])
  expect(tried.slice(0, 3)).toEqual(['broken', 'one', expect.anything()])
})

test('where it takes several to make an outage, one that is alone fails alone, and the next has its turn', async () => {
  const { patient, follow, said } = patientWith({ callsMin: 3 })
  const errors = [gone(), gone(), gone()]
  const outcomes: unknown[] = []
  for (const error of errors) {
    const followed = follow(() => Promise.reject(error))
    await vi.advanceTimersByTimeAsync(310_000)
    outcomes.push(followed.outcome, patient.gaveUp)
  }
  expect(outcomes).toEqual([errors[0], false, errors[1], false, errors[2], true])
  expect(said).toHaveLength(1)
})

test('whose turn it was to try hands it on, whatever becomes of them', async () => {
  const { follow } = patientWith()
  const other = new AppError('conflict', 'changed')
  let tries = 0
  const first = follow(async () => {
    throw ++tries === 1 ? gone() : other
  })
  await vi.advanceTimersByTimeAsync(1)
  const second = follow(async () => 'here')
  await vi.advanceTimersByTimeAsync(20_010)
  expect([first.outcome, second.outcome]).toEqual([other, 'here'])
})

test('every wait ends with the signal', async () => {
  const { follow, stop } = patientWith()
  const first = follow(() => Promise.reject(gone()))
  await vi.advanceTimersByTimeAsync(1)
  const held = follow(async () => 'never called')
  const reason = new Error('enough')
  stop.abort(reason)
  await vi.advanceTimersByTimeAsync(1)
  expect([first.outcome, held.outcome]).toEqual([reason, reason])
})

test('a wait longer than timers can hold is as long as it says', async () => {
  const days = 24 * 3600_000
  let ended = false
  void wait(60 * days).then(() => {
    ended = true
  })
  await vi.advanceTimersByTimeAsync(59 * days)
  expect(ended).toBe(false)
  await vi.advanceTimersByTimeAsync(2 * days)
  expect(ended).toBe(true)
})

test('attempts are further and further apart, never by the same time', () => {
  const delays = backOff({ attemptsMax: 4, firstDelayMs: 100, delayMaxMs: 150, random: () => 0.5 })
  expect(delays).toEqual([100, 150, 150])
})
