/**
 * A blob's content as a number, in any browser and worker: reads it once, in pieces, so that a video is never in memory whole.
 * Small ones are left to the browser itself, which does it beside the page; larger ones need WebAssembly.
 */
import { createSHA256 } from 'hash-wasm'
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'

const pieceBytes = 2 * 1024 * 1024

/** SHA-256, lower-case hex. Rejects with an AppError `invalid` when the blob cannot be read (its file changed or is gone), or with the signal's reason. */
export async function hashBlob(blob: Blob, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted()
  // Pages that did not come over TLS have no `subtle`.
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle
  if (subtle && blob.size <= limits.smallUploadBytes) return hexOf(await subtle.digest('SHA-256', await bytesOf(blob)))
  const hash = await createSHA256()
  for (let start = 0; start < blob.size; start += pieceBytes) {
    const piece = await bytesOf(blob.slice(start, start + pieceBytes))
    signal?.throwIfAborted()
    hash.update(new Uint8Array(piece))
  }
  return hash.digest('hex')
}

/** Rejects with an AppError `invalid` when it cannot be read. */
export async function bytesOf(blob: Blob): Promise<ArrayBuffer> {
  try {
    return await blob.arrayBuffer()
  } catch (cause) {
    throw new AppError('invalid', 'cannot be read: it was changed, moved or deleted', { cause })
  }
}

const hexOf = (bytes: ArrayBuffer): string =>
  [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, '0')).join('')
