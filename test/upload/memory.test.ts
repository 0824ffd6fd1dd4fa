/** Goal: bodies never take more memory than the budget, nobody waits for ever while others could give way, and no byte is mixed up. */
import { createHash, randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Held, openHeld } from '../../src/upload/held.js'
import { makeKept } from '../../src/upload/kept.js'
import { type Memory, makeMemory, slabSizes } from '../../src/upload/memory.js'
import { makeRebuilding } from '../../src/upload/rebuilding.js'
import { uploadOf } from './upload-of.js'

const KiB = 1024
const [tiny, small, , large] = slabSizes

/** One that holds so many bytes, and clears them when it is pressed. */
function holding(memory: Memory, sizeBytes: number): { held: Held; pressed: () => number } {
  const held = openHeld(memory, 0, { hashed: false })
  let pressed = 0
  held.write(randomBytes(sizeBytes))
  held.become('receiving', () => {
    pressed++
    queueMicrotask(() => held.clear(sizeBytes, true))
    return true
  })
  return { held, pressed: () => pressed }
}

describe('what is held', () => {
  test('is what was written, from any byte on, and hashed', () => {
    const chunkSizes = fc.array(fc.integer({ min: 1, max: 150 * KiB }), { maxLength: 12 })
    fc.assert(
      fc.property(chunkSizes, fc.nat(), fc.nat({ max: 1_000_000 }), (sizes, pick, startOffset) => {
        const memory = makeMemory(64 * 1024 * KiB)
        const held = openHeld(memory, startOffset, { hashed: true })
        const chunks = sizes.map(size => randomBytes(size))
        for (const chunk of chunks) held.write(chunk)
        const all = Buffer.concat(chunks)
        expect(held.sizeBytes).toBe(all.length)
        const from = all.length === 0 ? 0 : pick % all.length
        expect(Buffer.concat(held.chunks(startOffset + from)).equals(all.subarray(from))).toBe(true)
        const hash = held.sha256?.digest('hex')
        expect(hash).toBe(startOffset === 0 ? createHash('sha256').update(all).digest('hex') : undefined)
        held.clear(all.length, true)
        expect(memory.takenBytes).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  test('takes little for little, and large slabs for much', () => {
    const memory = makeMemory(64 * 1024 * KiB)
    const few = openHeld(memory, 0, { hashed: false })
    few.write(Buffer.alloc(10))
    expect(memory.takenBytes).toBe(tiny)
    few.write(Buffer.alloc(2_000_000))
    expect(few.chunks(0).map(({ length }) => length)).toContain(large)
    expect(memory.takenBytes).toBeLessThan(2_000_000 + 2 * large)
  })

  test('takes memory again that was given back', () => {
    const memory = makeMemory(64 * 1024 * KiB)
    const held = openHeld(memory, 0, { hashed: false })
    held.write(Buffer.alloc(10, 'a'))
    const [first] = held.chunks(0)
    held.clear(10, true)
    held.write(Buffer.alloc(10, 'b'))
    expect(first?.toString()).toBe('bbbbbbbbbb')
    held.clear(20, false)
    held.write(Buffer.alloc(10, 'c'))
    expect(first?.toString()).toBe('bbbbbbbbbb')
  })
})

describe('when the budget is spent', () => {
  const budget = 4 * large

  test('who has held most for longest is pressed, and who waits goes on in the order of asking', async () => {
    let nowMs = 0
    const memory = makeMemory(budget, () => nowMs)
    const little = holding(memory, 10)
    const slow = holding(memory, large)
    nowMs = 10_000
    const quick = holding(memory, 3 * large)
    nowMs = 10_100
    const order: number[] = []
    for (const index of [0, 1]) {
      expect(openHeld(memory, 0, { hashed: false }).waitForRoom(() => order.push(index))).toBeDefined()
    }
    await turn()
    expect([little.pressed(), slow.pressed(), quick.pressed()]).toEqual([0, 1, 0])
    expect(order).toEqual([0, 1])
    expect(openHeld(memory, 0, { hashed: false }).waitForRoom(() => {})).toBeUndefined()
  })

  test('who holds a little is pressed where nobody holds more', async () => {
    const memory = makeMemory(budget)
    const busy = openHeld(memory, 0, { hashed: false })
    busy.write(Buffer.alloc(budget - small))
    const few = Array.from({ length: 16 }, () => holding(memory, 10))
    openHeld(memory, 0, { hashed: false }).waitForRoom(() => {})
    await turn()
    expect(few.every(({ pressed }) => pressed() === 1)).toBe(true)
  })

  test('what has arrived is taken all the same, and no more than it needs', () => {
    const memory = makeMemory(budget)
    holding(memory, budget)
    const { held } = holding(memory, 10)
    expect(held.chunks(0).map(({ length }) => length)).toEqual([10])
    expect(memory.takenBytes).toBe(budget + tiny)
  })

  test('what is only kept is dropped first', () => {
    const memory = makeMemory(budget)
    const kept = makeKept()
    const held = openHeld(memory, 0, { hashed: false })
    held.write(Buffer.alloc(2 * large))
    const upload = uploadOf({ offsetBytes: 2 * large, pieces: [{ offset: 0, sizeBytes: 2 * large, holder: 1 }] })
    kept.keep(upload, held)
    const other = holding(memory, 4 * large)
    expect(other.pressed()).toBe(0)
    expect(kept.resume(upload)).toBeUndefined()
  })

  test('one alone that needs more than all of it is pressed itself', async () => {
    const memory = makeMemory(budget)
    const { held, pressed } = holding(memory, budget)
    let hasRoom = false
    held.waitForRoom(() => {
      hasRoom = true
    })
    await turn()
    expect([pressed(), hasRoom]).toEqual([1, true])
  })

  test('who stops waiting is not called', async () => {
    const memory = makeMemory(budget)
    const busy = openHeld(memory, 0, { hashed: false })
    busy.write(Buffer.alloc(budget))
    const stopWaiting = openHeld(memory, 0, { hashed: false }).waitForRoom(() => expect.unreachable())
    stopWaiting?.()
    await turn()
    busy.clear(0, true)
    await turn()
    expect(memory.takenBytes).toBe(0)
  })
})

describe('what is kept for the next request', () => {
  const pieces = [{ offset: 0, sizeBytes: 10, holder: 1 }]

  test('is there for an upload that is as it was', () => {
    const kept = makeKept()
    const held = openHeld(makeMemory(4 * large), 0, { hashed: false })
    held.write(Buffer.alloc(10))
    kept.keep(uploadOf({ offsetBytes: 10, pieces }), held)
    expect(kept.resume(uploadOf({ offsetBytes: 10, pieces }))).toBe(held)
    expect(kept.resume(uploadOf({ offsetBytes: 10, pieces }))).toBeUndefined()
  })

  test.each([
    ['another holder staged', { pieces: [{ offset: 0, sizeBytes: 10, holder: 2 }] }],
    ['more is durable', { offsetBytes: 20, pieces: [...pieces, { offset: 10, sizeBytes: 10, holder: 2 }] }],
    ['a part was made of it', { pieces: [] }],
  ])('is dropped when %s', (_title, facts) => {
    const memory = makeMemory(4 * large)
    const kept = makeKept()
    const held = openHeld(memory, 0, { hashed: false })
    held.write(Buffer.alloc(10))
    kept.keep(uploadOf({ offsetBytes: 10, pieces }), held)
    expect(kept.resume(uploadOf({ offsetBytes: 10, ...facts }))).toBeUndefined()
    expect(memory.takenBytes).toBe(0)
  })
})

test('pieces are read back within their own memory, in the order of asking; what needs all of it and more runs alone', async () => {
  const rebuilding = makeRebuilding(100)
  const running: string[] = []
  const began: string[] = []
  const ends = new Map<string, () => void>()
  const start = (name: string, sizeBytes: number) =>
    rebuilding.within(sizeBytes, async () => {
      running.push(name)
      began.push(name)
      await new Promise<void>(resolve => ends.set(name, resolve))
      running.splice(running.indexOf(name), 1)
    })
  const all = [start('a', 60), start('b', 40), start('huge', 1_000), start('c', 10)]
  await turn()
  expect(running).toEqual(['a', 'b'])
  ends.get('a')?.()
  await turn()
  expect(running).toEqual(['b'])
  ends.get('b')?.()
  await turn()
  expect(running).toEqual(['huge'])
  ends.get('huge')?.()
  await turn()
  ends.get('c')?.()
  await Promise.all(all)
  expect(began).toEqual(['a', 'b', 'huge', 'c'])
})
