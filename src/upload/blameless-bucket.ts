/**
 * The bucket as uploads see it: what it refuses is ours to mend and no fault of who sends bytes, so it is told as `unavailable`. Only
 * `not_found`, bytes that are gone, stays what it is.
 */
import { AppError, isAppError } from '../core/errors.js'
import type { Bucket } from '../storage/bucket.js'

export function blamelessBucket(bucket: Bucket): Bucket {
  const told = <T>(call: Promise<T>): Promise<T> => call.catch(error => Promise.reject(asOurs(error)))
  return {
    ...bucket,
    put: (...call) => told(bucket.put(...call)),
    get: (...call) => told(bucket.get(...call)),
    head: (...call) => told(bucket.head(...call)),
    createMultipart: (...call) => told(bucket.createMultipart(...call)),
    uploadPart: (...call) => told(bucket.uploadPart(...call)),
    completeMultipart: (...call) => told(bucket.completeMultipart(...call).catch(orPartsGone)),
  }
}

/** The parts are those that it said it has. */
function orPartsGone(error: unknown): never {
  if (!isAppError(error, 'invalid')) throw error
  throw new AppError('not_found', 'The bucket does not have the parts of the file any more', { cause: error })
}

function asOurs(error: unknown): unknown {
  if (!isAppError(error) || error.kind === 'unavailable' || error.kind === 'not_found') return error
  return new AppError('unavailable', 'The file could not be stored now. Try again', {
    cause: error,
    retryAfterSeconds: 5,
  })
}
