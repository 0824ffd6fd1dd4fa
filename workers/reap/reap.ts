/**
 * Removes what an ended upload left in the bucket: its pieces, its parts, and objects that no photo became. An object that a
 * photo row names is never touched.
 */
import type { Clock } from '../../src/core/clock.js'
import { originalKey, uploadPrefix } from '../../src/core/keys.js'
import type { Database } from '../../src/db/database.js'
import { existingPhotos } from '../../src/library/work-sql.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { deleteUpload } from '../../src/upload/expired-sql.js'
import { isOver, lateEffectsMs, leftovers, mayHaveLeft, mayHaveParts } from '../../src/upload/upload.js'
import { findUpload } from '../../src/upload/uploads-sql.js'
import type { Handler } from '../run.js'

export function makeReap(db: Database, bucket: Bucket, clock: Clock): Handler<'reap'> {
  return async ({ upload: id }, signal) => {
    const upload = await findUpload(db, id)
    if (!upload || !isOver(upload)) return
    if (mayHaveLeft(upload)) {
      const candidates = leftovers(upload)
      const photos = await existingPhotos(db, candidates)
      const unused = candidates.filter(photo => !photos.has(photo))
      // A creation that was tried again may have left a second multipart under the very key of the photo.
      for (const photo of mayHaveParts(upload) ? new Set([...unused, upload.photo]) : []) {
        const prefix = originalKey(upload, photo)
        for await (const { key, multipart } of bucket.listMultiparts(prefix, { signal })) {
          await bucket.abortMultipart(key, multipart, { signal })
        }
      }
      const keys = unused.map(photo => originalKey(upload, photo))
      for await (const { key } of bucket.list(uploadPrefix(upload, id), { signal })) keys.push(key)
      await bucket.delete(keys, { signal })
    }
    // The row stays for its receipt until then, and late effects of broken calls are removed with it.
    const endedMs = Math.max(upload.expiresAt.getTime(), upload.touchedAt.getTime())
    if (endedMs + lateEffectsMs < clock.now().getTime()) await deleteUpload(db, id)
  }
}
