/**
 * The states of an upload, pure: what it is, what the next step for its bytes is, and how each step changes it. No I/O.
 *
 *   open ──bytes──▶ open ──last byte durable──▶ (finishing, large ones) ──commit──▶ done
 *     └────────────── terminated or expired ──▶ ended
 *
 * A small original (≤ limits.smallUploadBytes) becomes one object put whole. What a broken request leaves of it waits in
 * pieces. A larger one is a multipart upload: full parts, then pieces of what does not fill a part yet.
 */
import { limits } from '../core/limits.js'
import type { Part } from '../storage/bucket.js'

export interface Piece {
  offset: number
  sizeBytes: number
  /** Of the hold under which it was staged: part of its key. */
  holder: number
}

export interface Upload {
  id: string
  person: string
  epoch: number
  device: string | null
  state: 'open' | 'finishing' | 'done' | 'ended'
  sizeBytes: number
  /** Durable bytes, from the start, without gaps. */
  offsetBytes: number
  metadata: string
  fileName: string | null
  mediaType: string | null
  modifiedAt: Date | null
  sha256: Buffer | null
  holder: number
  hold: 'free' | 'held' | 'unsure'
  /** When its holder last gave a sign of life. */
  touchedAt: Date
  photo: string
  tried: string[]
  multipart: string | null
  nextPart: number
  parts: Part[]
  pieces: Piece[]
  /** Whether there ever were pieces. */
  staged: boolean
  hashState: Buffer | null
  expiresAt: Date
  storedAs: string | null
  duplicate: boolean | null
}

export type Bytes = Pick<Upload, 'offsetBytes' | 'parts' | 'pieces' | 'nextPart'>

export const isSmall = (upload: Pick<Upload, 'sizeBytes'>): boolean => upload.sizeBytes <= limits.smallUploadBytes

export const sumOf = (items: readonly { sizeBytes: number }[]): number =>
  items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

/**
 * What to do with `heldBytes` in memory that follow the upload's offset:
 * `finish` all bytes are here · `part` enough for a part of a multipart upload · `piece` make them durable as they are ·
 * `wait` for more.
 * @param pressed the request has ended, or memory is short: what is held should become durable now.
 */
export function nextStep(upload: Upload, heldBytes: number, pressed: boolean): 'finish' | 'part' | 'piece' | 'wait' {
  if (upload.offsetBytes + heldBytes === upload.sizeBytes) return 'finish'
  if (!isSmall(upload) && sumOf(upload.pieces) + heldBytes >= limits.partSizeBytes) return 'part'
  return pressed && heldBytes > 0 ? 'piece' : 'wait'
}

/** After `sizeBytes` were staged as a piece. */
export function withPiece(upload: Upload, sizeBytes: number): Bytes {
  const piece = { offset: upload.offsetBytes, sizeBytes, holder: upload.holder }
  const { parts, nextPart } = upload
  return { offsetBytes: upload.offsetBytes + sizeBytes, parts, nextPart, pieces: [...upload.pieces, piece] }
}

/** After the pieces and the held bytes behind them became a part. */
export function withPart(upload: Upload, part: Part): Bytes {
  const parts = [...upload.parts, part]
  return { offsetBytes: sumOf(parts), parts, nextPart: part.number + 1, pieces: [] }
}

/** How long after an upload's end a call to the bucket that was cut off may still take effect, with room to spare. */
export const lateEffectsMs = 3_600_000

/** The ids under which this upload may have left an object that is not the photo it became. */
export function leftovers(upload: Pick<Upload, 'photo' | 'tried' | 'storedAs'>): string[] {
  return [...upload.tried, upload.photo].filter(photo => photo !== upload.storedAs)
}

/** Whether anything but the photo can be in the bucket. For most it can't, and asking the bucket costs as much as storing did. */
export function mayHaveLeft(upload: Upload): boolean {
  return !isSmall(upload) || upload.staged || leftovers(upload).length > 0
}
