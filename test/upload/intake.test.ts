/** Goal: a body is read up to what was asked for and no further, through every pause, and every way it can end is told apart. */
import { randomBytes } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Checksum } from '../../src/upload/contract.js'
import { openHeld } from '../../src/upload/held.js'
import { openIntake } from '../../src/upload/intake.js'
import { makeMemory } from '../../src/upload/memory.js'

const KiB = 1024

function reading(
  body: Readable,
  { budgetBytes = 4_096 * KiB, stallMs = 60_000, checksum = undefined as Checksum | undefined } = {},
) {
  const memory = makeMemory(budgetBytes)
  const held = openHeld(memory, 0, { hashed: true })
  const abort = new AbortController()
  const intake = openIntake(body, { held, signal: abort.signal, stallMs, checksum })
  return { memory, held, abort, intake, text: () => Buffer.concat(held.chunks(held.startOffset)).toString() }
}

const everything = [Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY] as const

describe('a body', () => {
  test('comes out as it went in, whatever its chunks, the room and the memory', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 90 * KiB }), { maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 200 * KiB }), async (chunkSizes, roomBytes) => {
        const chunks = chunkSizes.map(size => randomBytes(size))
        // Less memory than the body has bytes: it is pressed again and again.
        const { held, intake, memory } = reading(Readable.from(chunks, { objectMode: false }), {
          budgetBytes: 256 * KiB,
        })
        const got: Buffer[] = []
        for (;;) {
          const why = await intake.fill(roomBytes, Number.POSITIVE_INFINITY)
          got.push(Buffer.concat(held.chunks(held.startOffset)))
          expect(got.at(-1)?.length).toBeLessThanOrEqual(roomBytes)
          held.clear(0, true)
          if (why === 'ended') break
          expect(['full', 'pressed']).toContain(why)
        }
        intake.close()
        expect(Buffer.concat(got).equals(Buffer.concat(chunks))).toBe(true)
        expect(memory.takenBytes).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  test('stops where the room ends, and goes on from there', async () => {
    const { intake, held, text } = reading(
      Readable.from([Buffer.from('abcdef'), Buffer.from('gh')], { objectMode: false }),
    )
    expect([await intake.fill(4, 100), text()]).toEqual(['full', 'abcd'])
    held.clear(4, true)
    expect([await intake.fill(3, 96), text()]).toEqual(['full', 'efg'])
    held.clear(7, true)
    expect([await intake.fill(3, 93), text()]).toEqual(['ended', 'h'])
  })

  test('that brings just what it may has ended; one byte more is too many', async () => {
    const { intake, text } = reading(Readable.from([Buffer.from('abcd')], { objectMode: false }))
    expect([await intake.fill(8, 4), text()]).toEqual(['ended', 'abcd'])
    const more = reading(Readable.from([Buffer.from('abcde')], { objectMode: false }))
    expect(await more.intake.fill(8, 4)).toBe('excess')
    const later = new PassThrough()
    const two = reading(later)
    later.write('abcd')
    later.end('e')
    expect(await two.intake.fill(8, 4)).toBe('excess')
  })

  test('of no bytes has ended', async () => {
    expect(await reading(Readable.from([])).intake.fill(...everything)).toBe('ended')
  })

  test('that breaks leaves what came of it, and its cause', async () => {
    const body = new PassThrough()
    const { intake, text } = reading(body)
    body.write('abc')
    const filled = intake.fill(...everything)
    await turn()
    body.destroy(new Error('cut'))
    expect([await filled, text(), (intake.cause as Error).message]).toEqual(['broken', 'abc', 'cut'])
    expect(await intake.fill(...everything)).toBe('broken')
  })

  test('that was broken before is broken', async () => {
    const body = new PassThrough()
    body.destroy()
    await turn()
    expect(await reading(body).intake.fill(...everything)).toBe('broken')
  })

  test('that a newer request wants is ended, also while it waits for memory', async () => {
    for (const isShort of [false, true]) {
      const body = new PassThrough()
      const { intake, abort, held, memory } = reading(body, { budgetBytes: 256 * KiB })
      const other = openHeld(memory, 0, { hashed: false })
      if (isShort) {
        // It was pressed, and takes its time.
        other.write(Buffer.alloc(256 * KiB))
        other.become('receiving', () => true)
      }
      body.write(Buffer.alloc(10))
      const filled = intake.fill(...everything)
      await turn()
      expect(body.isPaused()).toBe(isShort)
      abort.abort(new Error('overtaken'))
      expect(await filled).toBe('broken')
      for (const one of [held, other]) one.clear(0, true)
      intake.close()
      await turn()
      expect(memory.takenBytes).toBe(0)
    }
  })

  test('that brings nothing for too long is ended', async () => {
    const body = new PassThrough()
    const { intake, text } = reading(body, { stallMs: 30 })
    body.write('abc')
    expect([await intake.fill(...everything), text()]).toEqual(['broken', 'abc'])
    expect(body.destroyed).toBe(true)
  })

  test('is left open for the answer by whoever stops early, and its late failure troubles nobody', async () => {
    const body = new PassThrough()
    const { intake } = reading(body)
    body.write('abcdef')
    expect(await intake.fill(3, 100)).toBe('full')
    intake.close()
    expect(body.destroyed).toBe(false)
    body.destroy(new Error('cut'))
    await turn()
  })
})

describe('the checksum of a body', () => {
  const crc = Buffer.from('cbf43926', 'hex')
  test.each([
    ['crc32', crc, true],
    ['crc32', Buffer.from('cbf43927', 'hex'), false],
    ['crc32', Buffer.from('cbf439', 'hex'), false],
    ['md5', Buffer.from('25f9e794323b453885f5181f1b624d0b', 'hex'), true],
    ['sha1', Buffer.from('f7c3bc1d808e04732adf679965ccc34ca7ae3441', 'hex'), true],
    ['sha256', Buffer.from('15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225', 'hex'), true],
    ['sha256', Buffer.alloc(32), false],
    ['sha512', Buffer.alloc(3), false],
  ] as const)('%s %#', async (algorithm, digest, matches) => {
    const chunks = ['1234', '56789'].map(text => Buffer.from(text))
    const { intake } = reading(Readable.from(chunks, { objectMode: false }), { checksum: { algorithm, digest } })
    // In two turns, since it is of the whole body.
    expect(await intake.fill(3, 100)).toBe('full')
    expect(await intake.fill(100, 97)).toBe('ended')
    expect(intake.checksum?.matches()).toBe(matches)
  })
})
