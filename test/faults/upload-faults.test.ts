/**
 * Goal: whatever fails between a handset and the bucket, what is called stored is stored, byte for byte and once, no offset that
 * was told goes back, and in the end nothing is left in the bucket that no row knows.
 *
 * Each history is drawn from a seed: `PHOTOSYNC_SEED=<seed>` runs that one alone. Timing is the machine's, so a seed repeats the
 * faults and the handsets' choices, not every interleaving.
 */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { openUploadRegion } from '../upload/region.js'
import { runHistory } from './history.js'

const histories = 160
/** Histories beside each other: much of one is waiting. Each such lane has a database of its own. */
const lanes = 8

test(`${histories} histories`, { timeout: 240_000 }, async () => {
  const only = process.env.PHOTOSYNC_SEED
  const base = randomBytes(4).toString('hex')
  const seeds = only === undefined ? Array.from({ length: histories }, (_, index) => `${base}-${index}`) : [only]
  const failures: unknown[] = []
  const totals = { stored: 0, refused: 0, requests: 0 }
  const run = async () => {
    const region = await openUploadRegion({ connectionsMax: 4 })
    try {
      const signals = [await region.openSignals(), await region.openSignals()] as const
      for (let seed = seeds.shift(); seed !== undefined && failures.length < 3; seed = seeds.shift()) {
        try {
          const { stored, refused, requests } = await runHistory(region, signals, seed)
          totals.stored += stored
          totals.refused += refused
          totals.requests += requests
        } catch (error) {
          failures.push(new Error(`PHOTOSYNC_SEED=${seed}: ${(error as Error).message}`, { cause: error }))
        }
      }
    } finally {
      await region.close()
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, seeds.length) }, run))
  console.log(`${totals.requests} requests, ${totals.stored} files stored, ${totals.refused} refused`)
  if (failures.length > 0)
    throw new AggregateError(failures, failures.map(failure => (failure as Error).message).join('\n'))
  expect(totals.stored).toBeGreaterThan(0)
})
