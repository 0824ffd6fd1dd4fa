/**
 * Many histories, each drawn from a seed: `PHOTOSYNC_SEED=<seed>` runs that one alone. Timing is the machine's, so a seed repeats the
 * faults and the handsets' choices, not every interleaving.
 */
import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { runHistory, type Weather } from './history.js'
import { inLanes, onlyCase } from './lanes.js'

/** Rejects with every failure's seed. */
export async function runHistories(count: number, weather: Weather): Promise<void> {
  const only = onlyCase()
  const base = randomBytes(4).toString('hex')
  const seeds = only === undefined ? Array.from({ length: count }, (_, index) => `${base}-${index}`) : [only]
  const totals = { stored: 0, refused: 0, requests: 0 }
  const cases = new Map(seeds.map(seed => [seed, weather]))
  await inLanes(cases, { lanes: 8, connectionsMax: 4 }, async ({ region, signals }, seed) => {
    const { stored, refused, requests } = await runHistory(region, signals, seed, weather)
    totals.stored += stored
    totals.refused += refused
    totals.requests += requests
  })
  console.log(`${totals.requests} requests, ${totals.stored} files stored, ${totals.refused} refused`)
  expect(totals.stored).toBeGreaterThan(0)
}
