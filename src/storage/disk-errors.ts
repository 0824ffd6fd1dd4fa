/** What the file system says, as AppErrors. Pure. */
import { AppError } from '../core/errors.js'

const permanent: Record<string, { kind: 'forbidden' | 'invalid'; message: string }> = {
  EACCES: {
    kind: 'forbidden',
    message: "The bucket's folder may not be written or read; give this process's user the right to",
  },
  EPERM: {
    kind: 'forbidden',
    message:
      "The bucket's file system refuses the operation; it must let this process's user write, and have hard links",
  },
  EROFS: { kind: 'forbidden', message: "The bucket's file system is read-only; mount it writable" },
  ENOTDIR: { kind: 'invalid', message: 'A part of the path is an object or a file, and cannot be a folder as well' },
  EISDIR: { kind: 'invalid', message: 'The key is a folder of other objects, and cannot be an object as well' },
  ENOTEMPTY: { kind: 'invalid', message: 'The key is a folder of other objects, and cannot be an object as well' },
  ENAMETOOLONG: { kind: 'invalid', message: "The key is longer than the bucket's file system can name" },
}

const passing: Record<string, string> = {
  ENOSPC: "The bucket's disk is full; free some space on it",
  EDQUOT: "The bucket's disk quota is used up; free some space or raise it",
  EMFILE: 'This process has too many files open; try again, or raise its limit (ulimit -n)',
  ENFILE: 'This machine has too many files open; try again',
  ENOENT: "The bucket's folder is gone; see that its disk is mounted",
}

/** The AppError for an error with an errno code, which becomes its cause; anything else as it is. */
export function diskError(error: unknown): unknown {
  const code = errorCode(error)
  if (code === undefined || error instanceof AppError) return error
  const known = permanent[code]
  if (known) return new AppError(known.kind, known.message, { cause: error })
  return new AppError('unavailable', passing[code] ?? `The bucket's disk answers with ${code}; try again`, {
    cause: error,
  })
}

/** 'ENOENT' and the like, of an error that a system call gave. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Nothing is there under a path: not the name, or not the folders above it. */
export function isAbsent(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
