/** Goal: what a WebM says near its beginning is read right, as far as it is at hand, or left out. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readWebm } from '../../workers/thumbnail/facts/webm.js'
import { longs } from './facts-bytes.js'

const now = new Date('2026-01-01T00:00:00Z')

/** An element: its identifier, a size of eight bytes (or "unknown"), its content. */
function element(id: string, content: Buffer | Buffer[], size?: 'unknown'): Buffer {
  const body = Array.isArray(content) ? Buffer.concat(content) : content
  const length =
    size === 'unknown' ? Buffer.from('01ffffffffffffff', 'hex') : Buffer.concat([longs(0x01000000), longs(body.length)])
  return Buffer.concat([Buffer.from(id, 'hex'), length, body])
}

describe('a WebM', () => {
  const duration = Buffer.alloc(8)
  duration.writeDoubleBE(2_500.4)
  const date = Buffer.alloc(8)
  date.writeBigInt64BE(BigInt(Date.parse('2021-06-13T13:12:55Z') - Date.parse('2001-01-01T00:00:00Z')) * 1_000_000n)
  const info = element('1549a966', [
    element('2ad7b1', longs(1_000_000)),
    element('4489', duration),
    element('4461', date),
  ])
  const video = element('e0', [element('b0', Buffer.from([5, 0])), element('ba', Buffer.from([2, 208]))])
  const tracks = element('1654ae6b', [element('ae', element('d7', Buffer.from([1]))), element('ae', video)])
  const head = element('1a45dfa3', element('4282', Buffer.from('webm')))
  const facts = { durationMs: 2_500, width: 1280, height: 720, takenAt: '2021-06-13T13:12:55', takenOffsetMinutes: 0 }

  test.each<[string, Buffer, object]>([
    ['whole', element('18538067', [info, tracks]), facts],
    ['of unknown size', element('18538067', [info, tracks], 'unknown'), facts],
    ['whose rest is not at hand', element('18538067', [info, tracks, Buffer.alloc(9_000)]).subarray(0, 300), facts],
    [
      'whose tracks are not at hand',
      element('18538067', [info, tracks]).subarray(0, 40 + info.length),
      { durationMs: 2_500, width: null },
    ],
    [
      'without either',
      element('18538067', [element('1f43b675', [info, tracks])]),
      { durationMs: null, width: null, takenAt: null },
    ],
  ])('%s', (_, segment, expected) => {
    expect(readWebm(Buffer.concat([head, segment]), { now })).toMatchObject(expected)
  })

  test('changed anywhere is read within limits', () => {
    const whole = Buffer.concat([head, element('18538067', [info, tracks])])
    const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), fc.nat({ max: whole.length }), (changes, end) => {
        const file = Buffer.from(whole)
        for (const { at, byte } of changes) file[at] = byte
        const movie = readWebm(file.subarray(0, end), { now })
        expect(movie.durationMs ?? 1).toBeGreaterThan(0)
        expect(movie.height ?? 1).toBeLessThanOrEqual(65_535)
      }),
      { numRuns: 2_000 },
    )
  })
})
