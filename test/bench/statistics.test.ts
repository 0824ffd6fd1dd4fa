/** Goal: sides are compared fairly, and what a bench tells of its measurements is what they were. */
import { describe, expect, test } from 'vitest'
import { orderOf } from './harness.js'
import { median, pairRatios, percentile, round, summarize } from './statistics.js'
import { table } from './table.js'

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

describe('a percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  test.each([
    ['the 99th of 100', hundred, 0.99, 99],
    ['the 50th of 100', hundred, 0.5, 50],
    ['the last', hundred, 1, 100],
    ['the 99th of few is the largest', [10, 9, 100], 0.99, 100],
    ['of one value', [7], 0.5, 7],
  ])('%s', (_, values, share, expected) => {
    expect(percentile(values, share)).toBe(expected)
  })
})

test('six rounds try all orders of three sides', () => {
  const orders = Array.from({ length: 6 }, (_, index) => orderOf(['a', 'b', 'c'], index).join(''))
  expect(orders.toSorted()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba'])
})

test('a table lines up, and is Markdown', () => {
  expect(
    table([
      ['photos', 'ours', 'x'],
      ['a second', '7'],
      ['–', '1.50', '2'],
    ]).split('\n'),
  ).toEqual([
    '| photos   | ours |  x |',
    '| -------- | ---: | -: |',
    '| a second |    7 |    |',
    '| –        | 1.50 |  2 |',
  ])
})

test('ratios are of pairs, so what slows both sides of a round does not count', () => {
  const ours = [10, 100, 12]
  const theirs = [5, 50, 6]
  expect(pairRatios(ours, theirs)).toEqual([2, 2, 2])
})

test('nothing measured is an error, not a number', () => {
  expect(() => median([])).toThrow('no number')
  expect(() => percentile([], 0.5)).toThrow('no number')
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
