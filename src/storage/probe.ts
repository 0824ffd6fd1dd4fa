/**
 * Proves a bucket by using it: writes a small object of a key of its own, reads it, is refused when it writes it again with
 * ifAbsent or other bytes than announced, removes it. Leaves nothing unless the process dies in between.
 */
import { AppError, isAppError } from '../core/errors.js'
import type { NewId } from '../core/ids.js'
import { collect } from './body.js'
import { type Bucket, bytes, type CallOptions } from './bucket.js'

/** Rejects with the bucket's own error, or `unavailable` when the bucket answers but doesn't do as it says. */
export async function proveBucket(bucket: Bucket, newId: NewId, options: CallOptions = {}): Promise<void> {
  const key = `probe/${newId()}`
  const content = bytes(Buffer.from(key))
  await bucket.put(key, content, { ...options, ifAbsent: true })
  try {
    const { body, sizeBytes } = await bucket.get(key, options)
    const read = await collect({ sizeBytes, open: () => body }, options)
    if (read.toString() !== key) {
      throw new AppError(
        'unavailable',
        'The bucket gives back other bytes than it was given; use another service or disk',
      )
    }
    await proveIfAbsent(bucket, key, options)
    await proveHash(bucket, key, options)
  } finally {
    await bucket.delete([key], options)
  }
}

async function proveIfAbsent(bucket: Bucket, key: string, options: CallOptions): Promise<void> {
  try {
    await bucket.put(key, bytes(Buffer.from(key)), { ...options, ifAbsent: true })
  } catch (error) {
    if (isAppError(error, 'conflict')) return
    throw error
  }
  throw new AppError(
    'unavailable',
    'The bucket overwrites objects it was told not to (it ignores If-None-Match); use a service or a version that supports it',
  )
}

/** A bucket that leaves it to its service to check bytes against their hash needs one that does. */
async function proveHash(bucket: Bucket, key: string, options: CallOptions): Promise<void> {
  try {
    await bucket.put(key, bytes(Buffer.from(key)), { ...options, sha256: '0'.repeat(64) })
  } catch (error) {
    // However a service words its refusal.
    if (isAppError(error) && error.kind !== 'unavailable') return
    throw error
  }
  throw new AppError(
    'unavailable',
    "The bucket keeps bytes that don't have the SHA-256 they were sent with (it ignores x-amz-content-sha256); use a service or a version that checks it",
  )
}
