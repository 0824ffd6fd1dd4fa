/** A bucket that tells of every call how it ended, how long it took and how many bytes it moved. Changes nothing else. */
import { type ErrorKind, isAppError } from '../core/errors.js'
import { relay } from './body.js'
import type { Bucket, GetResult, Replayable } from './bucket.js'

export type BucketCall = Exclude<keyof Bucket, 'close'>

/** `cancelled` when the caller's signal ended it or its reader left early, `failed` for what isn't an AppError. */
export type BucketOutcome = 'ok' | 'cancelled' | 'failed' | ErrorKind

/**
 * Called once per call at its end; of `get` that is the end of the body, of a listing its last entry. `bytes` are those sent or
 * read, 0 where a call has none.
 */
export type ObserveBucket = (call: BucketCall, outcome: BucketOutcome, seconds: number, bytes: number) => void

/** `now` in milliseconds from any origin, never going back. */
export function meteredBucket(
  bucket: Bucket,
  observe: ObserveBucket,
  now: () => number = () => performance.now(),
): Bucket {
  function begin(call: BucketCall): (outcome: BucketOutcome, bytes: number) => void {
    const startMs = now()
    return (outcome, bytes) => observe(call, outcome, (now() - startMs) / 1000, bytes)
  }

  async function timed<T>(
    call: BucketCall,
    signal: AbortSignal | undefined,
    fn: () => Promise<T>,
    body?: Replayable,
  ): Promise<T> {
    const end = begin(call)
    try {
      const value = await fn()
      end('ok', body?.sizeBytes ?? 0)
      return value
    } catch (error) {
      end(outcomeOf(error, signal), 0)
      throw error
    }
  }

  async function* timedList<T>(
    call: BucketCall,
    signal: AbortSignal | undefined,
    entries: () => AsyncIterable<T>,
  ): AsyncGenerator<T, void> {
    const end = begin(call)
    let outcome: BucketOutcome = 'cancelled'
    try {
      yield* entries()
      outcome = 'ok'
    } catch (error) {
      outcome = outcomeOf(error, signal)
      throw error
    } finally {
      end(outcome, 0)
    }
  }

  return {
    put: (key, body, call) => timed('put', call?.signal, () => bucket.put(key, body, call), body),
    get: (key, call) => timedGet(bucket.get(key, call), begin('get'), call?.signal),
    head: (key, call) => timed('head', call?.signal, () => bucket.head(key, call)),
    delete: (keys, call) => timed('delete', call?.signal, () => bucket.delete(keys, call)),
    list: (prefix, call) => timedList('list', call?.signal, () => bucket.list(prefix, call)),
    createMultipart: (key, call) => timed('createMultipart', call?.signal, () => bucket.createMultipart(key, call)),
    uploadPart: (key, id, number, body, call) =>
      timed('uploadPart', call?.signal, () => bucket.uploadPart(key, id, number, body, call), body),
    mayLeaveOutParts: bucket.mayLeaveOutParts,
    completeMultipart: (key, id, parts, call) =>
      timed('completeMultipart', call?.signal, () => bucket.completeMultipart(key, id, parts, call)),
    abortMultipart: (key, id, call) =>
      timed('abortMultipart', call?.signal, () => bucket.abortMultipart(key, id, call)),
    listMultiparts: (prefix, call) =>
      timedList('listMultiparts', call?.signal, () => bucket.listMultiparts(prefix, call)),
    signedUrl: (key, wanted) => timed('signedUrl', undefined, () => bucket.signedUrl(key, wanted)),
    check: call => timed('check', call?.signal, () => bucket.check(call)),
    close: () => bucket.close(),
  }
}

async function timedGet(
  getting: Promise<GetResult>,
  end: (outcome: BucketOutcome, bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<GetResult> {
  try {
    const { sizeBytes, body: source } = await getting
    let bytes = 0
    const body = relay(source, {
      onChunk: chunk => {
        bytes += chunk.byteLength
      },
    })
    body.once('close', () => {
      if (body.errored) end(outcomeOf(body.errored, signal), bytes)
      else end(body.readableEnded ? 'ok' : 'cancelled', bytes)
    })
    return { sizeBytes, body }
  } catch (error) {
    end(outcomeOf(error, signal), 0)
    throw error
  }
}

function outcomeOf(error: unknown, signal: AbortSignal | undefined): BucketOutcome {
  if (signal?.aborted) return 'cancelled'
  return isAppError(error) ? error.kind : 'failed'
}
