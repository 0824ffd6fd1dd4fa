/**
 * One file that may be removed: which file it is, what its content is, and its removal if it is still that file with that
 * content. A file counts as the same while its device, inode, size and both of its times are: the time of the last change of
 * its state (ctime) cannot be set back by a program, as the one of its content (mtime) can. Links are never followed, and what
 * was found in a folder is left alone when it does not lie there any more. Touches that one path.
 */
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open, realpath, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../core/errors.js'
import { changedWhileRead } from './file-errors.js'
import type { GalleryFile } from './gallery-files.js'
import { hashFile } from './hash-file.js'
import { elsewhere, isWithin } from './open-file.js'

export interface FileState {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

export interface RemovableFile {
  readonly path: string
  /** The folder that holds it, with every link on the way to it resolved. */
  readonly folder: string
  readonly state: FileState
  readonly sizeBytes: number
  /** Of all of its content, read just now; lower-case hex. */
  readonly sha256: string
}

/**
 * Reads the whole file. Rejects with `conflict` when it changed meanwhile, is no file of one name, or does not lie `within` (as
 * of `GalleryFile`); else with the error of the file system, or the signal's reason.
 */
export async function readRemovable(
  { path, within }: Pick<GalleryFile, 'path' | 'within'>,
  signal?: AbortSignal,
): Promise<RemovableFile> {
  const before = await lstat(path, { bigint: true })
  if (!before.isFile()) throw new AppError('conflict', 'is no file any more')
  // The space would not be free, and whoever made the other name counts on this one or does not.
  if (before.nlink > 1n) throw new AppError('conflict', 'has several names on this disk (hard links)')
  const { sha256, inode } = await hashFile(path, signal, within)
  const folder = await realpath(dirname(path))
  if (within !== undefined && !isWithin(folder, within)) throw elsewhere()
  const after = await lstat(path, { bigint: true })
  // What was read may have been another file, for as long as one of its folders was a link.
  if (!sameState(before, after) || Number(after.ino) !== inode) throw changedWhileRead()
  return { path, folder, state: stateOf(after), sizeBytes: Number(after.size), sha256 }
}

/** False when there is another file or content by now, and nothing was removed. Rejects with the error of the file system. */
export async function removeIfSame(file: RemovableFile): Promise<boolean> {
  try {
    if (!(await isSame(file))) return false
    await unlink(file.path)
    return true
  } catch (error) {
    if (otherThere.has((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** Whether its path still leads to the file that was read, with that content. Rejects with the error of the file system. */
export async function isSame(file: RemovableFile): Promise<boolean> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file.path, constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0))
    const opened = await handle.stat({ bigint: true })
    if (!opened.isFile() || !sameState(opened, file.state)) return false
    if ((await realpath(dirname(file.path))) !== file.folder) return false
    // By its name once more, and as the last thing: what is removed is a name.
    const named = await lstat(file.path, { bigint: true })
    return named.isFile() && sameState(named, file.state)
  } catch (error) {
    if (otherThere.has((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  } finally {
    await handle?.close()
  }
}

/** Nothing there any more, or a link, a folder, a socket or a device. */
const otherThere: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO'])

const stateOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileState => ({ dev, ino, size, mtimeNs, ctimeNs })

const sameState = (a: FileState, b: FileState): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
