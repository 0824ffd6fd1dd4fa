/** Why a file of the gallery cannot be read or sent, in words that need no manual. Pure. */
import { AppError } from '../core/errors.js'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'may not be read (permission denied)',
  EPERM: 'may not be read (permission denied)',
  ENOENT: 'is gone',
  ENOTDIR: 'is gone',
  EIO: 'cannot be read (the disk reports a fault)',
  ELOOP: 'is a link that leads nowhere',
  ENAMETOOLONG: 'has too long a path',
  EMFILE: 'cannot be opened (too many files are open)',
  ENFILE: 'cannot be opened (too many files are open)',
  EBUSY: 'is in use by another program',
}

/** An AppError stays as it is; an error of the file system becomes one that says what is the matter. Others are thrown on. */
export function errorOfFile(error: unknown): AppError {
  if (error instanceof AppError) return error
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  if (code === undefined) throw error
  return new AppError('invalid', reasons[code] ?? `cannot be read (${code})`, { cause: error })
}

export const changedWhileRead = (): AppError => new AppError('conflict', 'changed while it was read')

export const changedWhileSent = (): AppError => new AppError('conflict', 'changed while it was sent')
