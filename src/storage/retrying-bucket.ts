/**
 * A bucket that tries again what was `unavailable`, with a body opened anew, and passes everything else on. A body that breaks
 * while it's read is its reader's concern. Touches nothing by itself.
 *
 * An earlier try may have succeeded without telling. So after a retry `put` with ifAbsent can say `conflict` of one's own object,
 * and completeMultipart `not_found` of a multipart that is complete: whoever must know asks `head`, as the contract says.
 */
import { isAppError } from '../core/errors.js'
import { retry } from '../core/retry.js'
import type { Bucket, ObjectFacts } from './bucket.js'
import { compareKeys } from './checks.js'

export interface RetryingOptions {
  /** Calls in all, the first included. */
  attemptsMax: number
  firstDelayMs: number
  random?: () => number
}

export function retryingBucket(bucket: Bucket, options: RetryingOptions): Bucket {
  async function again<T>(signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    try {
      return await retry(fn, {
        ...options,
        ...(signal && { signal }),
        retryable: error => isAppError(error, 'unavailable'),
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  }

  /** A listing that breaks begins again from its start, and leaves out what was already given. */
  async function* listAgain<T>(
    signal: AbortSignal | undefined,
    list: () => AsyncIterable<T>,
    isNew: (entry: T) => boolean,
  ): AsyncGenerator<T, void> {
    let iterator: AsyncIterator<T> | undefined
    const nextNew = async () => {
      try {
        iterator ??= list()[Symbol.asyncIterator]()
        for (;;) {
          const next = await iterator.next()
          if (next.done || isNew(next.value)) return next
        }
      } catch (error) {
        iterator = undefined
        throw error
      }
    }
    try {
      for (let next = await again(signal, nextNew); !next.done; next = await again(signal, nextNew)) yield next.value
    } finally {
      await iterator?.return?.()
    }
  }

  return {
    put: (key, body, call) => again(call?.signal, () => bucket.put(key, body, call)),
    get: (key, call) => again(call?.signal, () => bucket.get(key, call)),
    head: (key, call) => again(call?.signal, () => bucket.head(key, call)),
    delete: (keys, call) => again(call?.signal, () => bucket.delete(keys, call)),
    list: (prefix, call) => listAgain(call?.signal, () => bucket.list(prefix, call), onlyOnwards()),
    createMultipart: (key, call) => again(call?.signal, () => bucket.createMultipart(key, call)),
    uploadPart: (key, id, number, body, call) =>
      again(call?.signal, () => bucket.uploadPart(key, id, number, body, call)),
    mayLeaveOutParts: bucket.mayLeaveOutParts,
    completeMultipart: (key, id, parts, call) =>
      again(call?.signal, () => bucket.completeMultipart(key, id, parts, call)),
    abortMultipart: (key, id, call) => again(call?.signal, () => bucket.abortMultipart(key, id, call)),
    listMultiparts: (prefix, call) => listAgain(call?.signal, () => bucket.listMultiparts(prefix, call), onlyOnce()),
    signedUrl: (key, wanted) => again(undefined, () => bucket.signedUrl(key, wanted)),
    // Once: who checks wants to know now.
    check: call => bucket.check(call),
    close: () => bucket.close(),
  }
}

/** Listings of objects are in key order, so the last key says what is new. */
function onlyOnwards(): (entry: ObjectFacts) => boolean {
  let last: string | undefined
  return ({ key }) => {
    if (last !== undefined && compareKeys(key, last) <= 0) return false
    last = key
    return true
  }
}

function onlyOnce(): (entry: { multipart: string }) => boolean {
  const given = new Set<string>()
  return ({ multipart }) => given.size < given.add(multipart).size
}
