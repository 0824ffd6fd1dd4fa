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
import { hashOf, resumeSha256 } from './hash-state.js'
import type { Held } from './held.js'
import type { Hold } from './holds.js'
import type { Rebuilding } from './rebuilding.js'
import { crumbsOf, type Piece, sumOf, type Upload, withMerged, withPart, withPiece } from './upload.js'
import { type Progress, recordProgress } from './uploads-sql.js'

export interface PutAway {
  /** What `held` has behind the upload's offset. `more`: recorded with it. */
  stagePiece(hold: Hold, held: Held, more?: Partial<Progress>): Promise<void>
  /** The pieces and what is held behind them. `isLast`: with it every byte is in a part, and the upload is `finishing`. */
  sendPart(hold: Hold, held: Held, more: { isLast: boolean; lastFrom?: number }): Promise<void>
  /** Calls `use` with everything of a small upload, or of what will be the next part: pieces that aren't in memory are read back. */
  withAll<T>(hold: Hold, held: Held, use: (chunks: Buffer[]) => Promise<T>): Promise<T>
  /** Records what was only put away because a checksum was still to be seen, or facts that came without bytes. */
  settle(hold: Hold, more?: Partial<Progress>): Promise<void>
}

export interface PutAwayDeps {
  db: Database
  bucket: Bucket
  clock: Clock
  rebuilding: Rebuilding
}

/** Each step rejects with `held` when a newer request took the upload over, and with the bucket's or the database's error. */
export function makePutAway({ db, bucket, clock, rebuilding }: PutAwayDeps): PutAway {
  /** While a checksum is still to be seen, only what a later request must not use again is recorded; the rest waits for `settle`. */
  const record = async (hold: Hold, progress: Progress) => {
    const { recorded } = hold
    const { sizeBytes, sha256, hashState } = hold.upload
    const told = hold.unverified ? { ...bytesOf(recorded), ...namesOf(progress, recorded), staged: true } : progress
    const row = await recordProgress(db, recorded, told, clock.now())
    if (!row) throw new AppError('held', 'A newer request took this upload over', { retryAfterSeconds: 1 })
    hold.recorded = row
    // What the request says of the file is recorded with its last bytes, and known until then.
    hold.upload = hold.unverified
      ? { ...row, sizeBytes, sha256, hashState, ...definedOf(progress) }
      : { ...row, sizeBytes, sha256 }
  }

  const namesOf = ({ nextPart, multipart = null }: Progress, recorded: Upload) => ({
    multipart,
    nextPart: multipart !== null && bucket.mayLeaveOutParts(multipart) ? nextPart : recorded.nextPart,
  })

  const readPiece = async (upload: Upload, piece: Piece): Promise<Buffer> => {
    const read = await buffer((await bucket.get(pieceKey(upload, upload.id, piece))).body)
    if (read.byteLength !== piece.sizeBytes) {
      const cause = new Error(`a piece of upload ${upload.id} has the wrong size`)
      throw new AppError('unavailable', 'The file could not be read back. Try again', { cause, retryAfterSeconds: 5 })
    }
    return read
  }

  const readPieces = async (upload: Upload, pieces: readonly Piece[]): Promise<Buffer[]> => {
    const read: Buffer[] = []
    for (let at = 0; at < pieces.length; at += readsAtOnce) {
      read.push(...(await Promise.all(pieces.slice(at, at + readsAtOnce).map(piece => readPiece(upload, piece)))))
    }
    return read
  }

  const withAll: PutAway['withAll'] = async ({ upload }, held, use) => {
    const missing = upload.pieces.filter(({ offset }) => offset < held.startOffset)
    const first = upload.pieces[0]?.offset ?? upload.offsetBytes
    if (missing.length === 0) return use(held.chunks(first))
    return rebuilding.within(sumOf(missing), async () =>
      use([...(await readPieces(upload, missing)), ...held.chunks(held.startOffset)]),
    )
  }

  /** Thousands of tiny pieces would make the end slow: from time to time the last ones become one. */
  const mergeCrumbs = async (hold: Hold) => {
    const { upload } = hold
    const crumbs = crumbsOf(upload)
    if (crumbs.length === 0) return
    const merged = withMerged(upload, crumbs)
    await rebuilding.within(sumOf(crumbs), async () => {
      const all = await readPieces(upload, crumbs)
      const key = pieceKey(upload, upload.id, merged.pieces.at(-1) as Piece)
      await bucket.put(key, bytes(...all), { sha256: hashOf(all).toString('hex') })
    })
    await record(hold, merged)
  }

  return {
    withAll,
    stagePiece: async (hold, held, more = {}) => {
      const { upload } = hold
      const chunks = held.chunks(upload.offsetBytes)
      const next = withPiece(upload, sumOf(chunks.map(({ byteLength }) => ({ sizeBytes: byteLength }))))
      const key = pieceKey(upload, upload.id, next.pieces.at(-1) as Piece)
      await bucket.put(key, bytes(...chunks), { sha256: hashOf(chunks).toString('hex') })
      const isCrumbled = more.state !== 'done' && crumbsOf({ pieces: next.pieces }).length > 0
      await record(hold, { ...next, ...more, ...(isCrumbled && { release: false }) })
      if (isCrumbled) await mergeCrumbs(hold)
    },
    sendPart: async (hold, held, { isLast, lastFrom }) => {
      const key = originalKey(hold.upload, hold.upload.photo)
      if (!hold.upload.multipart) {
        const { mediaType } = hold.upload
        const multipart = await bucket.createMultipart(key, mediaType ? { mediaType } : {})
        await record(hold, { ...bytesOf(hold.upload), multipart })
      }
      const { upload } = hold
      const { sizeBytes, sha256 } = upload
      const end = isLast
        ? { state: 'finishing' as const, sizeBytes, sha256, ...(lastFrom !== undefined && { lastFrom }) }
        : {}
      await withAll(hold, held, async all => {
        if (all.length === 0) return record(hold, { ...bytesOf(upload), ...end })
        const hash = await resumeSha256(upload.hashState)
        const [part] = await Promise.all([
          bucket.uploadPart(key, upload.multipart as string, upload.nextPart, bytes(...all)),
          hash.update(all),
        ])
        await record(hold, { ...withPart(upload, part), multipart: upload.multipart, hashState: hash.save(), ...end })
      })
    },
    settle: async (hold, more = {}) => {
      const { sizeBytes, sha256, multipart, hashState } = hold.upload
      const state = hold.upload.state === 'finishing' ? { state: 'finishing' as const } : {}
      await record(hold, { ...bytesOf(hold.upload), sizeBytes, sha256, multipart, hashState, ...state, ...more })
    },
  }
}

/** Enough to hide the bucket's latency, few enough to leave it to others as well. */
const readsAtOnce = 8

const bytesOf = ({ offsetBytes, parts, pieces, nextPart }: Upload) => ({ offsetBytes, parts, pieces, nextPart })

function definedOf({ release: _, ...progress }: Progress): Partial<Upload> {
  return Object.fromEntries(Object.entries(progress).filter(([, value]) => value !== undefined))
}
