/** A checksum of one request's bytes, taken as they come, against the one that its client announced. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Checksum } from './contract.js'

export interface RunningChecksum {
  update(bytes: Uint8Array): void
  /** Once, when all bytes were seen. */
  matches(): boolean
}

export function startChecksum({ algorithm, digest }: Checksum): RunningChecksum {
  if (algorithm === 'crc32') {
    let value = 0
    return {
      update: bytes => {
        value = crc32(bytes, value)
      },
      matches: () => digest.byteLength === 4 && digest.readUInt32BE() === value,
    }
  }
  const hash = createHash(algorithm)
  return {
    update: bytes => {
      hash.update(bytes)
    },
    matches: () => hash.digest().equals(digest),
  }
}
