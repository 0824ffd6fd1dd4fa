/**
 * What is left of one picture when another is given the tones that bring it nearest. Brightness, contrast, gamma and clipped lights are
 * all curves that rise; the best one that does is found by pooling neighbours that fall (isotonic regression). Pure.
 */
const levelMin = -128
const bins = 48
const binWidth = 256 / bins

interface Pool {
  sum: number
  count: number
  first: number
  last: number
}

/** `wanted` less the toned `given`, level by level. Levels from −128 to 127. */
export function restsOf(wanted: Float32Array, given: Float32Array): Float32Array {
  const curve = curveThrough(poolsOf(wanted, given))
  return wanted.map((level, i) => {
    const at = (given[i] as number) - levelMin
    const below = Math.floor(at)
    const low = curve[below] as number
    return level - low - ((curve[below + 1] as number) - low) * (at - below)
  })
}

function poolsOf(wanted: Float32Array, given: Float32Array): Pool[] {
  const sums = new Float64Array(bins)
  const counts = new Float64Array(bins)
  for (let i = 0; i < given.length; i++) {
    const bin = Math.floor(((given[i] as number) - levelMin) / binWidth)
    sums[bin] = (sums[bin] as number) + (wanted[i] as number)
    counts[bin] = (counts[bin] as number) + 1
  }
  const pools: Pool[] = []
  for (let bin = 0; bin < bins; bin++) {
    if (counts[bin] === 0) continue
    let pool: Pool = { sum: sums[bin] as number, count: counts[bin] as number, first: bin, last: bin }
    let before = pools.at(-1)
    while (before && before.sum / before.count >= pool.sum / pool.count) {
      const { sum, count, first } = before
      pool = { sum: sum + pool.sum, count: count + pool.count, first, last: pool.last }
      pools.pop()
      before = pools.at(-1)
    }
    pools.push(pool)
  }
  return pools
}

/** At every whole level; straight between the middles of the pools, level beyond them. */
function curveThrough(pools: readonly Pool[]): Float32Array {
  const knots = pools.flatMap(({ sum, count, first, last }) => {
    const level = sum / count
    const [begin, end] = [(first + 0.5) * binWidth, (last + 0.5) * binWidth]
    return first === last ? [[begin, level] as const] : [[begin, level] as const, [end, level] as const]
  })
  const curve = new Float32Array(257)
  let k = 0
  for (let at = 0; at < curve.length; at++) {
    while (k < knots.length - 2 && (knots[k + 1] as readonly [number, number])[0] < at) k++
    const [left, low] = knots[k] as readonly [number, number]
    const [right, high] = knots[k + 1] ?? [left + 1, low]
    curve[at] = low + (high - low) * Math.max(0, Math.min(1, (at - left) / (right - left)))
  }
  return curve
}
