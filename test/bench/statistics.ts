/** The numbers behind a bench's table. Pure. */

export interface Summary {
  median: number
  min: number
  max: number
}

/** Of one value at least; of an even count the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = requireSome(values).toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] as number
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] as number
  return (lower + upper) / 2
}

export function summarize(values: readonly number[]): Summary {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** The least value that at least this share (above 0, up to 1) of them does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = requireSome(values).toSorted((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * share) - 1] as number
}

/**
 * Each round's ratio. Two sides of one round met the same machine, so their ratio keeps what a busy neighbour adds to both
 * out of the result; that of two medians would not.
 */
export function pairRatios(numerators: readonly number[], denominators: readonly number[]): number[] {
  if (numerators.length !== denominators.length) throw new Error('ratios need as many numerators as denominators')
  return requireSome(numerators).map((numerator, index) => numerator / (denominators[index] as number))
}

/** To `digits` significant digits: what a bench may claim to know. */
export function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits))
}

function requireSome(values: readonly number[]): readonly number[] {
  if (values.length === 0) throw new Error('there is no number to describe')
  return values
}
