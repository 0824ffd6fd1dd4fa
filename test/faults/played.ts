/** A scenario played once, with something that goes wrong in it; then a calm handset brings it to its end, and all is checked. */
import type { Caller } from '../../src/accounts/caller.js'
import { isAppError } from '../../src/core/errors.js'
import { newId } from '../../src/core/ids.js'
import { limits } from '../../src/core/limits.js'
import type { Database } from '../../src/db/database.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { memoryBucket } from '../../src/storage/memory-bucket.js'
import type { Engine } from '../../src/upload/contract.js'
import { makeEngine } from '../../src/upload/engine.js'
import { movableClock } from '../upload/region.js'
import { checkCleared, checkStored, must } from './checks.js'
import type { Lane } from './lanes.js'
import { seededRandom } from './random.js'
import type { Ends, Scenario } from './scenarios.js'
import { BrokenPromise, openTransfer, type Transfer } from './transfer.js'
import { makeWorker } from './worker.js'

export interface Parts {
  bucket: Bucket
  db: Database
}

/** What goes wrong: the parts as the two processes find them. */
export interface Upset {
  processes: readonly [Parts, Parts]
  /** From here on everything works. Calls that were given up are still to come. */
  calm(): void
  /** Brings about what was given up. */
  late?: () => Promise<void>
  /** Whether a multipart was lost. */
  hasLost?: () => boolean
}

const calmRequestsMax = 8
/** A holder that was killed in the middle of a finish is no longer believed after so long. */
const waitMs = 16_000

export async function playScenario(
  { region, signals }: Lane,
  name: string,
  { sizeBytes, memoryBytes = limits.heldBytesPerProcess, play }: Scenario,
  upsetting: (parts: Parts) => Upset,
): Promise<void> {
  const random = seededRandom(name)
  const clock = movableClock()
  const bucket = memoryBucket({ clock, mayLeaveOutParts: random.fork('store').chance(0.5) })
  const placement = await region.addPerson()
  const { processes, calm, late, hasLost = () => false } = upsetting({ bucket, db: region.db })
  const start = ({ bucket, db }: Parts, index: 0 | 1) =>
    makeEngine({ bucket, db, signals: signals[index], clock, newId, memoryBytes })
  const ends: Ends = [await start(processes[0], 0), await start(processes[1], 1)]
  const afterwards = await start({ bucket, db: region.db }, 0)
  const wait = () => clock.advance(waitMs)
  const file = openFile({
    content: random.bytes(sizeBytes),
    caller: { ...placement, device: null, session: false },
    mayBeLost: hasLost,
    wait,
    random,
  })
  try {
    await play({ ends, open: file.open, join: file.join })
    calm()
    for (let request = 0; request < calmRequestsMax && file.photo() === undefined; request++)
      await file.goOn(afterwards)
    must(file.photo() !== undefined, 'its handset does not come to its end')
    for (const engine of [...ends, afterwards]) {
      must(engine.heldBytes() === 0, `${engine.heldBytes()} bytes are still counted as held`)
    }
    const place = { db: region.db, bucket, placement }
    const told = [{ content: file.content(), photo: file.photo() ?? null }]
    await checkStored(place, told)
    const worker = makeWorker({ db: region.db, bucket, clock, engine: () => afterwards })
    await checkCleared({ ...place, clock, worker, ...(late && { late }) })
    if (late) await checkStored(place, told)
  } finally {
    for (const engine of [...ends, afterwards]) engine.close()
  }
}

interface FileOptions {
  content: Buffer
  caller: Caller
  mayBeLost: () => boolean
  wait: () => void
  random: ReturnType<typeof seededRandom>
}

/** A file, sent as one upload or as several that are put together, and what its handset was told of it. */
function openFile({ content, caller, ...options }: FileOptions) {
  const parts: Transfer[] = []
  let whole: Transfer | undefined
  let joined: string | undefined

  const open = (part?: { from: number; to: number }): Transfer => {
    const bytes = part ? content.subarray(part.from, part.to) : content
    const transfer = openTransfer({
      ...options,
      content: bytes,
      metadata: '',
      kind: part ? 'partial' : 'whole',
      caller,
      ...(part && { mayBeLost: () => false }),
    })
    if (part) parts.push(transfer)
    else whole = transfer
    return transfer
  }

  const join = async (engine: Engine): Promise<boolean> => {
    const partials = parts.map(({ id }) => id ?? '')
    const isComplete = parts.every(({ outcome }) => outcome === 'stored')
    try {
      const { storedAs } = await engine.concatenate(caller, { metadata: '', partials, concat: 'final;' })
      if (storedAs === null) throw new BrokenPromise('put together, it is not stored')
      if (joined !== undefined && joined !== storedAs) throw new BrokenPromise('a second receipt differs')
      joined = storedAs
      return true
    } catch (error) {
      if (!isAppError(error)) throw error
      if (error.kind === 'held') options.wait()
      const mayBe = [
        'unavailable',
        'held',
        ...(isComplete ? [] : ['invalid']),
        ...(options.mayBeLost() ? ['gone'] : []),
      ]
      if (mayBe.includes(error.kind)) return false
      throw new BrokenPromise(`answered ${error.kind}: ${error.message}`, { cause: error })
    }
  }

  /** One exchange of a handset that has nothing in its way. */
  const goOn = async (engine: Engine): Promise<void> => {
    const open = [...parts, ...(whole ? [whole] : [])].filter(({ outcome }) => outcome === undefined)
    for (const transfer of open) {
      if (transfer.id === undefined) await transfer.create(engine, true, {})
      else await transfer.find(engine)
      if (transfer.id !== undefined && transfer.outcome === undefined) {
        await transfer.append(engine, { saysLength: !transfer.isSized })
      }
    }
    if (open.length === 0 && parts.length > 0) await join(engine)
  }

  return {
    open,
    join,
    goOn,
    content: (): Buffer => whole?.content ?? content,
    photo: (): string | undefined => whole?.receipt?.storedAs ?? joined,
  }
}
