/** The one way in: bytes of an original that are in memory become an object, hashed on the way. */
import { createHash } from 'node:crypto'
import { AppError } from '../core/errors.js'
import { type Bucket, bytes } from './bucket.js'

export interface ReceiveOptions {
  /** What the sender said the SHA-256 is. A mismatch is `checksum_mismatch`, and nothing is written. */
  expectedSha256?: Buffer | null
  mediaType?: string | null
}

/** One PutObject. Resolves with the SHA-256 of the bytes once they are durable under `key`. */
export async function receive(
  bucket: Bucket,
  key: string,
  chunks: readonly Uint8Array[],
  { expectedSha256, mediaType }: ReceiveOptions = {},
): Promise<Buffer> {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  const sha256 = hash.digest()
  requireSameHash(sha256, expectedSha256)
  await bucket.put(key, bytes(...chunks), { sha256: sha256.toString('hex'), ...(mediaType && { mediaType }) })
  return sha256
}

export function requireSameHash(actual: Buffer, expected: Buffer | null | undefined): void {
  if (!expected || expected.equals(actual)) return
  throw new AppError(
    'checksum_mismatch',
    'The bytes that arrived are not those whose SHA-256 was announced. Send the file again',
  )
}
