/**
 * Removes everything that the bucket holds of a photo that was deleted for good: its original, its renditions, and parts of
 * multipart uploads under its key. It may run as often as it likes.
 *
 * A worker that was at the photo when it was deleted may still put renditions away, and calls that were cut off may still take effect. So
 * the tombstone is done with only by a run that comes after all of that; the reconciler asks for one.
 */
import type { Clock } from '../../src/core/clock.js'
import { originalKey, renditionPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Database } from '../../src/db/database.js'
import { findTombstone, markPurged } from '../../src/library/trash/trash-sql.js'
import { existingPhotos } from '../../src/library/work-sql.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { lateEffectsMs } from '../../src/upload/upload.js'
import type { Handler } from '../run.js'

/** How long after a photo was deleted something of it may still come into the bucket. */
export const latePurgeMs = limits.attemptMs + lateEffectsMs

export function makePurge(db: Database, bucket: Bucket, clock: Clock): Handler<'purge'> {
  return async ({ photo }, signal) => {
    // Looked at before the bucket is: what comes later than this look is for the next run.
    const now = clock.now()
    const tombstone = await findTombstone(db, photo)
    if (!tombstone || (await existingPhotos(db, [photo])).size > 0) return
    const original = originalKey(tombstone, photo)
    for await (const { key, multipart } of bucket.listMultiparts(original, { signal })) {
      await bucket.abortMultipart(key, multipart, { signal })
    }
    const keys = [original]
    for await (const { key } of bucket.list(renditionPrefix(tombstone, photo), { signal })) keys.push(key)
    await bucket.delete(keys, { signal })
    // It says something of the bucket and nothing of the person's library, so it is written in whatever state the placement is.
    if (now.getTime() - tombstone.deletedAt.getTime() > latePurgeMs) await markPurged(db, photo, now)
  }
}
