/** Goal: what a bench tells of its measurements is what they were. */
import { describe, expect, test } from 'vitest'
import { median, pairRatios, round, summarize } from './statistics.js'

describe('the median', () => {
  test.each([
    ['one value', [7], 7],
    ['an odd count, unsorted', [9, 1, 5], 5],
    ['an even count', [4, 1, 3, 2], 2.5],
    ['sorted by value, not by text', [10, 9, 100], 10],
    ['an outlier', [1, 1, 1, 1, 1_000], 1],
  ])('of %s', (_, values, expected) => {
    expect(median(values)).toBe(expected)
  })

  test('leaves its values as they are', () => {
    const values = [3, 1, 2]
    summarize(values)
    expect(values).toEqual([3, 1, 2])
  })
})

test('a summary has the range too', () => {
  expect(summarize([3, 1, 2, 9])).toEqual({ median: 2.5, min: 1, max: 9 })
})

test('ratios are of pairs, so what slows both sides of a round does not count', () => {
  const ours = [10, 100, 12]
  const theirs = [5, 50, 6]
  expect(pairRatios(ours, theirs)).toEqual([2, 2, 2])
})

test('nothing measured is an error, not a number', () => {
  expect(() => median([])).toThrow('no number')
  expect(() => pairRatios([], [])).toThrow('no number')
  expect(() => pairRatios([1], [1, 2])).toThrow('as many')
})

test.each([
  [1.23456, 1.23],
  [12_345, 12_300],
  [0, 0],
  [8, 8],
])('%d is told as %d', (value, expected) => {
  expect(round(value)).toBe(expected)
})
