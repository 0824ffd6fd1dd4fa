/**
 * What a picture looks like, small enough to be kept of every photo: a perceptual hash, by which those that may be the same are
 * found, and a detail of 32 × 32 grey levels, by which two are compared. Pure.
 *
 * The hash is of the lowest 64 frequencies of a cosine transform, as a bit each: above or below their median. The picture fades out
 * towards its border first: what a crop takes away hardly counts then (a 5 % crop changes 11 bits at most where it changed 16). Mirrored
 * and turned pictures are others.
 */
import type { Look } from '../thumbnail/developed.js'

/** Of the picture that a look is taken of, squeezed to a square. */
export const lookEdgePx = 32

const pixels = lookEdgePx * lookEdgePx

/** A detail counts grey levels in 32nds of their standard deviation, from the mean. */
const detailUnit = 32

/**
 * A picture with less in it than this has no look: black frames, blank pages, fog and clear sky are alike without being the same.
 * Grey levels (0–255) by which it differs from the smoothest slope through it, as a standard deviation.
 */
const reliefMin = 6

/**
 * `grey`: the luminance of the whole upright picture, squeezed to 32 × 32, row by row, 0 to 255. null when there is too little in it
 * to be compared with others.
 */
export function lookOf(grey: Uint8Array): Look | null {
  if (grey.length !== pixels) throw new TypeError(`a look is of ${pixels} grey levels, not of ${grey.length}`)
  if (reliefOf(grey) < reliefMin) return null
  return { phash: hashOf(grey), detail: detailOf(grey) }
}

/** What is left of a picture when its mean and its even slopes from side to side and from top to bottom are taken away. */
function reliefOf(grey: Uint8Array): number {
  let [mean, acrossX, acrossY] = [0, 0, 0]
  const middle = (lookEdgePx - 1) / 2
  for (let i = 0; i < pixels; i++) {
    const level = grey[i] as number
    mean += level / pixels
    acrossX += level * ((i % lookEdgePx) - middle)
    acrossY += level * (Math.floor(i / lookEdgePx) - middle)
  }
  const spread = (pixels * (lookEdgePx ** 2 - 1)) / 12
  let squares = 0
  for (let i = 0; i < pixels; i++) {
    const slope = (acrossX * ((i % lookEdgePx) - middle) + acrossY * (Math.floor(i / lookEdgePx) - middle)) / spread
    squares += ((grey[i] as number) - mean - slope) ** 2
  }
  return Math.sqrt(squares / pixels)
}

const lowest = lowestFrequencies()
const highest = Math.max(...lowest.flat())
/** cosines[frequency * edge + place] */
const cosines = Float64Array.from({ length: (highest + 1) * lookEdgePx }, (_, i) =>
  Math.cos((Math.PI * (2 * (i % lookEdgePx) + 1) * Math.floor(i / lookEdgePx)) / (2 * lookEdgePx)),
)

/** The 64 pairs with the lowest sums, in the order of their diagonals. [0, 0] is the mean brightness, which says nothing. */
function lowestFrequencies(): (readonly [u: number, v: number])[] {
  const pairs: [number, number][] = []
  for (let sum = 1; pairs.length < 64; sum++) {
    for (let u = 0; u <= sum; u++) pairs.push([u, sum - u])
  }
  // Of the diagonal that doesn't fit whole the middle goes: slopes along an axis are what pictures have most of.
  return pairs.slice(0, 64)
}

/** How much a place counts, by its distance from the nearer border: all of it from a quarter of the side on. */
const fade = Float64Array.from({ length: lookEdgePx }, (_, x) =>
  Math.min(1, (Math.min(x, lookEdgePx - 1 - x) + 0.5) / (lookEdgePx / 4)),
)

function faded(grey: Uint8Array): Float64Array {
  let [sum, weights] = [0, 0]
  const weightAt = (i: number) => (fade[i % lookEdgePx] as number) * (fade[Math.floor(i / lookEdgePx)] as number)
  for (let i = 0; i < pixels; i++) {
    sum += (grey[i] as number) * weightAt(i)
    weights += weightAt(i)
  }
  return Float64Array.from(grey, (level, i) => (level - sum / weights) * weightAt(i))
}

/**
 * A frequency that a picture doesn't have is not zero, but an encoder's noise, and would toss its bit. About a fifth of a grey level;
 * charts and drawings need it, where most frequencies are missing.
 */
const noise = 30

function hashOf(grey: Uint8Array): bigint {
  const levels = faded(grey)
  const rows = new Float64Array((highest + 1) * lookEdgePx)
  for (let u = 0; u <= highest; u++) {
    for (let y = 0; y < lookEdgePx; y++) {
      let sum = 0
      for (let x = 0; x < lookEdgePx; x++) {
        sum += (levels[y * lookEdgePx + x] as number) * (cosines[u * lookEdgePx + x] as number)
      }
      rows[u * lookEdgePx + y] = sum
    }
  }
  const strengths = lowest.map(([u, v]) => {
    let sum = 0
    for (let y = 0; y < lookEdgePx; y++) {
      sum += (rows[u * lookEdgePx + y] as number) * (cosines[v * lookEdgePx + y] as number)
    }
    return sum
  })
  const sorted = strengths.toSorted((a, b) => a - b)
  const median = ((sorted[31] as number) + (sorted[32] as number)) / 2
  let hash = 0n
  for (const strength of strengths) hash = (hash << 1n) | (strength > median + noise ? 1n : 0n)
  return BigInt.asIntN(64, hash)
}

function detailOf(grey: Uint8Array): Buffer {
  let [sum, squares] = [0, 0]
  for (const level of grey) {
    sum += level
    squares += level * level
  }
  const mean = sum / pixels
  const deviation = Math.sqrt(squares / pixels - mean * mean)
  const detail = Int8Array.from(grey, level => {
    const units = Math.round(((level - mean) / deviation) * detailUnit)
    return Math.max(-127, Math.min(127, units))
  })
  return Buffer.from(detail.buffer)
}
