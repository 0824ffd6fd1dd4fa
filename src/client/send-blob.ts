/**
 * Sends one picked file (or any Blob) of a web page over tus 1.0 and brings its receipt. What the server completes is what was
 * hashed: it is told the hash and refuses anything else. Everything else is as transfer.ts says. Touches the blob (reading),
 * the network, and the store of begun uploads.
 */
import { bytesOf, hashBlob } from './hash-blob.js'
import { mediaTypeOf } from './media-types.js'
import { type Receipt, type TransferOptions, transfer } from './transfer.js'
import { type BlobSlice, makeXhrStack } from './xhr-http.js'

export interface SendOptions extends TransferOptions {
  /** Lower-case hex, where it is known; else it is hashed first. */
  sha256?: string
  /** Default: a File's own, else `photo`. */
  fileName?: string
  /** Default: the blob's own, else by the name's ending. */
  mediaType?: string
  /** Milliseconds since 1970; default: a File's own, else now. */
  modifiedMs?: number
  /** A connection on which nothing moves for this long is given up and tried anew; default 60,000. */
  stallMs?: number
  /** As bytes of content go out, those sent again included. Must not throw. */
  onBytes?: (sentBytes: number) => void
}

/**
 * Rejects with an AppError: `invalid` (the file was changed or deleted since it was picked), the server's own reason (e.g.
 * `unsupported_media`, `too_large`), or `unavailable` when all attempts are used up; or with the signal's reason.
 */
export async function sendFile(blob: File | Blob, options: SendOptions): Promise<Receipt> {
  const { signal, stallMs = 60_000, onBytes = () => {} } = options
  const file: Partial<File> = blob
  const fileName = options.fileName ?? file.name ?? 'photo'
  // Browsers give a File that changed no bytes any more.
  const stillSame = async () => void (await bytesOf(blob.slice(0, 1)))
  return await transfer(
    {
      fileName,
      mediaType: options.mediaType ?? (blob.type || mediaTypeOf(fileName) || 'application/octet-stream'),
      sizeBytes: blob.size,
      modifiedMs: options.modifiedMs ?? file.lastModified ?? Date.now(),
      sha256: options.sha256 ?? (await hashBlob(blob, signal)),
      httpStack: makeXhrStack({ stallMs, onBytes }),
      slice: (start, end): BlobSlice => ({ blob: blob.slice(start, end), size: end - start, stillSame }),
      stillSame,
    },
    options,
  )
}
