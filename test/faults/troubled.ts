/**
 * A region's parts as they are on a bad day, for as long as `calm` is not called: the bucket and the database fail before and
 * after they did what they were asked, and some calls that were given up come to effect much later.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../src/core/errors.js'
import type { Database } from '../../src/db/database.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { type FaultShares, faultyBucket, seededFaults } from '../../src/storage/faulty-bucket.js'
import type { Random } from './random.js'

export interface Trouble {
  bucket: Bucket
  db: Database
  /** From here on everything works. Calls that were given up are still to come. */
  calm(): void
  /** Brings about what was given up. */
  late(): Promise<void>
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
  const waiting: (() => Promise<unknown>)[] = []
  const plan = seededFaults(random.between(0, 2 ** 31), options.shares)
  const lateRandom = random.fork('late')

  const orLate = async <T>(call: () => Promise<T>, share = options.lateShare): Promise<T> => {
    if (!troubled || !lateRandom.chance(share)) return call()
    // Its effect may find the upload gone on, done or removed: whatever it answers then, nobody hears it.
    const later = () => call().catch(() => {})
    if (lateRandom.chance(0.5)) waiting.push(later)
    else {
      const soon = sleep(lateRandom.between(1, 60)).then(later)
      waiting.push(() => soon)
    }
    throw new AppError('unavailable', 'The bucket did not answer in time, as it was told to')
  }
  const slow: Bucket = {
    ...bucket,
    put: (...args) => orLate(() => bucket.put(...args)),
    createMultipart: (...args) => orLate(() => bucket.createMultipart(...args)),
    // The longest calls, and the fewest: one that is overtaken is what part numbers are there for.
    uploadPart: (...args) => orLate(() => bucket.uploadPart(...args), 5 * options.lateShare),
    completeMultipart: (...args) => orLate(() => bucket.completeMultipart(...args)),
  }

  const dbRandom = random.fork('database')
  const orBroken = async <T>(call: () => Promise<T>): Promise<T> => {
    if (!troubled || !dbRandom.chance(options.databaseShare)) return call()
    const done = dbRandom.chance(0.5)
    if (done) await call()
    throw new AppError('unavailable', `The connection broke ${done ? 'after' : 'before'} it, as it was told to`)
  }

  return {
    bucket: faultyBucket(slow, (call, nth) => (troubled ? plan(call, nth) : undefined)),
    db: {
      query: (sql, values) => orBroken(() => db.query(sql, values)),
      transaction: fn => orBroken(() => db.transaction(fn)),
      close: async () => {},
    },
    calm: () => {
      troubled = false
    },
    late: async () => {
      for (const effect of waiting.splice(0)) await effect()
    },
  }
}

/** What a process that was killed does from then on: nothing, and nobody hears of it. */
export function mortal<Part extends object>(part: Part, isDead: () => boolean): Part {
  return new Proxy(part, {
    get: (target, name) => {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (isDead()) return Promise.reject(new AppError('unavailable', 'This process is no more'))
        return Reflect.apply(value, target, args)
      }
    },
  })
}
