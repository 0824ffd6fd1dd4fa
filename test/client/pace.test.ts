/**
 * The goal: as many uploads at a time as fill the link, few where few do, fewer at once when the link or the server suffers. On
 * a simulated link in virtual time, so that nothing depends on how fast this machine is.
 */
import { describe, expect, test } from 'vitest'
import { makePace, type Pace, type PaceOptions } from '../../src/client/pace.js'
import { seededRandom } from '../support/seed.js'
import { type SimulatedLink, simulate } from './simulated-link.js'

const far: SimulatedLink = { rate: 2_500_000, rttMs: 340, serverMs: 60 }
const many = (files: number, from: number, to: number) => {
  // In virtual time the same sizes come to the same figures.
  const random = seededRandom(files)
  return Array.from({ length: files }, () => random.between(from, to))
}
const smalls = () => many(1_000, 60_000, 120_000)
const larges = () => many(100, 2_000_000, 4_000_000)

async function run(link: SimulatedLink, sizes: number[], options: PaceOptions = {}) {
  const clock = { nowMs: 0 }
  return await simulate(link, sizes, makePace({ now: () => clock.nowMs, ...options }), clock)
}
const always = (limit: number): PaceOptions => ({ min: limit, start: limit, max: limit })

describe('on a link', () => {
  test('many small files far away: tens at a time, and the link is full', async () => {
    const sizes = smalls()
    const { share, mostActive } = await run(far, sizes)
    expect(share).toBeGreaterThan(0.75)
    expect(mostActive).toBeGreaterThanOrEqual(24)
    expect((await run(far, sizes, always(4))).share).toBeLessThan(0.4) // so it was worth something
  })

  test('large files far away: a few, and the link is full', async () => {
    const { share, limits, mostActive } = await run(far, larges())
    expect(share).toBeGreaterThan(0.93)
    expect(mostActive).toBeLessThanOrEqual(16)
    expect(Math.max(...limits.slice(Math.floor(limits.length / 2)))).toBeLessThanOrEqual(12)
  })

  test('videos that take minutes each are told apart from silence', async () => {
    const { share, mostActive } = await run(far, many(12, 20_000_000, 40_000_000))
    expect(share).toBeGreaterThan(0.9)
    expect(mostActive).toBeLessThanOrEqual(16)
  })

  test('a short link needs fewer than a long one', async () => {
    const sizes = smalls()
    const near = await run({ ...far, rttMs: 60 }, sizes)
    expect(near.share).toBeGreaterThan(0.7)
  })

  test('a server that works at four at a time is not asked for sixty', async () => {
    const { limits } = await run(
      { rate: 100_000_000, rttMs: 1, serverMs: 20, serverSlots: 4 },
      many(3_000, 60_000, 120_000),
    )
    expect(limits.reduce((sum, limit) => sum + limit, 0) / limits.length).toBeLessThan(20)
  })

  test('a link that breaks every few seconds still carries, and is not answered with more and more', async () => {
    const { share, mostActive } = await run({ ...far, cutEveryMs: 6_000 }, larges())
    expect(share).toBeGreaterThan(0.6)
    expect(mostActive).toBeLessThanOrEqual(16)
  })

  test('a server that refuses above twenty at a time is left in peace, and everything arrives', async () => {
    const { share, limits } = await run({ ...far, refusesAbove: 20 }, smalls())
    expect(share).toBeGreaterThan(0.4)
    expect(limits.filter(limit => limit > 20).length).toBeLessThan(limits.length / 4)
  })
})

describe('turns', () => {
  const still = (options: PaceOptions = {}): Pace => makePace({ now: () => 0, ...options })

  test('no more than the limit at a time, first come first served', async () => {
    const pace = still({ start: 2 })
    const order: number[] = []
    const turns = [1, 2, 3, 4].map(async turn => {
      await pace.acquire()
      order.push(turn)
    })
    await Promise.all(turns.slice(0, 2))
    expect([pace.active, order]).toEqual([2, [1, 2]])
    pace.release('done', 1)
    await turns[2]
    expect([pace.active, order]).toEqual([2, [1, 2, 3]])
    pace.release('failed')
    await turns[3]
    expect(order).toEqual([1, 2, 3, 4])
  })

  test('of large files only a few begin together, whatever would be allowed of small ones', async () => {
    const began = async (sizeBytes: number) => {
      const pace = still({ start: 12 })
      for (let i = 0; i < 20; i++) void pace.acquire(undefined, sizeBytes)
      await Promise.resolve()
      return pace.active
    }
    expect([await began(90_000), await began(1_000_000), await began(3_000_000)]).toEqual([12, 9, 6])
  })

  test('a wait ends with its signal, and takes nobody else’s turn', async () => {
    const pace = still({ min: 1, start: 1 })
    await pace.acquire()
    const stop = new AbortController()
    const left = pace.acquire(stop.signal)
    const next = pace.acquire()
    stop.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    await expect(pace.acquire(stop.signal)).rejects.toThrow('enough')
    pace.release('done')
    await next
    expect(pace.active).toBe(1)
  })

  test('a turn that nobody has cannot be given back', () => {
    expect(() => still().release('done')).toThrow('nobody had')
  })

  test('many breaks at one moment count once; a refusal halves; nothing goes below the least', async () => {
    let nowMs = 0
    const pace = makePace({ now: () => nowMs, start: 40 })
    for (let i = 0; i < 40; i++) await pace.acquire()
    expect(pace.isShaky).toBe(false)
    for (let i = 0; i < 40; i++) pace.trouble('lost')
    expect(pace.isShaky).toBe(true)
    expect(pace.limit).toBe(28)
    // The next window.
    for (let i = 0; i < 2; i++) {
      nowMs += 3_000
      pace.moved(1_000)
    }
    const before = pace.limit
    pace.trouble('refused')
    pace.trouble('refused')
    expect(pace.limit).toBe(Math.floor(before / 2))
    for (let i = 0; i < 30; i++) {
      nowMs += 3_000
      pace.moved(1)
      pace.trouble('refused')
    }
    expect(pace.limit).toBe(2)
  })

  test('it does not grow while nobody needs the turns it has', async () => {
    let nowMs = 0
    const pace = makePace({ now: () => nowMs })
    for (let i = 0; i < 1_000; i++) {
      await pace.acquire()
      nowMs += 50
      pace.moved(10_000)
      pace.release('done', 10_000)
    }
    expect(pace.limit).toBe(4)
  })

  test('a silence is no measurement', async () => {
    let nowMs = 0
    const pace = makePace({ now: () => nowMs })
    for (let i = 0; i < 4; i++) await pace.acquire()
    for (let i = 0; i < 100; i++) {
      nowMs += 1_000
      pace.moved(0)
    }
    expect(pace.limit).toBe(4)
  })
})
