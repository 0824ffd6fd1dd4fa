/**
 * One upload of several partial ones: their bytes, read from the bucket in their order, go the way of any body. What breaks off is
 * taken up again by whoever asks for it, or by the sweeper.
 */
import { Readable } from 'node:stream'
import { AppError, isAppError } from '../core/errors.js'
import { pieceKey } from '../core/keys.js'
import type { Database } from '../db/database.js'
import type { Bucket } from '../storage/bucket.js'
import { type Append, BodyBroken } from './append.js'
import type { Finish } from './finish.js'
import type { Hold } from './holds.js'
import type { Upload } from './upload.js'
import { findUploads } from './uploads-sql.js'

export interface Assembly {
  /** Goes on where a final upload is, to its end. */
  run(hold: Hold): Promise<void>
}

export function makeAssembly(deps: { db: Database; bucket: Bucket; append: Append; finish: Finish }): Assembly {
  const { db, bucket, append, finish } = deps

  async function* bytesFrom(partials: readonly Upload[], offset: number): AsyncGenerator<Buffer> {
    let at = 0
    for (const partial of partials) {
      for (const piece of partial.pieces) {
        const skipBytes = Math.max(offset - at, 0)
        at += piece.sizeBytes
        if (skipBytes >= piece.sizeBytes) continue
        const { body } = await bucket.get(pieceKey(partial, partial.id, piece), { range: { start: skipBytes } })
        let readBytes = 0
        for await (const chunk of body as AsyncIterable<Buffer>) {
          readBytes += chunk.byteLength
          yield chunk
        }
        if (readBytes !== piece.sizeBytes - skipBytes) {
          throw new AppError('unavailable', 'A part of the file could not be read back. Try again', {
            retryAfterSeconds: 2,
          })
        }
      }
    }
  }

  return {
    run: async hold => {
      const { sources } = hold.upload
      const partials = await findUploads(db, sources)
      if (partials.length !== sources.length) throw new AppError('not_found', 'A partial upload of this file is gone')
      let failure: unknown
      const stream = Readable.from(bytesFrom(partials, hold.upload.offsetBytes), {
        objectMode: false,
        highWaterMark: 256 * 1024,
      })
      stream.on('error', error => {
        failure ??= error
      })
      try {
        await finish.whileTold(hold.upload, append(hold, { stream }))
      } catch (error) {
        // Not the client's connection broke, but ours to the bucket.
        if (!(error instanceof BodyBroken)) throw error
        if (isAppError(failure)) throw failure
        const sentence = 'The parts of the file could not be read back. Try again'
        throw new AppError('unavailable', sentence, { cause: failure ?? error, retryAfterSeconds: 5 })
      } finally {
        stream.destroy()
      }
    },
  }
}

/** The partial uploads named, in order; `invalid` unless each can be part of a file now. */
export function requireComplete(wanted: readonly string[], found: readonly Upload[]): void {
  if (wanted.length === 0) throw new AppError('invalid', 'Upload-Concat names no partial upload')
  if (found.length !== wanted.length) throw new AppError('invalid', 'Upload-Concat names an upload that does not exist')
  for (const { kind, state, usedBy } of found) {
    if (kind !== 'partial') throw new AppError('invalid', 'Upload-Concat names an upload that is not a partial one')
    if (state === 'ended') throw new AppError('invalid', 'Upload-Concat names a partial upload that has ended')
    if (state !== 'done')
      throw new AppError('invalid', 'Upload-Concat names a partial upload that is not complete. Finish it first')
    if (usedBy !== null)
      throw new AppError('invalid', 'Upload-Concat names a partial upload that is part of another file already')
  }
}
