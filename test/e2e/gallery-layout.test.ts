/**
 * Goal: the grid's rows fill the page without overlap or crop beyond reason whatever the pictures' shapes, and everything a
 * photo says about itself is worded right at its edges. Pure functions; no browser needed.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  aspectOf,
  type Box,
  guessHeightPx,
  layoutMonth,
  type RowsOptions,
} from '../../src/gallery/web/justified-rows.js'
import type { Section } from '../../src/gallery/web/library.js'
import { findPlace } from '../../src/gallery/web/neighbours.js'
import { refreshDelayMs } from '../../src/gallery/web/refreshing.js'
import { parseRoute, signInPath } from '../../src/gallery/web/router.js'
import * as words from '../../src/gallery/web/wording.js'

const desktop: RowsOptions = { widthPx: 1200, rowHeightPx: 184, gapPx: 6, dayGapPx: 20, labelHeightPx: 36 }
const phone: RowsOptions = { widthPx: 344, rowHeightPx: 112, gapPx: 3, dayGapPx: 10, labelHeightPx: 30 }

function rowsOf(tiles: readonly (readonly Box[])[]): Box[][] {
  const rows = new Map<number, Box[]>()
  for (const box of tiles.flat()) rows.set(box.top, [...(rows.get(box.top) ?? []), box])
  return [...rows.values()]
}

describe('justified rows', () => {
  test('a full row ends exactly at the width, and its pictures are of one height', () => {
    const { tiles } = layoutMonth([Array.from({ length: 30 }, () => 4 / 3)], desktop)
    const rows = rowsOf(tiles)
    for (const row of rows.slice(0, -1)) {
      const last = row.at(-1)
      expect((last?.left ?? 0) + (last?.width ?? 0)).toBe(desktop.widthPx)
      expect(new Set(row.map(box => box.height)).size).toBe(1)
    }
  })

  test('one picture keeps its shape and the height aimed at', () => {
    const { tiles, labels, heightPx } = layoutMonth([[1.5]], desktop)
    expect(tiles).toEqual([[{ left: 0, top: 36, width: 276, height: 184 }]])
    expect(labels).toEqual([{ left: 0, top: 0, width: 276, height: 36 }])
    expect(heightPx).toBe(220)
  })

  test('small days share a row, each under its own label', () => {
    const { labels, tiles } = layoutMonth([[1, 1], [1], [1]], desktop)
    expect(rowsOf(tiles)).toHaveLength(1)
    expect(labels.map(label => label.top)).toEqual([0, 0, 0])
    expect(labels.map(label => label.left)).toEqual([0, 374 + 20, 374 + 20 + 184 + 20])
    expect(labels[0]?.width).toBe(374)
  })

  test('nothing is no height', () => {
    expect(layoutMonth([], desktop)).toEqual({ heightPx: 0, labels: [], tiles: [] })
  })

  test('any month, any width: in order, inside, without overlap, rows near their aim', () => {
    const aspect = fc.oneof(fc.double({ min: 0.62, max: 2.6, noNaN: true }), fc.constantFrom(4 / 3, 3 / 4, 1.2))
    const month = fc.array(fc.array(aspect, { minLength: 1, maxLength: 25 }), { maxLength: 12 })
    fc.assert(
      fc.property(month, fc.constantFrom(desktop, phone, { ...phone, widthPx: 280 }), (days, options) => {
        const { tiles, labels, heightPx } = layoutMonth(days, options)
        expect(tiles.map(day => day.length)).toEqual(days.map(day => day.length))
        const rows = rowsOf(tiles)
        let bottom = 0
        for (const row of rows) {
          let right = 0
          for (const box of row) {
            expect(box.left).toBeGreaterThanOrEqual(right)
            expect(box.top).toBeGreaterThanOrEqual(bottom)
            right = box.left + box.width
          }
          expect(right).toBeLessThanOrEqual(options.widthPx)
          const height = row[0]?.height ?? 0
          expect(height).toBeLessThanOrEqual(Math.ceil(options.rowHeightPx * 1.35))
          expect(height).toBeGreaterThan(options.rowHeightPx * 0.35)
          bottom = (row[0]?.top ?? 0) + height
        }
        expect(heightPx).toBe(bottom)
        tiles.forEach((day, at) => {
          expect(labels[at]?.left).toBe(day[0]?.left)
          expect((labels[at]?.top ?? 0) + options.labelHeightPx).toBe(day[0]?.top)
        })
      }),
      { numRuns: 200 },
    )
  })

  test('room kept for an unseen month is near what it takes', () => {
    const days = Array.from({ length: 10 }, () => Array.from({ length: 12 }, () => 4 / 3))
    const real = layoutMonth(days, desktop).heightPx
    expect(guessHeightPx(120, desktop) / real).toBeGreaterThan(0.8)
    expect(guessHeightPx(120, desktop) / real).toBeLessThan(1.25)
  })

  test.each([
    [4000, 3000, 4 / 3],
    [12000, 2000, 2.6],
    [1000, 4000, 0.62],
    [null, null, 1.2],
    [0, 100, 1.2],
  ])('the shape of %s × %s is %s', (width, height, aspect) => {
    expect(aspectOf(width, height)).toBeCloseTo(aspect)
  })
})

describe('wording', () => {
  test('dates are wall clocks, whatever the zone of whoever looks', () => {
    expect(words.monthWords('2025-06')).toBe('June 2025')
    expect(words.dayWords('2025-06-01T00:00:01')).toBe('Sun 1 Jun')
    expect(words.dateWords('2024-12-31T23:59:59.999')).toBe('31 December 2024')
    expect(words.longDateWords('2025-06-14T17:42:08Z')).toBe('Saturday 14 June 2025')
    expect(words.timeWords('2025-06-14T00:05:00')).toBe('00:05')
    expect(words.dateWords('not a date')).toBe('not a date')
  })

  test.each([
    [null, 'time zone not recorded'],
    [0, 'UTC'],
    [330, '5 hours 30 minutes ahead of UTC'],
    [480, '8 hours ahead of UTC'],
    [60, '1 hour ahead of UTC'],
    [-210, '3 hours 30 minutes behind UTC'],
    [-1, '1 minute behind UTC'],
  ])('an offset of %s minutes: %s', (minutes, expected) => {
    expect(words.offsetWords(minutes)).toBe(expected)
  })

  test.each([
    [{ latitude: 1.3521, longitude: 103.8198 }, '1.3521° N, 103.8198° E'],
    [{ latitude: -33.8568, longitude: -70.5 }, '33.8568° S, 70.5000° W'],
    [{ latitude: 0, longitude: 0 }, '0.0000° N, 0.0000° E'],
  ])('%o is %s', (place, expected) => {
    expect(words.placeWords(place)).toBe(expected)
  })

  test.each([
    [{ exposureSeconds: 0.004, fNumber: 1.8, iso: 100, focalLengthMm: 24 }, '1/250 s · f/1.8 · ISO 100 · 24 mm'],
    [{ exposureSeconds: 0.5, fNumber: 11 }, '0.5 s · f/11'],
    [{ exposureSeconds: 30, iso: null }, '30 s'],
    [{ focalLengthMm: 8.72 }, '8.7 mm'],
    [{}, ''],
  ])('exposure %o: %s', (exposure, expected) => {
    expect(words.exposureWords(exposure)).toBe(expected)
  })

  test.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1500, '1.5 kB'],
    [999_600, '1 MB'],
    [3_145_728, '3.1 MB'],
    [48_000_000, '48 MB'],
    [10_737_418_240, '11 GB'],
  ])('%s bytes: %s', (bytes, expected) => {
    expect(words.sizeWords(bytes)).toBe(expected)
  })

  test.each([
    [0, '0:01', '1 second'],
    [400, '0:01', '1 second'],
    [12_345, '0:12', '12 seconds'],
    [65_400, '1:05', '1 minute 5 seconds'],
    [119_600, '2:00', '2 minutes'],
    [3_723_000, '1:02:03', '1 hour 2 minutes 3 seconds'],
  ])('%s ms: %s, %s', (ms, clock, said) => {
    expect([words.clockWords(ms), words.durationWords(ms)]).toEqual([clock, said])
  })

  test.each([
    [-1, 'Rejected'],
    [0, ''],
    [1, '1 of 5 stars'],
    [5, '5 of 5 stars'],
  ])('a rating of %s: %s', (rating, said) => {
    expect(words.ratingWords(rating)).toBe(said)
  })

  test('the rest', () => {
    expect(words.dimensionWords(4032, 3024)).toBe('4032 × 3024 pixels (12 megapixels)')
    expect(words.dimensionWords(1000, 1000)).toBe('1000 × 1000 pixels (1 megapixel)')
    expect(words.dimensionWords(32, 32)).toBe('32 × 32 pixels')
    expect(words.countWords(1234, 'photo')).toBe('1,234 photos')
    expect(words.cameraWords('Canon', 'Canon EOS 5D')).toBe('Canon EOS 5D')
    expect(words.cameraWords('OLYMPUS IMAGING CORP.', 'E-M5')).toBe('OLYMPUS IMAGING CORP. E-M5')
    expect(words.cameraWords(null, 'Pixel 6 Pro')).toBe('Pixel 6 Pro')
    expect(words.cameraWords(null, null)).toBe('')
  })
})

describe('addresses', () => {
  test.each([
    ['/', { name: 'grid' }],
    ['/photo/0abc', { name: 'photo', id: '0abc' }],
    ['/photo/', { name: 'nowhere' }],
    ['/photo/a/b', { name: 'nowhere' }],
    ['/photo/%E0%A4%A', { name: 'nowhere' }],
    ['/sign-in', { name: 'sign-in', to: '/' }],
    ['/sign-in?to=%2Fphoto%2F0abc', { name: 'sign-in', to: '/photo/0abc' }],
    ['/sign-in?to=https%3A%2F%2Felsewhere.example', { name: 'sign-in', to: '/' }],
    ['/sign-in?to=%2F%2Felsewhere.example', { name: 'sign-in', to: '/' }],
    ['/sign-in?to=%2F%5Celsewhere.example', { name: 'sign-in', to: '/' }],
    ['/sign-in?to=%2F%09%2Felsewhere.example', { name: 'sign-in', to: '/' }],
  ])('%s', (path, route) => {
    expect(parseRoute(path)).toEqual(route)
  })

  test('signing in leads back', () => {
    expect(parseRoute(signInPath('/photo/0abc'))).toEqual({ name: 'sign-in', to: '/photo/0abc' })
    expect(signInPath('/')).toBe('/sign-in')
  })
})

describe('neighbours', () => {
  const photo = (id: string) =>
    ({
      id,
      shownAt: '2025-06-14T12:00:00',
      width: 4,
      height: 3,
      state: 'ready',
      reason: null,
      kind: 'picture',
      durationMs: null,
      thumbnail: true,
      motion: false,
      animated: false,
      renditionVersion: null,
      thumbhash: null,
      fileName: id,
    }) as const
  const june: Section = { id: '2025-06', count: 2, photos: [photo('a'), photo('b')] }
  const april: Section = { id: '2025-04', count: 1, photos: [photo('c')] }
  const mayUnseen: Section = { id: '2025-05', count: 40 }

  test('across months', () => {
    expect(findPlace([june, april], 'b')).toMatchObject({ position: 2, newer: { id: 'a' }, older: { id: 'c' } })
    expect(findPlace([june, april], 'c')).toMatchObject({ position: 3, newer: { id: 'b' }, sectionsWanted: [] })
    expect(findPlace([june, april], 'c')?.older).toBeUndefined()
  })

  test('a month that is not loaded is asked for, not skipped', () => {
    expect(findPlace([june, mayUnseen, april], 'b')).toMatchObject({ older: undefined, sectionsWanted: ['2025-05'] })
    expect(findPlace([june, mayUnseen, april], 'c')).toMatchObject({ position: 43, sectionsWanted: ['2025-05'] })
    expect(findPlace([june], 'nobody')).toBeUndefined()
  })
})

test('the page asks again only while something is to come', () => {
  const me = { id: 'i', email: 'e', region: 'r', photos: 5, bytes: 1, unreadable: 0, waiting: 0 }
  const snapshot = { phase: 'ready', sections: [] } as const
  expect(refreshDelayMs({ ...snapshot, me })).toBeUndefined()
  expect(refreshDelayMs({ ...snapshot, me: { ...me, waiting: 1 } })).toBe(3_000)
  expect(refreshDelayMs({ ...snapshot, me: { ...me, photos: 0 } })).toBe(3_000)
  expect(refreshDelayMs({ phase: 'signed-out', sections: [] })).toBeUndefined()
})
