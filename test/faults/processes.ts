/** Two processes on one database and one bucket, each request at either, and either of them killed at any moment. */
import { newId } from '../../src/core/ids.js'
import type { Database } from '../../src/db/database.js'
import type { Signals } from '../../src/queue/signals.js'
import type { Bucket } from '../../src/storage/bucket.js'
import type { Engine } from '../../src/upload/contract.js'
import { makeEngine } from '../../src/upload/engine.js'
import { slabSizes } from '../../src/upload/memory.js'
import type { MovableClock } from '../upload/region.js'
import type { Random } from './random.js'
import { mortal } from './troubled.js'

export interface Processes {
  readonly alive: readonly [Engine, Engine]
  readonly requests: number
  any(random: Random): () => Engine
  /** As with SIGKILL, and another one is started in its place. */
  kill(index: number): Promise<void>
  close(): void
}

export interface ProcessParts {
  signals: readonly [Signals, Signals]
  db: Database
  bucket: Bucket
  clock: MovableClock
  /** Of each, for bodies. */
  memoryBytes: number
}

/** More than the handsets of a history have under way at once. */
const bodiesMax = 12

export async function openProcesses({ signals, memoryBytes, ...parts }: ProcessParts): Promise<Processes> {
  const deaths: (() => void)[] = []
  let requests = 0
  const start = async (index: number) => {
    let dead = false
    const isDead = () => dead
    const engine = await makeEngine({
      db: mortal(parts.db, isDead),
      bucket: mortal(parts.bucket, isDead),
      signals: signals[index] as Signals,
      clock: parts.clock,
      newId,
      memoryBytes,
    })
    deaths[index] = () => {
      dead = true
      engine.close()
    }
    return engine
  }
  const alive: [Engine, Engine] = [await start(0), await start(1)]
  return {
    alive,
    get requests() {
      return requests
    },
    any: random => () => {
      requests++
      const engine = random.pick(alive)
      // What has come when memory is spent is still taken in: of each body that runs now, one slab.
      const slackBytes = bodiesMax * (slabSizes.at(-1) as number)
      if (engine.heldBytes() > memoryBytes + slackBytes)
        throw new Error(`${engine.heldBytes()} bytes are held of ${memoryBytes}`)
      return engine
    },
    kill: async index => {
      deaths[index]?.()
      alive[index] = await start(index)
    },
    close: () => {
      for (const die of deaths) die()
    },
  }
}
