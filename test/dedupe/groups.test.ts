/** Goal: groups keep their ids as they grow, and of two that become one the older id stays, in whatever order pairs are found. */
import { expect, test } from 'vitest'
import { isId, newId } from '../../src/core/ids.js'
import { groupId } from '../../src/library/duplicates/duplicates.js'
import { type Member, regroup } from '../../workers/dedupe/groups.js'

const members = (groups: Record<string, string | null>): Map<string, Member> =>
  new Map(Object.entries(groups).map(([id, group]) => [id, { id, group }]))

const newGroups = () => {
  let count = 0
  return () => `new ${++count}`
}

test.each<[string, Record<string, string | null>, [string, string][], Record<string, string>, [string, string][]]>([
  ['two make a new one', { a: null, b: null }, [['a', 'b']], { a: 'new 1', b: 'new 1' }, []],
  ['one comes to a group', { a: 'g1', b: null }, [['b', 'a']], { a: 'g1', b: 'g1' }, []],
  [
    'a chain is one group',
    { a: null, b: null, c: null, d: null },
    [
      ['a', 'b'],
      ['c', 'd'],
      ['d', 'b'],
    ],
    { a: 'new 1', b: 'new 1', c: 'new 1', d: 'new 1' },
    [],
  ],
  [
    'what is not alike stays apart',
    { a: null, b: null, c: 'g1', d: null },
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
    { a: 'new 1', b: 'new 1', c: 'g1', d: 'g1' },
    [],
  ],
  [
    'two groups become the older one',
    { a: 'g2', b: null, c: 'g1' },
    [
      ['a', 'b'],
      ['b', 'c'],
    ],
    { a: 'g1', b: 'g1', c: 'g1' },
    [['g2', 'g1']],
  ],
  [
    'three do, found in any order',
    { a: 'g3', b: 'g1', c: 'g2', d: null },
    [
      ['d', 'c'],
      ['a', 'd'],
      ['b', 'a'],
    ],
    { a: 'g1', b: 'g1', c: 'g1', d: 'g1' },
    [
      ['g2', 'g1'],
      ['g3', 'g1'],
    ],
  ],
  [
    'two photos of one group are its, though they are not alike',
    { a: 'g1', b: 'g1', c: null, d: null },
    [
      ['a', 'c'],
      ['b', 'd'],
    ],
    { a: 'g1', b: 'g1', c: 'g1', d: 'g1' },
    [],
  ],
])('%s', (_, before, pairs, after, merges) => {
  for (const ordered of [pairs, pairs.toReversed(), pairs.map(([a, b]) => [b, a] as [string, string])]) {
    const { groups, merges: merged } = regroup(members(before), ordered, newGroups())
    expect(Object.fromEntries(groups.map(({ photo, group }) => [photo, group.replace('new 2', 'new 1')]))).toEqual(
      after,
    )
    expect(merged.map(({ loser, winner }) => [loser, winner]).toSorted()).toEqual(merges)
  }
})

test('the ids of groups are in the order of their moments, and have the form of ids', () => {
  const moments = [0, 1, 31, 32, 1_000, Date.UTC(2025, 5, 1), Date.UTC(2025, 5, 1) + 1, Date.UTC(2999, 0, 1)]
  const ids = moments.map(ms => groupId(new Date(ms), newId()))
  expect(ids.toSorted()).toEqual(ids)
  expect(ids.every(isId)).toBe(true)
  expect(new Set([...ids, groupId(new Date(0), newId())]).size).toBe(ids.length + 1)
})
