/** A file's content as a number: reads it once, in pieces, and notices when somebody writes to it meanwhile. */
import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { changedWhileRead, errorOfFile } from './file-errors.js'
import { openForReading } from './open-file.js'

/** One state of a file, as far as it can be told without reading it again. */
export interface FileVersion {
  readonly sizeBytes: number
  /** Time of the last change, milliseconds since 1970, with fractions where the file system has them. */
  readonly modifiedMs: number
}

export interface HashedContent extends FileVersion {
  /** SHA-256 of the whole content, lower-case hex. */
  readonly sha256: string
  /** Which file of its file system it was; tells a file from another of the same name, size and time. */
  readonly inode?: number
}

const pieceBytes = 1024 * 1024

/**
 * Rejects with an AppError: `conflict` when the file changed while it was read, or is not one of the folder `within` (see
 * `GalleryFile`); `invalid` when it cannot be read.
 */
export async function hashFile(path: string, signal?: AbortSignal, within?: string): Promise<HashedContent> {
  let handle: FileHandle | undefined
  try {
    handle = await openForReading(path, within)
    const facts = await handle.stat()
    const before = versionOf(facts)
    const hash = createHash('sha256')
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, before.sizeBytes))
    let position = 0
    while (position < before.sizeBytes) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(piece, 0, piece.length, position)
      if (bytesRead === 0) throw changedWhileRead()
      hash.update(piece.subarray(0, bytesRead))
      position += bytesRead
    }
    const after = versionOf(await handle.stat())
    if (position !== after.sizeBytes || !sameVersion(before, after)) throw changedWhileRead()
    return { ...before, inode: facts.ino, sha256: hash.digest('hex') }
  } catch (error) {
    signal?.throwIfAborted()
    throw errorOfFile(error)
  } finally {
    await handle?.close()
  }
}

export function versionOf(facts: Stats): FileVersion {
  return { sizeBytes: facts.size, modifiedMs: facts.mtimeMs }
}

export function sameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.sizeBytes === b.sizeBytes && a.modifiedMs === b.modifiedMs
}
