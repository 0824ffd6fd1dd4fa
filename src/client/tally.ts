/** What a push has done so far: counts for whoever watches, and one line per file for the result. Touches nothing outside. */
import type { AppError } from '../core/errors.js'
import type { HashedFile } from './send-file.js'

export type Outcome = 'stored' | 'duplicate' | 'already-there' | 'failed'

export interface PushedFile {
  /** Its name in reports: relative to the pushed folder. */
  readonly file: string
  /** Lower-case hex; null when the file could not be read. */
  readonly sha256: string | null
  /** The photo it is now; null when it failed. */
  readonly photo: string | null
  readonly outcome: Outcome
  readonly reason?: string
}

export interface FailedFile {
  readonly file: string
  readonly reason: string
  /** The server does not keep such a file (its kind or size), so that pushing it again is no use. */
  readonly refused: boolean
}

export interface PushTotals {
  /** Pictures and videos found so far; all of them once `foundAll`. */
  files: number
  filesDone: number
  /** Of the files that were read so far. */
  bytes: number
  /** Of them, those done with or on their way. */
  bytesDone: number
  foundAll: boolean
  stored: number
  duplicates: number
  alreadyThere: number
  failed: number
  skipped: number
  /** Bytes of file content that went out, those sent again included. */
  bytesSent: number
  requests: number
}

export type PushEvent =
  /** Some number changed; comes often. */
  | { readonly kind: 'progress'; readonly totals: Readonly<PushTotals> }
  | { readonly kind: 'file'; readonly file: PushedFile; readonly totals: Readonly<PushTotals> }
  /** The server said that this person's photos live at another one, which is used from here on. */
  | { readonly kind: 'moved'; readonly server: string; readonly region: string | undefined }

export interface Tally {
  /** Whoever changes a number calls `changed` afterwards. */
  readonly totals: PushTotals
  readonly files: readonly PushedFile[]
  readonly failures: readonly FailedFile[]
  changed(): void
  succeeded(file: HashedFile, outcome: Exclude<Outcome, 'failed'>, photo: string): void
  /** For a file that could not even be read, and so was not counted among the bytes. */
  unreadable(file: string, reason: string): void
  failedToSend(file: HashedFile, error: AppError): void
  /** Follows one file under way: told how many of its bytes are, in all. */
  follow(): (bytes: number) => void
}

export function makeTally(onEvent: (event: PushEvent) => void): Tally {
  const files: PushedFile[] = []
  const failures: FailedFile[] = []
  const totals: PushTotals = {
    files: 0,
    filesDone: 0,
    bytes: 0,
    bytesDone: 0,
    foundAll: false,
    stored: 0,
    duplicates: 0,
    alreadyThere: 0,
    failed: 0,
    skipped: 0,
    bytesSent: 0,
    requests: 0,
  }
  const changed = () => onEvent({ kind: 'progress', totals })
  const add = (file: PushedFile, sizeBytes: number) => {
    files.push(file)
    totals.filesDone++
    totals.bytesDone += sizeBytes
    totals[counterOf[file.outcome]]++
    onEvent({ kind: 'file', file, totals })
  }
  const fail = (file: string, sha256: string | null, sizeBytes: number, reason: string, refused: boolean) => {
    failures.push({ file, reason, refused })
    add({ file, sha256, photo: null, outcome: 'failed', reason }, sizeBytes)
  }
  return {
    totals,
    files,
    failures,
    changed,
    succeeded: ({ name, sha256, sizeBytes }, outcome, photo) => add({ file: name, sha256, photo, outcome }, sizeBytes),
    unreadable: (file, reason) => fail(file, null, 0, reason, false),
    failedToSend: ({ name, sha256, sizeBytes }, { kind, message }) =>
      fail(name, sha256, sizeBytes, message, kind === 'unsupported_media' || kind === 'too_large'),
    follow: () => {
      let counted = 0
      return bytes => {
        totals.bytesDone += bytes - counted
        counted = bytes
        changed()
      }
    },
  }
}

const counterOf = {
  stored: 'stored',
  duplicate: 'duplicates',
  'already-there': 'alreadyThere',
  failed: 'failed',
} as const
