/**
 * The end of an upload: its bytes become one object, checked, and then a photo by one transaction. Every step may be done
 * again by a later request or by the sweeper, and "stored" is said only after the commit.
 */
import type { Clock } from '../core/clock.js'
import { AppError, isAppError } from '../core/errors.js'
import { originalKey } from '../core/keys.js'
import type { Database } from '../db/database.js'
import { commitOriginal } from '../library/commit-sql.js'
import { addToOutbox } from '../queue/outbox-sql.js'
import type { Signals } from '../queue/signals.js'
import type { Bucket } from '../storage/bucket.js'
import { receive, requireSameHash } from '../storage/receive.js'
import { resumeSha256 } from './hash-state.js'
import type { Hold } from './holds.js'
import { leftovers, type Upload } from './upload.js'
import { recordDone, recordEnded, touchHold } from './uploads-sql.js'

/** A holder in the middle of a finish gives a sign of life this often; see holds.ts for how long it is believed. */
const signOfLifeMs = 5_000

export interface FinishDeps {
  db: Database
  bucket: Bucket
  signals: Signals
  clock: Clock
}

export interface Finish {
  /** All of a small original's bytes, in memory. */
  small(hold: Hold, chunks: readonly Uint8Array[]): Promise<Upload>
  /** A large one in state `finishing`: every byte is in a part. */
  large(hold: Hold): Promise<Upload>
  /** Ends an upload for good and has its bytes removed. */
  end(id: string): Promise<void>
}

export function makeFinish({ db, bucket, signals, clock }: FinishDeps): Finish {
  const commit = async (hold: Hold, sha256: Buffer): Promise<Upload> => {
    const { upload } = hold
    const now = clock.now()
    const done = await db.transaction(async tx => {
      const { person, epoch, photo, sizeBytes, fileName, device, modifiedAt } = upload
      const original = { person, epoch, photo, sha256, sizeBytes, fileName, device, modifiedAt }
      const receipt = await commitOriginal(tx, original, now)
      const row = await recordDone(tx, upload, receipt, now)
      if (!row) throw new AppError('held', 'A newer request took this upload over', { retryAfterSeconds: 1 })
      if (row.staged || leftovers(row).length > 0) await addToOutbox(tx, [{ name: 'reap', data: { upload: row.id } }])
      return row
    })
    // Not waited for: the photo is stored, and whoever misses the signal looks by itself.
    void signals.publish('outbox', '')
    void signals.publish('feed', done.person)
    return done
  }

  const end = async (id: string): Promise<void> => {
    await db.transaction(async tx => {
      const ended = await recordEnded(tx, id, clock.now())
      if (ended) await addToOutbox(tx, [{ name: 'reap', data: { upload: id } }])
    })
    void signals.publish('outbox', '')
  }

  /** Bytes that aren't what their sender said can never become right: the upload ends with them. */
  const orEnd = async <T>(upload: Upload, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (isAppError(error, 'checksum_mismatch')) await end(upload.id)
      throw error
    }
  }

  /** Putting the parts of a large file together may take minutes: others are told that we are at it. */
  const whileTold = async (upload: Upload, work: Promise<void>): Promise<void> => {
    const timer = setInterval(() => touchHold(db, upload, clock.now()).catch(() => {}), signOfLifeMs)
    try {
      await work
    } finally {
      clearInterval(timer)
    }
  }

  return {
    end,
    small: (hold, chunks) =>
      orEnd(hold.upload, async () => {
        const { upload } = hold
        const options = { expectedSha256: upload.sha256, mediaType: upload.mediaType }
        return commit(hold, await receive(bucket, originalKey(upload, upload.photo), chunks, options))
      }),
    large: hold =>
      orEnd(hold.upload, async () => {
        const { upload } = hold
        if (!upload.multipart || !upload.hashState) throw new Error(`upload ${upload.id} has no parts to finish`)
        const sha256 = (await resumeSha256(upload.hashState)).digest()
        requireSameHash(sha256, upload.sha256)
        const key = originalKey(upload, upload.photo)
        // An earlier attempt may have completed it without hearing so: the object, and only these parts can have made it, is there.
        const isThere = async () => (await bucket.head(key))?.sizeBytes === upload.sizeBytes
        if (!(await isThere())) {
          try {
            await whileTold(upload, bucket.completeMultipart(key, upload.multipart, upload.parts))
          } catch (error) {
            // A call that the bucket tried again by itself may have been that earlier attempt.
            if (!isAppError(error, 'not_found') || !(await isThere())) throw error
          }
          if (!(await isThere())) {
            throw new AppError('unavailable', 'The bucket does not show the whole file yet', { retryAfterSeconds: 2 })
          }
        }
        return commit(hold, sha256)
      }),
  }
}
