/**
 * A video on its way through: ffmpeg has to jump about in it, so its bytes go to a file as they stream past.
 *
 * On Linux the file loses its name before its first byte is written: nobody else can open it, and the system takes it back when
 * this process ends, however it ends. Elsewhere it keeps its name, 0600 in a 0700 folder, until `remove`; what a killed process
 * leaves is removed when a spool is opened a day later. No name ever comes from the photo.
 */
import { mkdtemp, open, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../../../src/core/errors.js'
import type { ConfinedFile } from './confined.js'

export interface Spool {
  /** For readVideo, until `remove`. */
  readonly file: ConfinedFile
  /** Appends, one call at a time; the bytes are in the file once it resolves. Rejects with AppError `unavailable`. */
  write(chunk: Uint8Array): Promise<void>
  /** Gives the room back. May be called again. */
  remove(): Promise<void>
}

export interface SpoolOptions {
  /** The system's temporary folder if not given. Where that lies in memory, one on a disk should be. */
  dir?: string
  /** Of the whole video: room for it must be there before the first byte is written. */
  sizeBytes: number
  /** Whether the file keeps its name. */
  isNamed?: boolean
}

const prefix = 'photosync-video-'
/** What is left to everybody else on the disk. */
const spareBytes = 256 * 2 ** 20
/** No video is worked on for as long. */
const leftoverAgeMs = 24 * 3600_000

/**
 * Rejects with AppError `unavailable` when the disk has no room now or can't be written: nothing that is the video's fault; and with
 * `too_large` when it would not even have room if nothing else were there.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { dir = tmpdir(), sizeBytes, isNamed = process.platform !== 'linux' } = options
  return await onDisk(async () => {
    const { bavail, blocks, bsize } = await statfs(dir)
    if (blocks * bsize < sizeBytes + spareBytes) throw new AppError('too_large', tooLarge)
    if (bavail * bsize < sizeBytes + spareBytes) throw noRoom()
    if (isNamed) await removeLeftovers(dir)
    return await create(dir, isNamed)
  })
}

async function create(dir: string, isNamed: boolean): Promise<Spool> {
  // The folder is ours alone (0700), so the name in it needs no luck.
  const folder = await mkdtemp(join(dir, prefix))
  const path = join(folder, 'video')
  const removeFolder = () => rm(folder, { recursive: true, force: true })
  try {
    const handle = await open(path, 'wx+', 0o600)
    try {
      if (!isNamed) await removeFolder()
    } catch (error) {
      await handle.close()
      throw error
    }
    let removed: Promise<void> | undefined
    const giveBack = async () => {
      try {
        await handle.close()
      } finally {
        if (isNamed) await removeFolder()
      }
    }
    return {
      file: isNamed ? { path } : { path: '/dev/fd/3', fd: handle.fd },
      write: chunk =>
        onDisk(async () => {
          for (let at = 0; at < chunk.byteLength; ) at += (await handle.write(chunk, at)).bytesWritten
        }),
      remove: () => (removed ??= giveBack()),
    }
  } catch (error) {
    await removeFolder()
    throw error
  }
}

async function removeLeftovers(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith(prefix)) continue
    const path = join(dir, name)
    const writtenMs = await stat(path)
      .then(({ mtimeMs }) => mtimeMs)
      .catch(() => Number.POSITIVE_INFINITY)
    // Another user's can't be removed, and needn't be.
    if (writtenMs < Date.now() - leftoverAgeMs) await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}

async function onDisk<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const code = (cause as { code?: unknown }).code
    if (code === 'ENOSPC' || code === 'EDQUOT') throw noRoom(cause)
    const message = 'The temporary folder that videos are looked at in cannot be used; see that it can be written'
    throw new AppError('unavailable', message, { cause })
  }
}

const tooLarge = 'There is no preview, because the video is larger than what this server has room to look at'

function noRoom(cause?: unknown): AppError {
  const message = 'There is no room in the temporary folder to look at the video; free some space on its disk'
  return new AppError('unavailable', message, { cause, retryAfterSeconds: 60 })
}
