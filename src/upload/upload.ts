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
import type { PartRole } from '../core/part-roles.js'
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
  /** whole: becomes a photo. partial: a piece of a file, for a final one that puts several together. */
  kind: 'whole' | 'partial' | 'final'
  state: 'open' | 'finishing' | 'done' | 'ended'
  /** null while it isn't known. */
  sizeBytes: number | null
  /** Durable bytes, from the start, without gaps. */
  offsetBytes: number
  metadata: string
  /** Of a final one: Upload-Concat as it came, and the partial uploads it is made of. */
  concat: string | null
  sources: string[]
  /** Of a partial one: the final upload that it became part of. */
  usedBy: string | null
  fileName: string | null
  mediaType: string | null
  modifiedAt: Date | null
  sha256: Buffer | null
  /** The photo that it is to be a part of, and which part; both or neither. */
  partOf: string | null
  role: PartRole | null
  /** Content that its owner has deleted stays so. */
  keepDeleted: boolean
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
  /** Done: its owner has deleted this content, and it stays so. */
  deleted: boolean | null
  /** Done: where the request that brought the last byte began. */
  lastFrom: number | null
}

export type Bytes = Pick<Upload, 'offsetBytes' | 'parts' | 'pieces' | 'nextPart'>

type Sized = Pick<Upload, 'sizeBytes' | 'multipart'>

/**
 * Whether its bytes become one object put whole. Not known while the length isn't, and never more once there is a multipart; but
 * nothing can't be sent in parts.
 */
export const isSmall = ({ sizeBytes, multipart }: Sized): boolean =>
  sizeBytes === 0 || (sizeBytes !== null && sizeBytes <= limits.smallUploadBytes && multipart === null)

/** Whether it may still turn out to be small. */
export const maySmall = ({ sizeBytes, multipart }: Sized): boolean =>
  multipart === null && (sizeBytes === null || sizeBytes <= limits.smallUploadBytes)

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
  const isFull = sumOf(upload.pieces) + heldBytes >= limits.partSizeBytes
  if (isFull && !isSmall(upload) && upload.kind !== 'partial') return 'part'
  return heldBytes > 0 && (pressed || heldBytes >= limits.partSizeBytes) ? 'piece' : 'wait'
}

/** Whether every byte is in a part of its multipart. */
export const isInParts = ({
  multipart,
  parts,
  sizeBytes,
}: Pick<Upload, 'multipart' | 'parts' | 'sizeBytes'>): boolean => multipart !== null && sumOf(parts) === sizeBytes

/** Whether every byte is durable and what is left to do is ours alone. */
export const isWaitingForUs = ({ state, offsetBytes, sizeBytes }: Upload): boolean =>
  state === 'finishing' || (state === 'open' && offsetBytes === sizeBytes)

/** How many bytes behind its offset are held at most before the next step is taken. */
export function roomFor(upload: Upload): number {
  if (upload.kind === 'partial' || isSmall(upload)) return limits.partSizeBytes
  return Math.max(limits.partSizeBytes - sumOf(upload.pieces), 1)
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

/** So many pieces at the end, each smaller than so much, are put together as one: few reads at the end, and each byte is written few times. */
const crumbsMax = 64
const crumbBytes = 256 * 1024

/** The last pieces, when they are too many and too small; else none. */
export function crumbsOf({ pieces }: Pick<Upload, 'pieces'>): Piece[] {
  const crumbs = pieces.slice(pieces.findLastIndex(({ sizeBytes }) => sizeBytes >= crumbBytes) + 1)
  return crumbs.length > crumbsMax ? crumbs : []
}

/** After the last of its pieces were put together as one. */
export function withMerged(upload: Upload, crumbs: readonly Piece[]): Bytes {
  const { offsetBytes, parts, nextPart } = upload
  const [first] = crumbs
  if (!first) throw new Error('nothing to put together')
  const merged = { offset: first.offset, sizeBytes: sumOf(crumbs), holder: upload.holder }
  return { offsetBytes, parts, nextPart, pieces: [...upload.pieces.slice(0, -crumbs.length), merged] }
}

/** How long after an upload's end a call to the bucket that was cut off may still take effect, with room to spare. */
export const lateEffectsMs = 3_600_000

/** The ids under which this upload may have left an object that is not the photo it became. */
export function leftovers(upload: Pick<Upload, 'photo' | 'tried' | 'storedAs'>): string[] {
  return [...upload.tried, upload.photo].filter(photo => photo !== upload.storedAs)
}

/** Whether anything but the photo can be in the bucket. For most it can't, and asking the bucket costs as much as storing did. */
export function mayHaveLeft(upload: Upload): boolean {
  return mayHaveParts(upload) || upload.staged || leftovers(upload).length > 0
}

/** Whether a multipart can be in the bucket. One that proved small may have begun one before its length was known. */
export function mayHaveParts(upload: Pick<Upload, 'sizeBytes' | 'multipart' | 'tried'>): boolean {
  return !isSmall(upload) || upload.multipart !== null || upload.tried.length > 0
}

/** Whether its bytes in the bucket may be removed: no request will ask for them again. */
export function isOver({ state, kind, usedBy }: Pick<Upload, 'state' | 'kind' | 'usedBy'>): boolean {
  return state === 'ended' || (state === 'done' && (kind !== 'partial' || usedBy !== null))
}
