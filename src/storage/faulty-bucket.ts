/**
 * A bucket that fails as networks and services do, by a plan, so that a test can prove what its user makes of it. The same plan and
 * the same calls give the same faults. Touches nothing by itself.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../core/errors.js'
import type { Bucket, CallOptions } from './bucket.js'
import type { BucketCall } from './metered-bucket.js'

/**
 * `before`: rejects without having done anything. `after`: does it and rejects all the same. `cut`: a body that breaks after so
 * many bytes (of `get` only). `delay`: waits first.
 */
export type Fault =
  | { kind: 'before' }
  | { kind: 'after' }
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'delay'; delayMs: number }

/** What befalls the nth call of this name, counted from 1; undefined: nothing. */
export type FaultPlan = (call: BucketCall, nth: number) => Fault | undefined

/** Just these faults, e.g. `{ 'put 2': { kind: 'after' } }`. */
export function listedFaults(faults: Readonly<Record<`${BucketCall} ${number}`, Fault>>): FaultPlan {
  return (call, nth) => faults[`${call} ${nth}`]
}

export interface FaultShares {
  /** Chances from 0 to 1, together at most 1. */
  before?: number
  after?: number
  cut?: number
  delay?: number
  cutBytesMax?: number
  delayMsMax?: number
}

/** Faults drawn from a seed; each depends on the call's name and number alone, not on how calls interleave. */
export function seededFaults(seed: number | string, shares: FaultShares): FaultPlan {
  const { before = 0, after = 0, cut = 0, delay = 0, cutBytesMax = 64 * 1024, delayMsMax = 20 } = shares
  return (call, nth) => {
    const drawn = createHash('sha256').update(`${seed}/${call}/${nth}`).digest()
    const chance = drawn.readUInt32BE(0) / 2 ** 32
    const amount = drawn.readUInt32BE(4) / 2 ** 32
    if (chance < before) return { kind: 'before' }
    if (chance < before + after) return { kind: 'after' }
    if (chance < before + after + cut) return { kind: 'cut', afterBytes: Math.floor(amount * cutBytesMax) }
    if (chance < before + after + cut + delay) return { kind: 'delay', delayMs: amount * delayMsMax }
    return undefined
  }
}

export function faultyBucket(bucket: Bucket, plan: FaultPlan): Bucket {
  const counts = new Map<BucketCall, number>()

  function nextFault(call: BucketCall): Fault | undefined {
    const nth = (counts.get(call) ?? 0) + 1
    counts.set(call, nth)
    return plan(call, nth)
  }

  async function faulty<T>(call: BucketCall, options: CallOptions | undefined, fn: () => Promise<T>): Promise<T> {
    const fault = nextFault(call)
    await begin(fault, call, options)
    const value = await fn()
    if (fault?.kind === 'after') throw broken(call)
    return value
  }

  /** `after` breaks a listing at its end, when everything was told. */
  async function* faultyList<T>(
    call: BucketCall,
    options: CallOptions | undefined,
    list: () => AsyncIterable<T>,
  ): AsyncGenerator<T, void> {
    const fault = nextFault(call)
    await begin(fault, call, options)
    yield* list()
    if (fault?.kind === 'after') throw broken(call)
  }

  const faultyGet: Bucket['get'] = async (key, options) => {
    const fault = nextFault('get')
    await begin(fault, 'get', options)
    const got = await bucket.get(key, options)
    if (fault?.kind === 'after') {
      got.body.destroy()
      throw broken('get')
    }
    if (fault?.kind !== 'cut') return got
    return { ...got, body: Readable.from(cutAfter(got.body, fault.afterBytes), { objectMode: false }) }
  }

  return {
    put: (key, body, call) => faulty('put', call, () => bucket.put(key, body, call)),
    get: faultyGet,
    head: (key, call) => faulty('head', call, () => bucket.head(key, call)),
    delete: (keys, call) => faulty('delete', call, () => bucket.delete(keys, call)),
    list: (prefix, call) => faultyList('list', call, () => bucket.list(prefix, call)),
    createMultipart: (key, call) => faulty('createMultipart', call, () => bucket.createMultipart(key, call)),
    uploadPart: (key, id, number, body, call) =>
      faulty('uploadPart', call, () => bucket.uploadPart(key, id, number, body, call)),
    completeMultipart: (key, id, parts, call) =>
      faulty('completeMultipart', call, () => bucket.completeMultipart(key, id, parts, call)),
    abortMultipart: (key, id, call) => faulty('abortMultipart', call, () => bucket.abortMultipart(key, id, call)),
    listMultiparts: (prefix, call) => faultyList('listMultiparts', call, () => bucket.listMultiparts(prefix, call)),
    signedUrl: (key, wanted) => faulty('signedUrl', undefined, () => bucket.signedUrl(key, wanted)),
    check: call => faulty('check', call, () => bucket.check(call)),
    close: () => bucket.close(),
  }
}

async function begin(fault: Fault | undefined, call: BucketCall, { signal }: CallOptions = {}): Promise<void> {
  signal?.throwIfAborted()
  if (fault?.kind === 'before') throw broken(call)
  if (fault?.kind !== 'delay') return
  try {
    await sleep(fault.delayMs, undefined, signal ? { signal } : {})
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

async function* cutAfter(body: Readable, bytes: number): AsyncGenerator<Buffer, void> {
  let left = bytes
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (chunk.byteLength > left) {
      if (left > 0) yield chunk.subarray(0, left)
      throw broken('get')
    }
    left -= chunk.byteLength
    yield chunk
  }
  // The object was shorter; it breaks all the same.
  throw broken('get')
}

function broken(call: BucketCall): AppError {
  return new AppError('unavailable', `The bucket's ${call} broke, as it was told to`)
}
