/**
 * Makes bytes of an unfinished upload durable in the bucket, and then records them: as a piece, or, with the pieces before
 * them, as a part of a multipart upload. Each step names its holder, so that one who was overtaken records nothing.
 */
import { buffer } from 'node:stream/consumers'
import type { Clock } from '../core/clock.js'
import { AppError } from '../core/errors.js'
import { originalKey, pieceKey } from '../core/keys.js'
import type { Database } from '../db/database.js'
import { type Bucket, bytes } from '../storage/bucket.js'
import { resumeSha256 } from './hash-state.js'
import type { Hold } from './holds.js'
import { withPart, withPiece } from './upload.js'
import { type Progress, recordProgress } from './uploads-sql.js'

export interface PutAway {
  /** The bytes of the pieces that are not in a part yet, in order. */
  readPieces(hold: Hold): Promise<Buffer[]>
  stagePiece(hold: Hold, chunks: readonly Buffer[]): Promise<void>
  /** `isLast`: with it every byte is in a part, and the upload is `finishing`. */
  sendPart(hold: Hold, chunks: readonly Buffer[], isLast: boolean): Promise<void>
}

export interface PutAwayDeps {
  db: Database
  bucket: Bucket
  clock: Clock
}

/** Each step rejects with `held` when a newer request took the upload over, and with the bucket's or the database's error. */
export function makePutAway({ db, bucket, clock }: PutAwayDeps): PutAway {
  const record = async (hold: Hold, progress: Progress) => {
    const upload = await recordProgress(db, hold.upload, progress, clock.now())
    if (!upload) throw new AppError('held', 'A newer request took this upload over', { retryAfterSeconds: 1 })
    hold.upload = upload
  }

  const readPieces = async ({ upload }: Hold): Promise<Buffer[]> =>
    Promise.all(
      upload.pieces.map(async ({ offset, holder, sizeBytes }) => {
        const piece = await buffer((await bucket.get(pieceKey(upload, upload.id, offset, holder))).body)
        if (piece.byteLength !== sizeBytes) throw new Error(`a piece of upload ${upload.id} has the wrong size`)
        return piece
      }),
    )

  const stagePiece = async (hold: Hold, chunks: readonly Buffer[]) => {
    const { upload } = hold
    const body = bytes(...chunks)
    await bucket.put(pieceKey(upload, upload.id, upload.offsetBytes, upload.holder), body)
    await record(hold, withPiece(upload, body.sizeBytes))
  }

  const sendPart = async (hold: Hold, chunks: readonly Buffer[], isLast: boolean) => {
    const key = originalKey(hold.upload, hold.upload.photo)
    if (!hold.upload.multipart) {
      const { mediaType, offsetBytes, parts, pieces, nextPart } = hold.upload
      const multipart = await bucket.createMultipart(key, mediaType ? { mediaType } : {})
      await record(hold, { multipart, offsetBytes, parts, pieces, nextPart })
    }
    const { upload } = hold
    const all = [...(await readPieces(hold)), ...chunks]
    const hash = await resumeSha256(upload.hashState)
    const [part] = await Promise.all([
      bucket.uploadPart(key, upload.multipart as string, upload.nextPart, bytes(...all)),
      hash.update(all),
    ])
    await record(hold, {
      ...withPart(upload, part),
      hashState: hash.save(),
      ...(isLast && { state: 'finishing' as const }),
    })
  }

  return { readPieces, stagePiece, sendPart }
}
