/** Goal: the dedupe bench runs, its results have the names that other programs read, and on drawn photos it finds what it should. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageFolder } from '../../src/core/package-folder.js'
import { spawnNode } from '../support/services.js'

const program = join(packageFolder, 'dist/test/bench/main.js')

test('ends with one line for machines: no two pictures are called the same, nearly all edits are found', async () => {
  const bench = await spawnNode(program, { args: ['dedupe', '--quick', '--json'] })
  await bench.endsWith(0, 200_000)
  const { results } = JSON.parse(bench.stdout().trimEnd().split('\n').at(-1) ?? '')
  const positive = expect.toSatisfy(value => typeof value === 'number' && value > 0)
  expect(results).toEqual({
    lookupP99Ms1M: positive,
    cpuShare100k: positive,
    recall: expect.any(Number),
    falsePairs: 0,
    lookupMedianMs1M: positive,
    loadMs1M: positive,
    edits: 66,
    differentPairs: positive,
  })
  expect(results.recall).toBeGreaterThanOrEqual(0.95)
}, 240_000)

test('a folder that is not there is told in one sentence', async () => {
  const bench = await spawnNode(program, { args: ['dedupe', '--photos', join(packageFolder, 'nowhere')] })
  await bench.endsWith(1, 60_000)
  expect(bench.output()).toMatch(/^bench: --photos: .*nowhere is no folder that can be read$/m)
})
