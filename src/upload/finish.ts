/**
 * The end of an upload: its bytes become one object, checked, and then a photo by one transaction. Every step may be done
 * again by a later request or by the sweeper, and "stored" is said only after the commit.
 */
import type { Clock } from '../core/clock.js'
import { AppError, isAppError } from '../core/errors.js'
import { originalKey } from '../core/keys.js'
import type { Database } from '../db/database.js'
import { addToOutbox } from '../queue/outbox-sql.js'
import type { Signals } from '../queue/signals.js'
import type { Bucket } from '../storage/bucket.js'
import { receive, requireSameHash } from '../storage/receive.js'
import { hashOf, resumeSha256 } from './hash-state.js'
import type { Held } from './held.js'
import type { Hold } from './holds.js'
import type { PutAway } from './put-away.js'
import { isInParts, isSmall, type Upload } from './upload.js'
import { type Ending, finishUpload, recordEnded, touchHold } from './uploads-sql.js'

/** A holder in the middle of a finish gives a sign of life this often; see holds.ts for how long it is believed. */
const signOfLifeMs = 5_000

export interface FinishDeps {
  db: Database
  bucket: Bucket
  signals: Signals
  clock: Clock
  putAway: PutAway
}

export interface Finish {
  /** Everything up to the upload's length is durable or held. `lastFrom`: where the request that brought the last byte began. */
  all(hold: Hold, held: Held, lastFrom: number): Promise<void>
  /** A large one in state `finishing`: every byte is in a part. */
  large(hold: Hold): Promise<void>
  /** Ends an upload for good and has its bytes removed; with `holder`, only while that one holds it. Says whether it did. */
  end(id: string, ending?: Ending): Promise<boolean>
  /** Others are told that its holder is at it, for as long as `work` takes. */
  whileTold<T>(upload: Upload, work: Promise<T>): Promise<T>
}

export function makeFinish({ db, bucket, signals, clock, putAway }: FinishDeps): Finish {
  const commit = async (hold: Hold, sha256: Buffer, lastFrom: number): Promise<void> => {
    const sizeBytes = hold.upload.sizeBytes as number
    const done = await finishUpload(db, hold.recorded, { sha256, sizeBytes, lastFrom }, clock.now()).catch(
      async error => {
        // The photo that it is a part of was deleted meanwhile, and never comes back by that id.
        if (isAppError(error, 'conflict')) await end(hold.recorded.id, { holder: hold.recorded.holder })
        throw error
      },
    )
    if (!done) throw new AppError('held', 'A newer request took this upload over', { retryAfterSeconds: 1 })
    hold.upload = hold.recorded = done
    // Not waited for: the photo is stored, and whoever misses the signal looks by itself.
    void signals.publish('outbox', '')
    void signals.publish('feed', done.person)
  }

  const end: Finish['end'] = async (id, ending = {}) => {
    const ended = await db.transaction(async tx => {
      const row = await recordEnded(tx, id, ending, clock.now())
      if (row) await addToOutbox(tx, [{ name: 'reap', data: { upload: id } }])
      return row !== undefined
    })
    void signals.publish('outbox', '')
    return ended
  }

  /** Bytes that aren't what their sender said can never become right: the upload ends with them. */
  const orEnd = async <T>(upload: Upload, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (isAppError(error, 'checksum_mismatch')) await end(upload.id, { holder: upload.holder })
      throw error
    }
  }

  const whileTold = async <T>(upload: Upload, work: Promise<T>): Promise<T> => {
    const timer = setInterval(() => touchHold(db, upload, clock.now()).catch(() => {}), signOfLifeMs)
    try {
      return await work
    } finally {
      clearInterval(timer)
    }
  }

  const small = async (hold: Hold, held: Held, lastFrom: number): Promise<void> => {
    const { upload } = hold
    const sha256 = await putAway.withAll(hold, held, async chunks => {
      const hashed = held.startOffset === 0 && held.sha256 ? held.sha256.digest() : hashOf(chunks)
      const { sha256: expectedSha256, mediaType } = upload
      return receive(bucket, originalKey(upload, upload.photo), chunks, { sha256: hashed, expectedSha256, mediaType })
    })
    held.clear(0, true)
    await commit(hold, sha256, lastFrom)
  }

  const large = async (hold: Hold): Promise<void> => {
    const { upload } = hold
    if (!upload.multipart || !upload.hashState) throw new Error(`upload ${upload.id} has no parts to finish`)
    const sha256 = (await resumeSha256(upload.hashState)).digest()
    requireSameHash(sha256, upload.sha256)
    const key = originalKey(upload, upload.photo)
    // An earlier attempt may have completed it without hearing so: the object, and only these parts can have made it, is there.
    const isThere = async () => (await bucket.head(key))?.sizeBytes === upload.sizeBytes
    if (!(await isThere())) {
      try {
        // It may take minutes.
        await whileTold(upload, bucket.completeMultipart(key, upload.multipart, upload.parts))
      } catch (error) {
        // A call that the bucket tried again by itself may have been that earlier attempt.
        if (!isAppError(error, 'not_found') || !(await isThere())) throw error
      }
      if (!(await isThere())) {
        throw new AppError('unavailable', 'The bucket does not show the whole file yet', { retryAfterSeconds: 2 })
      }
    }
    await commit(hold, sha256, upload.lastFrom ?? 0)
  }

  return {
    end,
    whileTold,
    large: hold => orEnd(hold.upload, () => large(hold)),
    all: (hold, held, lastFrom) =>
      orEnd(hold.upload, async () => {
        const { upload } = hold
        if (upload.kind === 'partial') {
          const more = { sizeBytes: upload.sizeBytes, state: 'done' as const, lastFrom, release: true }
          const hasFresh = held.startOffset + held.sizeBytes > upload.offsetBytes
          await (hasFresh ? putAway.stagePiece(hold, held, more) : putAway.settle(hold, more))
          return
        }
        if (isSmall(upload)) return small(hold, held, lastFrom)
        if (upload.state !== 'finishing' || !isInParts(upload))
          await putAway.sendPart(hold, held, { isLast: true, lastFrom })
        held.clear(hold.upload.offsetBytes, true)
        await large(hold)
      }),
  }
}
