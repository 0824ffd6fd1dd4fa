/**
 * Opens a file of the gallery for reading. One that was found in a folder is opened only where it really lies in it: a name
 * that became a link after the folder was listed, or whose folder did, leads to what nobody gave. One that was named itself is
 * whatever its name leads to. Touches that one path.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { AppError } from '../core/errors.js'

/**
 * `within`: the real path of the folder that was given. Rejects with `conflict` for what does not lie in it, else with the error
 * of the file system.
 */
export async function openForReading(path: string, within?: string): Promise<FileHandle> {
  const noFollow = within === undefined ? 0 : (constants.O_NOFOLLOW ?? 0)
  // Non-blocking, so that a pipe that took the file's place is refused rather than waited for.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | noFollow).catch(error => {
    throw within !== undefined && linkCodes.has(error.code) ? elsewhere() : error
  })
  try {
    if (within !== undefined) await requireWithin(handle, path, within)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Whether a real path is that of the folder, or of something in it. */
export const isWithin = (real: string, within: string): boolean =>
  real === within || real.startsWith(within.endsWith(sep) ? within : within + sep)

/** Asked of what is open, so that no other can take its place afterwards. */
async function requireWithin(handle: FileHandle, path: string, within: string): Promise<void> {
  const folder = await realpath(dirname(path))
  if (!isWithin(folder, within)) throw elsewhere()
  const [opened, there] = await Promise.all([handle.stat(), lstat(join(folder, basename(path)))])
  if (opened.ino !== there.ino || opened.dev !== there.dev) throw elsewhere()
}

/** How systems refuse to follow the link that a path ends with. */
const linkCodes: ReadonlySet<unknown> = new Set(['ELOOP', 'EMLINK'])

export const elsewhere = (): AppError =>
  new AppError('conflict', 'is a link by now, or lies behind one: links are not followed')
