/** The bucket that a configuration names, ready for use: the real one, tried again when it's unavailable. */
import type { Bucket } from './bucket.js'
import { diskBucket } from './disk-bucket.js'
import { retryingBucket } from './retrying-bucket.js'
import { type S3Options, s3Bucket } from './s3-bucket.js'

export type BucketConfig = { kind: 'disk'; dir: string } | ({ kind: 's3' } & S3Options)

/** Four tries within about a second: a lost connection and a short refusal pass; what lasts longer is the caller's to judge. */
const retrying = { attemptsMax: 4, firstDelayMs: 200 }

/** Touches nothing yet: `check` proves that it can be used. */
export function openBucket(config: BucketConfig): Bucket {
  return retryingBucket(config.kind === 'disk' ? diskBucket(config) : s3Bucket(config), retrying)
}
