/**
 * Files that appear whole, last, and go: the ground of the disk bucket. A file is written under `private/temp`, flushed, and gets
 * its name by link or rename; then the folders above it are flushed up to the root. Touches only what is below `root`.
 */
import type { BigIntStats } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../core/clock.js'
import { AppError } from '../core/errors.js'
import type { NewId } from '../core/ids.js'
import { alreadyThere } from './checks.js'
import { errorCode, isAbsent } from './disk-errors.js'
import { makeFolder } from './make-folder.js'

/** A temporary file nobody has written to for so long has lost its writer. */
const leftoverAgeMs = 24 * 3600_000
/** Each try is lost only if another caller removes the empty folder in just that moment. */
const publishAttemptsMax = 100
const knownFoldersMax = 10_000
/** Photos are private: only the process's user may read what is written here. */
const fileMode = 0o600
const folderMode = 0o700

export interface DiskFiles {
  objects: string
  multiparts: string
  /** Makes the folders, once, and removes old leftovers. Every call of the bucket begins here. */
  prepare(): Promise<void>
  /** A new path for something that isn't there yet; what is left there is removed some day. */
  tempPath(): string
  /** A flushed temporary file with these bytes. Leaves nothing when the bytes throw. */
  writeTemp(chunks: AsyncIterable<Uint8Array>): Promise<string>
  /** Gives a temporary file its name, durably. `conflict` when ifAbsent and the name is taken. The temporary name is gone afterwards. */
  publish(temp: string, path: string, ifAbsent: boolean): Promise<void>
  /** Removes files, and the folders below `objects` that this left empty, durably. Absent ones are no error. */
  remove(paths: readonly string[], signal: AbortSignal | undefined): Promise<void>
  /** Flushes the folder's entries and, as far as not known to be durable, those of the folders above. */
  syncFolder(folder: string): Promise<void>
}

export function diskFiles(dir: string, newId: NewId, clock: Clock): DiskFiles {
  const root = resolve(dir)
  const objects = join(root, 'objects')
  const temp = join(root, 'private', 'temp')
  const multiparts = join(root, 'private', 'multiparts')
  const tempPath = () => join(temp, newId())
  const syncFolder = folderFlusher(root)
  let prepared: Promise<void> | undefined

  async function prepareFolders(): Promise<void> {
    const made = await makeFolder(root, folderMode)
    for (let folder = root; made !== undefined && folder.length >= made.length; folder = dirname(folder)) {
      await syncFolder(dirname(folder), 'only this')
    }
    for (const folder of [objects, temp, multiparts]) {
      await mkdir(folder, { recursive: true, mode: folderMode })
      await syncFolder(folder)
    }
    await removeLeftovers(temp, clock)
  }

  return {
    objects,
    multiparts,
    tempPath,
    syncFolder,

    prepare() {
      prepared ??= prepareFolders().catch(error => {
        prepared = undefined
        throw error
      })
      return prepared
    },

    async writeTemp(chunks) {
      const path = tempPath()
      const file = await open(path, 'wx', fileMode)
      try {
        try {
          for await (const chunk of chunks) await writeAll(file, chunk)
          await file.sync()
        } finally {
          await file.close()
        }
      } catch (error) {
        await rm(path, { force: true })
        throw error
      }
      return path
    },

    async publish(from, path, ifAbsent) {
      try {
        await retryWithFolder(dirname(path), () => (ifAbsent ? link(from, path) : rename(from, path)))
      } catch (error) {
        await rm(from, { force: true })
        if (errorCode(error) !== 'EEXIST') throw error
        // Whoever is told of a conflict relies on what is there, which another may have put only just now.
        await syncFolder(dirname(path))
        throw alreadyThere(error)
      }
      if (ifAbsent) await rm(from, { force: true })
      await syncFolder(dirname(path))
    },

    async remove(paths, signal) {
      const folders = new Set<string>()
      for (const path of paths) {
        signal?.throwIfAborted()
        await removeFile(path)
        folders.add(dirname(path))
      }
      const survivors = new Set<string>()
      for (const folder of folders) survivors.add(await removeEmptyFolders(folder, objects))
      for (const folder of survivors) await syncFolder(folder)
    },
  }
}

/** Runs what needs the folder, which is made when it's missing; another's delete may remove it while it's still empty. */
async function retryWithFolder(folder: string, action: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action()
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || attempt >= publishAttemptsMax) throw error
    }
    try {
      await mkdir(folder, { recursive: true, mode: folderMode })
    } catch (error) {
      // The same race one folder up; mkdir says EEXIST where the folder or one above it is a file.
      if (errorCode(error) === 'EEXIST')
        throw new AppError('invalid', 'A folder of the key is an object itself', { cause: error })
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (isAbsent(error)) return
    // A folder is no object; Linux says EISDIR, others EPERM.
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return
    throw error
  }
}

/** Removes the folder and those above it as long as they are empty; returns the first that stays. */
async function removeEmptyFolders(folder: string, end: string): Promise<string> {
  while (folder !== end) {
    try {
      await rmdir(folder)
    } catch (error) {
      // Not empty (ENOTEMPTY, on some systems EEXIST), or on its way to be filled. An absent one may have left an empty parent.
      if (!isAbsent(error)) return folder
    }
    folder = dirname(folder)
  }
  return folder
}

/**
 * Flushing a folder makes its entries durable, and the folder itself only together with those above it. A folder whose way up
 * was once flushed is remembered by its inode and birth: it cannot have been removed and made anew meanwhile without changing.
 */
function folderFlusher(root: string) {
  const known = new Map<string, string>()

  return async function syncFolder(folder: string, scope?: 'only this'): Promise<void> {
    let facts: BigIntStats
    try {
      const handle = await open(folder, 'r')
      try {
        await handle.sync()
        facts = await handle.stat({ bigint: true })
      } finally {
        await handle.close()
      }
    } catch (error) {
      if (!isAbsent(error) || folder === root) throw error
      // Removed by another as empty: what it held is gone, and that is durable once its parent is.
      return syncFolder(dirname(folder))
    }
    const identity = `${facts.dev}:${facts.ino}:${facts.birthtimeNs}`
    if (scope === 'only this' || folder === root || known.get(folder) === identity) return
    await syncFolder(dirname(folder))
    if (known.size >= knownFoldersMax) known.clear()
    known.set(folder, identity)
  }
}

async function removeLeftovers(temp: string, clock: Clock): Promise<void> {
  for (const name of await readdir(temp)) {
    const path = join(temp, name)
    const facts = await stat(path).catch(error => {
      if (isAbsent(error)) return undefined
      throw error
    })
    if (facts && facts.mtimeMs < clock.now().getTime() - leftoverAgeMs) await rm(path, { recursive: true, force: true })
  }
}
