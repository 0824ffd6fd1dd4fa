/** Goal: whatever a file's metadata holds, reading it never fails and never gives more than the limits allow. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cameraExif } from '../../fixtures/camera-exif.js'
import { photoFactsLimits as limits, noFacts, type PhotoFacts } from '../../src/library/photo-facts.js'
import { readFacts } from '../../workers/thumbnail/facts/photo-facts.js'
import { draw } from './drawing.js'
import { appleNote, jpegOf, tiffBlock, xmpPacket } from './facts-bytes.js'

const now = new Date('2026-01-01T00:00:00Z')

const full = cameraExif({
  takenAt: '2024-05-06T07:08:09+08:00',
  make: 'Acme',
  model: 'Snap 9',
  gps: { latitude: -33.8587, longitude: 151.2140667, altitude: 30 },
  exposure: { seconds: '1/250', fNumber: 1.8, iso: 400, focalMm: 4.25 },
})

describe('hostile metadata', () => {
  test('a directory that points to itself', () => {
    const block = tiffBlock({ main: { 271: 'Acme', 34665: 8, 34853: 8 } })
    expect(readFacts(block, { now })).toMatchObject({ cameraMake: 'Acme' })
  })

  test('counts and places beyond the file', () => {
    const block = tiffBlock({ main: { 270: 'x'.repeat(40), 271: 'Acme' } })
    // The first entry's count, then its place.
    for (const at of [14, 18]) {
      const damaged = Buffer.from(block)
      damaged.writeUInt32BE(0xffff_fff0, at)
      expect(readFacts(damaged, { now })).toEqual({ ...noFacts, cameraMake: 'Acme' })
    }
  })

  test('a field as large as the file is read as far as it is looked at', () => {
    const block = tiffBlock({ main: { 271: 'y'.repeat(3_000_000), 37377: Buffer.alloc(3_000_000) } })
    expect(readFacts(block, { now })).toMatchObject({ cameraMake: 'y'.repeat(100) })
  })

  test('a packet larger than any', () => {
    const packet = Buffer.from(`${xmpPacket({ 'xmp:Rating': 3 })}${' '.repeat(2 * 1024 * 1024)}`)
    expect(readFacts(tiffBlock({ main: { 700: packet } }), { now }).rating).toBeNull()
  })
})

describe('damaged metadata never fails, and never goes beyond the limits', () => {
  const note = appleNote({ 11: 'B0B0-1', 17: 'C1C1-2' })
  const exif = tiffBlock({
    main: { 270: 'words' },
    photo: { 37500: note, 37377: [[7, 1]] },
    gps: { 1: 'N', 2: [[1, 1]] },
  })

  test.each([
    ['jpeg', () => draw(8, 8).withExif(full).jpeg().toBuffer()],
    ['png', () => draw(8, 8).withExif(full).png().toBuffer()],
    ['webp', () => draw(8, 8).withExif(full).webp().toBuffer()],
    ['avif', () => draw(8, 8).withExif(full).avif().toBuffer()],
    ['notes and packets', async () => jpegOf({ exif, xmp: xmpPacket({ 'xmp:Rating': 3, 'GCamera:BurstID': 'abc' }) })],
    ['bare', async () => exif],
  ])('%s', async (_, make) => {
    const whole = await make()
    const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), fc.nat({ max: whole.length }), (changes, end) => {
        const damaged = Buffer.from(whole)
        for (const { at, byte } of changes) damaged[at] = byte
        assertWithinLimits(readFacts(damaged, { now }))
        assertWithinLimits(readFacts(damaged.subarray(0, end), { now }))
      }),
      { numRuns: 700 },
    )
  })
})

function assertWithinLimits(facts: PhotoFacts): void {
  const within = (value: number | null, min: number, max: number) => value === null || (value >= min && value <= max)
  for (const text of [facts.cameraMake, facts.cameraModel, facts.lens]) {
    expect(text ?? 'x').toMatch(/^[^\p{Cc}]{1,100}$/u)
  }
  expect(facts.takenAt ?? '2000-01-01T00:00:00').toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
  expect(within(facts.takenOffsetMinutes, -limits.offsetMinutes, limits.offsetMinutes)).toBe(true)
  expect(within(facts.latitude, -90, 90) && within(facts.longitude, -180, 180)).toBe(true)
  expect(within(facts.orientation, 1, 8)).toBe(true)
  expect(within(facts.exposureSeconds, 0, limits.exposureSeconds)).toBe(true)
  expect(within(facts.fNumber, 0, limits.fNumber) && within(facts.iso, 1, limits.iso)).toBe(true)
  expect(within(facts.focalLengthMm, 0, limits.focalLengthMm)).toBe(true)
  expect(within(facts.rating, -1, 5)).toBe(true)
  expect(facts.description ?? 'x').toMatch(/^(\n|[^\p{Cc}]){1,2000}$/u)
  for (const id of [facts.burst, facts.live]) expect(id ?? 'x').toMatch(/^[\x21-\x7e]{1,100}$/)
}
