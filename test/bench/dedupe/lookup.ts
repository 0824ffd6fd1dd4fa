/** How long one new photo is looked for in a large library whose hashes are in memory; and how long it takes until they are. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Placement } from '../../../src/core/keys.js'
import { markCompared, takeUncompared } from '../../../src/library/duplicates/compare-sql.js'
import { findLikenesses } from '../../../workers/dedupe/find-likenesses.js'
import { makeLibraries } from '../../../workers/dedupe/libraries.js'
import type { BenchDatabase } from './library.js'
import { addRows, makeRowSource } from './rows.js'

export interface LookupTimes {
  photos: number
  loadMs: number
  /** Each: what came since, the hashes, details of those that are near, and the neighbours in time. */
  lookupMs: number[]
  /** Those that each was compared with. */
  compared: number[]
}

export async function measureLookups(
  { db, addPerson, settle }: BenchDatabase,
  {
    photos,
    lookups,
    say,
    signal,
  }: { photos: number; lookups: number; say: (line: string) => void; signal: AbortSignal },
): Promise<LookupTimes> {
  const placement: Placement = await addPerson()
  const source = makeRowSource(1)
  const step = Math.ceil(photos / 10)
  for (let first = 0; first < photos; first += step) {
    signal.throwIfAborted()
    await addRows(db, placement, source, { count: Math.min(step, photos - first), first, compared: true })
    say(`a library of ${photos} photos: ${Math.min(first + step, photos)} are there`)
  }
  await settle()

  const libraries = makeLibraries()
  const beforeMs = performance.now()
  await db.transaction(tx => libraries.open(tx, placement, signal))
  const loadMs = performance.now() - beforeMs
  say(`read in ${Math.round(loadMs)} ms`)

  const times: LookupTimes = { photos, loadMs, lookupMs: [], compared: [] }
  // The first ones are slow while the code is compiled.
  const warmUp = Math.ceil(lookups / 5)
  for (let i = 0; i < warmUp + lookups; i++) {
    signal.throwIfAborted()
    await addRows(db, placement, source, { count: 1, first: photos + i, compared: false })
    await db.transaction(async tx => {
      const taken = await takeUncompared(tx, placement, 100)
      const fresh = taken.flatMap(({ photo }) => photo ?? [])
      const startMs = performance.now()
      const library = await libraries.open(tx, placement, signal)
      const { members } = await findLikenesses(tx, placement, library, fresh, signal)
      const tookMs = performance.now() - startMs
      if (i >= warmUp) {
        times.lookupMs.push(tookMs)
        times.compared.push(members.size - 1)
      }
      await markCompared(tx, taken, library.cursor)
    })
    await sleep(1)
  }
  return times
}
