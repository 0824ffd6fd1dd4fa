/**
 * Many cases beside each other, since much of each is waiting. Each lane has a database of its own. A failure is told by its case's
 * name: `PHOTOSYNC_SEED=<name>` runs that one alone.
 */
import type { Signals } from '../../src/queue/signals.js'
import { openUploadRegion, type UploadRegion } from '../upload/region.js'

export interface Lane {
  region: UploadRegion
  /** Of two processes. */
  signals: readonly [Signals, Signals]
}

export interface LaneOptions {
  lanes: number
  connectionsMax: number
}

const failuresMax = 3

/** The case that is to run alone. */
export const onlyCase = (): string | undefined => process.env.PHOTOSYNC_SEED || undefined

/** All of them, or the one that is to run alone. */
export function chosen<Case>(cases: ReadonlyMap<string, Case>): ReadonlyMap<string, Case> {
  const only = onlyCase()
  if (only === undefined) return cases
  const one = cases.get(only)
  if (one === undefined) throw new Error(`PHOTOSYNC_SEED names no case of this test: ${only}`)
  return new Map([[only, one]])
}

/** Rejects with the names and errors of what failed. Stops early when that is much. */
export async function inLanes<Case>(
  cases: ReadonlyMap<string, Case>,
  { lanes, connectionsMax }: LaneOptions,
  run: (lane: Lane, name: string, one: Case) => Promise<void>,
): Promise<void> {
  const waiting = [...cases]
  const failures: Error[] = []
  const one = async () => {
    const region = await openUploadRegion({ connectionsMax })
    try {
      const signals = [await region.openSignals(), await region.openSignals()] as const
      for (let next = waiting.shift(); next && failures.length < failuresMax; next = waiting.shift()) {
        const [name, its] = next
        await run({ region, signals }, name, its).catch((cause: Error) => {
          failures.push(new Error(`PHOTOSYNC_SEED='${name}': ${cause.message}`, { cause }))
        })
      }
    } finally {
      await region.close()
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, waiting.length) }, one))
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join('\n'))
}
