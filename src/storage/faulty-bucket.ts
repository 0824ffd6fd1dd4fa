/**
 * A bucket that fails as networks and services do, by a plan, so that a test can prove what its user makes of it. The same plan and
 * the same calls give the same faults. Touches nothing by itself.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../core/errors.js'
import type { Bucket, CallOptions, Replayable } from './bucket.js'
import type { BucketCall } from './metered-bucket.js'

/**
 * What befalls a call; one that can't befall it does nothing.
 * - `before`: rejects without having done anything, as on 500, 503 and SlowDown.
 * - `after`: does it and rejects all the same, as when the answer is lost or comes too late.
 * - `cut`: bytes break off after so many of them: those of `get`, or those of `put` and `uploadPart` on their way in, of which
 *   nothing is kept.
 * - `delay`: waits first.
 * - `lost`: the multipart of `uploadPart` or `completeMultipart` is gone with its parts, as after the service's own clean-up: this
 *   call and every later one for it is `not_found`.
 */
export type Fault =
  | { kind: 'before' }
  | { kind: 'after' }
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'delay'; delayMs: number }
  | { kind: 'lost' }

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
  lost?: number
  cutBytesMax?: number
  delayMsMax?: number
}

/** Faults drawn from a seed; each depends on the call's name and number alone, not on how calls interleave. */
export function seededFaults(seed: number | string, shares: FaultShares): FaultPlan {
  const { before = 0, after = 0, cut = 0, delay = 0, lost = 0, cutBytesMax = 64 * 1024, delayMsMax = 20 } = shares
  return (call, nth) => {
    const drawn = createHash('sha256').update(`${seed}/${call}/${nth}`).digest()
    const chance = drawn.readUInt32BE(0) / 2 ** 32
    const amount = drawn.readUInt32BE(4) / 2 ** 32
    if (chance < before) return { kind: 'before' }
    if (chance < before + after) return { kind: 'after' }
    if (chance < before + after + cut) return { kind: 'cut', afterBytes: Math.floor(amount * cutBytesMax) }
    if (chance < before + after + cut + delay) return { kind: 'delay', delayMs: amount * delayMsMax }
    if (chance < before + after + cut + delay + lost) return { kind: 'lost' }
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

  async function faulty<T>(
    call: BucketCall,
    options: CallOptions | undefined,
    fn: (fault: Fault | undefined) => Promise<T>,
  ): Promise<T> {
    const fault = nextFault(call)
    await begin(fault, call, options)
    const value = await fn(fault)
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
    return { ...got, body: Readable.from(cutAfter(got.body, fault.afterBytes, 'get'), { objectMode: false }) }
  }

  const orLost = async <T>(fault: Fault | undefined, key: string, id: string, fn: () => Promise<T>): Promise<T> => {
    if (fault?.kind === 'lost') await bucket.abortMultipart(key, id)
    return fn()
  }

  return {
    put: (key, body, call) => faulty('put', call, fault => bucket.put(key, cutBody(body, fault, 'put'), call)),
    get: faultyGet,
    head: (key, call) => faulty('head', call, () => bucket.head(key, call)),
    delete: (keys, call) => faulty('delete', call, () => bucket.delete(keys, call)),
    list: (prefix, call) => faultyList('list', call, () => bucket.list(prefix, call)),
    createMultipart: (key, call) => faulty('createMultipart', call, () => bucket.createMultipart(key, call)),
    uploadPart: (key, id, number, body, call) =>
      faulty('uploadPart', call, fault =>
        orLost(fault, key, id, () => bucket.uploadPart(key, id, number, cutBody(body, fault, 'uploadPart'), call)),
      ),
    mayLeaveOutParts: bucket.mayLeaveOutParts,
    completeMultipart: (key, id, parts, call) =>
      faulty('completeMultipart', call, fault =>
        orLost(fault, key, id, () => bucket.completeMultipart(key, id, parts, call)),
      ),
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

function cutBody(body: Replayable, fault: Fault | undefined, call: BucketCall): Replayable {
  if (fault?.kind !== 'cut') return body
  return { sizeBytes: body.sizeBytes, open: () => cutAfter(body.open(), fault.afterBytes, call) }
}

async function* cutAfter(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  bytes: number,
  call: BucketCall,
): AsyncGenerator<Uint8Array, void> {
  let left = bytes
  for await (const chunk of source) {
    if (chunk.byteLength > left) {
      if (left > 0) yield chunk.subarray(0, left)
      throw broken(call)
    }
    left -= chunk.byteLength
    yield chunk
  }
  // There were no more bytes than that; they break all the same.
  throw broken(call)
}

function broken(call: BucketCall): AppError {
  return new AppError('unavailable', `The bucket's ${call} broke, as it was told to`)
}
