/**
 * Bytes that a request has made durable, kept in memory for the next one: a client that sends a photo in small chunks mostly comes
 * back to the same process at once. They spare reading the pieces back from the bucket and hashing them again. Never needed, and
 * dropped as soon as the memory is.
 */
import type { Held } from './held.js'
import type { Piece, Upload } from './upload.js'

export interface Kept {
  /** `held` begins with the upload's first byte and ends at its offset. */
  keep(upload: Upload, held: Held): void
  /** What was kept of it, if that is just what its pieces are; the caller's from now on. */
  resume(upload: Upload): Held | undefined
  forget(id: string): void
}

export function makeKept(): Kept {
  const kept = new Map<string, { held: Held; pieces: string }>()
  const forget = (id: string): boolean => {
    const { held } = kept.get(id) ?? {}
    kept.delete(id)
    held?.clear(0, true)
    return held !== undefined
  }
  return {
    keep(upload, held) {
      forget(upload.id)
      kept.set(upload.id, { held, pieces: nameOf(upload.pieces) })
      held.become('kept', () => forget(upload.id))
    },
    resume(upload) {
      const { held, pieces } = kept.get(upload.id) ?? {}
      if (!held) return undefined
      if (pieces !== nameOf(upload.pieces) || held.sizeBytes !== upload.offsetBytes) {
        forget(upload.id)
        return undefined
      }
      kept.delete(upload.id)
      held.become('busy')
      return held
    },
    forget,
  }
}

const nameOf = (pieces: readonly Piece[]): string =>
  pieces.map(({ offset, sizeBytes, holder }) => `${offset}-${sizeBytes}-${holder}`).join()
