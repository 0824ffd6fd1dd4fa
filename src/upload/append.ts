/**
 * Bytes of one request into the bucket. What arrived before a break is durable there before the offset that counts it is
 * recorded, and only then told. Steps are decided by upload.ts; this does them.
 */
import { addAbortSignal, type Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Clock } from '../core/clock.js'
import { AppError } from '../core/errors.js'
import { originalKey, pieceKey } from '../core/keys.js'
import type { Database } from '../db/database.js'
import { type Bucket, bytes } from '../storage/bucket.js'
import type { Finish } from './finish.js'
import { resumeSha256 } from './hash-state.js'
import type { HeldBytes } from './held-bytes.js'
import type { Hold } from './holds.js'
import { isSmall, nextStep, withPart, withPiece } from './upload.js'
import { type Progress, recordProgress } from './uploads-sql.js'

export interface AppendDeps {
  db: Database
  bucket: Bucket
  clock: Clock
  heldBytes: HeldBytes
  finish: Finish
  /** A body that brings no byte for this long while one is waited for is ended. */
  stallMs: number
}

/** The request's bytes couldn't be read to their end; what came is kept. Its cause says why. */
export class BodyBroken extends Error {
  override readonly name = 'BodyBroken'
}

export type Append = (hold: Hold, body: Readable) => Promise<void>

/**
 * Reads `body` to its end and leaves `hold.upload` as it then is: `done`, or open with its new offset. Rejects with
 * BodyBroken when the body broke off, `too_large` when it brings more than the upload's length (what this request still held is
 * dropped), and with the bucket's or database's error when bytes could not be made durable.
 */
export function makeAppend({ db, bucket, clock, heldBytes, finish, stallMs }: AppendDeps): Append {
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

  const finishWith = async (hold: Hold, chunks: readonly Buffer[]) => {
    if (isSmall(hold.upload)) {
      hold.upload = await finish.small(hold, [...(await readPieces(hold)), ...chunks])
      return
    }
    if (hold.upload.state === 'open') await sendPart(hold, chunks, true)
    hold.upload = await finish.large(hold)
  }

  return async (hold, body) => {
    let chunks: Buffer[] = []
    let chunkBytes = 0
    const forget = () => {
      heldBytes.release(chunkBytes)
      chunks = []
      chunkBytes = 0
    }
    const flush = async (pressed: boolean) => {
      const step = nextStep(hold.upload, chunkBytes, pressed)
      if (step === 'part') await sendPart(hold, chunks, false)
      if (step === 'piece') await stagePiece(hold, chunks)
      if (step === 'part' || step === 'piece') forget()
      return step
    }
    const reading = readChunks(body, hold.signal, stallMs)
    try {
      let broken: unknown
      for (;;) {
        const next = await reading.next().catch(error => {
          broken = error ?? new Error('the body broke off')
        })
        if (!next || next.done) break
        const chunk = next.value
        if (hold.upload.offsetBytes + chunkBytes + chunk.byteLength > hold.upload.sizeBytes) {
          throw new AppError('too_large', 'The request brings more bytes than the upload announced')
        }
        chunks.push(chunk)
        chunkBytes += chunk.byteLength
        await flush(heldBytes.add(chunk.byteLength))
      }
      if ((await flush(true)) === 'finish') await finishWith(hold, chunks)
      else if (broken) throw new BodyBroken('The request broke off', { cause: broken })
    } finally {
      forget()
      await reading.return()
    }
  }
}

/**
 * Ends with an error when `signal` aborts, or when no byte comes for `stallMs` while one is waited for; both end the connection
 * too. Whoever stops early leaves the body open, since the answer still has to go out on its connection.
 */
async function* readChunks(body: Readable, signal: AbortSignal, stallMs: number): AsyncGenerator<Buffer, void> {
  const stall = new AbortController()
  addAbortSignal(AbortSignal.any([signal, stall.signal]), body)
  const chunks = body.iterator({ destroyOnReturn: false })
  try {
    for (;;) {
      const timer = setTimeout(() => stall.abort(new Error('no byte came for too long')), stallMs)
      const next = await chunks.next().finally(() => clearTimeout(timer))
      if (next.done) return
      yield next.value as Buffer
    }
  } finally {
    await chunks.return?.()
  }
}
