/** Goal: which bytes a request asks for, by RFC 9110 §14 and §13.1, as a table. */
import { describe, expect, test } from 'vitest'
import { matchesEtag } from '../src/gallery/etag.js'
import { requestedRange } from '../src/gallery/range.js'

const etag = '"abc"'
const whole = { kind: 'whole' }
const unsatisfiable = { kind: 'unsatisfiable' }
const part = (start: number, end: number) => ({ kind: 'part', start, end })

describe('ranges of 100 bytes', () => {
  test.each([
    [undefined, whole],
    ['bytes=0-0', part(0, 0)],
    ['bytes=0-', part(0, 99)],
    ['bytes=10-19', part(10, 19)],
    ['bytes=90-500', part(90, 99)],
    ['bytes=99-', part(99, 99)],
    ['bytes=-1', part(99, 99)],
    ['bytes=-100', part(0, 99)],
    ['bytes=-500', part(0, 99)],
    ['BYTES=1-2', part(1, 2)],
    ['bytes= 1-2 ', part(1, 2)],
    ['bytes=100-', unsatisfiable],
    ['bytes=100-200', unsatisfiable],
    ['bytes=-0', unsatisfiable],
    // Not one valid range of bytes: as if it hadn't been asked.
    ['bytes=19-10', whole],
    ['bytes=0-1,3-4', whole],
    ['bytes=-', whole],
    ['bytes=', whole],
    ['bytes=a-b', whole],
    ['bytes=1.5-2', whole],
    ['bytes=+1-2', whole],
    ['bytes=1-2x', whole],
    ['bytes=1', whole],
    ['items=0-1', whole],
    [`bytes=${'9'.repeat(16)}-`, whole],
  ])('%j', (range, expected) => {
    expect(requestedRange({ range }, { sizeBytes: 100, etag })).toEqual(expected)
  })

  test.each([
    ['bytes=0-', unsatisfiable],
    ['bytes=-5', unsatisfiable],
    [undefined, whole],
  ])('%j of nothing', (range, expected) => {
    expect(requestedRange({ range }, { sizeBytes: 0, etag })).toEqual(expected)
  })

  test.each([
    ['"abc"', part(0, 1)],
    ['"abd"', whole],
    ['W/"abc"', whole],
    ['Sun, 01 Jun 2025 12:00:00 GMT', whole],
  ])('only if it is still %s', (ifRange, expected) => {
    expect(requestedRange({ range: 'bytes=0-1', 'if-range': ifRange }, { sizeBytes: 100, etag })).toEqual(expected)
  })
})

describe('If-None-Match', () => {
  test.each([
    [undefined, false],
    ['"abc"', true],
    ['W/"abc"', true],
    ['"x", "abc"', true],
    ['*', true],
    ['"x"', false],
    ['abc', false],
  ])('%j', (header, expected) => {
    expect(matchesEtag(header, etag)).toBe(expected)
  })
})
