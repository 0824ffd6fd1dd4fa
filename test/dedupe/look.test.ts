/** Goal: a look tells pictures apart that differ, stays when a picture is edited, and there is none where there is nothing to see. */
import { describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { hashDistance, makeHashIndex } from '../../workers/dedupe/hash-index.js'
import { lookEdgePx, lookOf } from '../../workers/dedupe/look.js'
import { seededRandom } from '../support/seed.js'

const pixels = lookEdgePx ** 2
const grey = (level: (x: number, y: number) => number) =>
  Uint8Array.from({ length: pixels }, (_, i) =>
    Math.max(0, Math.min(255, Math.round(level(i % lookEdgePx, Math.floor(i / lookEdgePx))))),
  )
const checks = grey((x, y) => (((x >> 2) + (y >> 3)) % 2 === 0 ? 60 : 180))

describe('there is too little to see in', () => {
  test.each([
    ['black', () => 0],
    ['white', () => 255],
    ['a sky that gets darker upwards', (_x: number, y: number) => 100 + 4 * y],
    ['a slope across', (x: number, y: number) => 20 + 3 * x + 2 * y],
    ['noise of a dark frame', (x: number, y: number) => 6 + ((x * 7 + y * 13) % 5)],
  ])('%s', (_, level) => {
    expect(lookOf(grey(level))).toBeNull()
  })
})

test('a look is of 32 × 32 grey levels and of nothing else', () => {
  expect(() => lookOf(new Uint8Array(pixels - 1))).toThrow(TypeError)
})

test('what a database keeps of it fits: a signed 64-bit number and a byte a level', () => {
  const look = lookOf(checks)
  expect(look?.detail).toHaveLength(pixels)
  expect(BigInt.asIntN(64, look?.phash ?? 0n)).toBe(look?.phash)
})

test('brightness and contrast change neither hash nor detail by much', () => {
  const random = seededRandom()
  const levels = grey(() => random.between(60, 160))
  const [plain, changed] = [lookOf(levels), lookOf(levels.map(level => level * 1.3 + 20))]
  if (!plain || !changed) throw new Error('both have a look')
  expect(hashDistance(plain.phash, changed.phash)).toBeLessThanOrEqual(2)
  const differences = Array.from(plain.detail, (level, i) => Math.abs(((level - (changed.detail[i] ?? 0)) << 24) >> 24))
  expect(Math.max(...differences)).toBeLessThanOrEqual(2)
})

test('an index finds what a look at every hash finds, the nearest first', () => {
  const random = seededRandom()
  const index = makeHashIndex()
  const all = Array.from({ length: 3_000 }, () => ({ id: newId(), hash: random.bytes(8).readBigInt64BE() }))
  const [some, more] = [all.slice(0, 1_000), all.slice(1_000)]
  for (const { id, hash } of some) index.add(id, hash)
  const hashes = Buffer.alloc(more.length * 8)
  for (const [i, { hash }] of more.entries()) hashes.writeBigInt64BE(hash, i * 8)
  index.addAll(more.map(({ id }) => id).join(''), hashes)
  expect(index.size).toBe(all.length)
  for (const { hash } of all.slice(975, 1_025)) {
    // A few bits beside one that is there.
    const wanted = BigInt.asIntN(
      64,
      hash ^ (1n << BigInt(random.between(0, 63))) ^ (1n << BigInt(random.between(0, 63))),
    )
    const expected = all
      .map(({ id, hash }) => ({ id, distance: bitsOf(hash ^ wanted) }))
      .filter(({ distance }) => distance <= 20)
    const found = index.near(wanted, 20, 1_000)
    expect(found.map(({ distance }) => distance)).toEqual(
      expected.map(({ distance }) => distance).toSorted((a, b) => a - b),
    )
    expect(new Map(found.map(({ id, distance }) => [id, distance]))).toEqual(
      new Map(expected.map(({ id, distance }) => [id, distance])),
    )
    expect(index.near(wanted, 20, 2)).toEqual(found.slice(0, 2))
  }
})

test.each([
  [0n, 0n, 0],
  [0n, -1n, 64],
  [-(2n ** 63n), 0n, 1],
  [0x80000000n, 0n, 1],
  [0x0f0f0f0f0f0f0f0fn, -1n, 32],
])('%d and %d differ by %d bits', (a, b, bits) => {
  expect(hashDistance(a, b)).toBe(bits)
})

/** By counting digits. */
function bitsOf(value: bigint): number {
  return BigInt.asUintN(64, value).toString(2).replaceAll('0', '').length
}
