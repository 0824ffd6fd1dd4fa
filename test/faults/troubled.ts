/**
 * A region's parts as they are on a bad day, for as long as `calm` is not called: the bucket and the database fail before and
 * after they did what they were asked, and some calls that were given up come to effect much later.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../src/core/errors.js'
import type { Database } from '../../src/db/database.js'
import { type Bucket, bytes, type Replayable } from '../../src/storage/bucket.js'
import { type FaultPlan, type FaultShares, faultyBucket, seededFaults } from '../../src/storage/faulty-bucket.js'
import type { BucketCall } from '../../src/storage/metered-bucket.js'
import type { Random } from './random.js'

export interface Trouble {
  bucket: Bucket
  db: Database
  /** From here on everything works. Calls that were given up are still to come. */
  calm(): void
  /** Brings about what was given up. */
  late(): Promise<void>
  /** Whether a multipart, or a part of one, was lost so far. */
  hasLost(): boolean
}

export interface TroubleOptions {
  shares: FaultShares
  /** Chance of a writing call of the bucket to be given up, and to happen later. */
  lateShare: number
  /** Chance of a query or a transaction of the database to fail: half of them after it was done. */
  databaseShare: number
}

export function trouble(bucket: Bucket, db: Database, random: Random, options: TroubleOptions): Trouble {
  let troubled = true
  let lost = false
  const waiting: (() => Promise<unknown>)[] = []
  const plan = seededFaults(random.between(0, 2 ** 31), options.shares)
  const lateRandom = random.fork('late')

  const orLate = async <T>(call: () => Promise<T>, share = options.lateShare, late = call): Promise<T> => {
    if (!troubled || !lateRandom.chance(share)) return call()
    // Its effect may find the upload gone on, done or removed: whatever it answers then, nobody hears it.
    const later = () => late().catch(() => {})
    if (lateRandom.chance(0.5)) waiting.push(later)
    else {
      const soon = sleep(lateRandom.between(1, 60)).then(later)
      waiting.push(() => soon)
    }
    throw new AppError('unavailable', 'The bucket did not answer in time, as it was told to')
  }
  const slow: Bucket = {
    ...bucket,
    put: (key, body, ...rest) => {
      const sent = asSent(body)
      return orLate(() => bucket.put(key, sent, ...rest))
    },
    createMultipart: (...args) => orLate(() => bucket.createMultipart(...args)),
    // The longest calls, and the fewest: one that is overtaken is what part numbers are there for.
    uploadPart: (key, multipart, number, body, ...rest) => {
      const sent = asSent(body)
      const late = () => {
        // It may replace the part of a newer request that sent other bytes, where numbers can't be given up.
        lost ||= !bucket.mayLeaveOutParts(multipart)
        return bucket.uploadPart(key, multipart, number, sent, ...rest)
      }
      return orLate(() => bucket.uploadPart(key, multipart, number, sent, ...rest), 5 * options.lateShare, late)
    },
    completeMultipart: (...args) => orLate(() => bucket.completeMultipart(...args)),
  }

  const dbRandom = random.fork('database')
  const orBroken = async <T>(call: () => Promise<T>): Promise<T> => {
    if (!troubled || !dbRandom.chance(options.databaseShare)) return call()
    const done = dbRandom.chance(0.5)
    if (done) await call()
    throw new AppError('unavailable', `The connection broke ${done ? 'after' : 'before'} it, as it was told to`)
  }

  const planNow: FaultPlan = (call, nth) => {
    const fault = troubled ? plan(call, nth) : undefined
    lost ||= fault?.kind === 'lost' && (call === 'uploadPart' || call === 'completeMultipart')
    return fault
  }

  return {
    bucket: faultyBucket(slow, planNow),
    db: {
      query: (sql, values) => orBroken(() => db.query(sql, values)),
      transaction: fn => orBroken(() => db.transaction(fn)),
      close: async () => {},
    },
    calm: () => {
      troubled = false
    },
    hasLost: () => lost,
    late: async () => {
      for (const effect of waiting.splice(0)) await effect()
    },
  }
}

export interface Late {
  call: BucketCall
  nth: number
  /** Right after the next call; else when it is brought about. */
  isSoon: boolean
}

/** The nth call of that name is given up, and happens all the same. */
export function lateBucket(bucket: Bucket, { call, nth, isSoon }: Late): { bucket: Bucket; late: () => Promise<void> } {
  let count = 0
  let later: (() => Promise<unknown>) | undefined
  const late = async () => {
    const effect = later
    later = undefined
    // Whatever it answers then, nobody hears it.
    await effect?.().catch(() => {})
  }
  const around = (name: (typeof lateCalls)[number]) => {
    const its = bucket[name] as (...args: unknown[]) => Promise<unknown>
    return async (...args: unknown[]) => {
      if (name === call && ++count === nth) {
        const sent = args.map(arg => (isReplayable(arg) ? asSent(arg) : arg))
        later = () => its(...sent)
        throw new AppError('unavailable', 'The bucket did not answer in time, as it was told to')
      }
      try {
        return await its(...args)
      } finally {
        if (isSoon) await late()
      }
    }
  }
  const calls = Object.fromEntries(lateCalls.map(name => [name, around(name)])) as Partial<Bucket>
  return { bucket: { ...bucket, ...calls }, late }
}

const lateCalls = ['put', 'get', 'head', 'createMultipart', 'uploadPart', 'completeMultipart'] as const

const isReplayable = (arg: unknown): arg is Replayable => typeof arg === 'object' && arg !== null && 'open' in arg

/** What comes late was sent in time: the memory that it was sent from may hold other bytes by then. */
function asSent(body: Replayable): Replayable {
  const chunks = body.open()
  return Symbol.iterator in chunks ? bytes(Buffer.concat([...chunks])) : body
}

/** What a process that was killed does from then on: nothing, and nobody hears of it. */
export function mortal<Part extends object>(part: Part, isDead: () => boolean): Part {
  return new Proxy(part, {
    get: (target, name) => {
      const value = Reflect.get(target, name)
      // Not a call to anywhere.
      if (typeof value !== 'function' || name === 'mayLeaveOutParts') return value
      return (...args: unknown[]) => {
        if (isDead()) return Promise.reject(new AppError('unavailable', 'This process is no more'))
        return Reflect.apply(value, target, args)
      }
    },
  })
}
