/** The one way in: bytes of an original that are in memory become an object. */
import { createHash } from 'node:crypto'
import { AppError } from '../core/errors.js'
import type { Bucket } from './bucket.js'

export interface ReceiveOptions {
  /** Of just these chunks, where the caller took it as they came: it isn't taken again. */
  sha256?: Buffer | undefined
  /** What the sender said the SHA-256 is. A mismatch is `checksum_mismatch`, and nothing is written. */
  expectedSha256?: Buffer | null | undefined
  mediaType?: string | null | undefined
  signal?: AbortSignal | undefined
}

/**
 * One PutObject. Resolves with the SHA-256 of the bytes once they are durable under `key`; from then on nothing reads the
 * chunks any more.
 */
export async function receive(
  bucket: Bucket,
  key: string,
  chunks: readonly Uint8Array[],
  { sha256 = hashOf(chunks), expectedSha256, mediaType, signal }: ReceiveOptions = {},
): Promise<Buffer> {
  requireSameHash(sha256, expectedSha256)
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  await bucket.put(
    key,
    { sizeBytes, open: () => chunks },
    { sha256: sha256.toString('hex'), ...(mediaType && { mediaType }), ...(signal && { signal }) },
  )
  return sha256
}

export function requireSameHash(actual: Buffer, expected: Buffer | null | undefined): void {
  if (!expected || expected.equals(actual)) return
  throw new AppError(
    'checksum_mismatch',
    'The bytes that arrived are not those whose SHA-256 was announced. Send the file again',
  )
}

function hashOf(chunks: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest()
}
