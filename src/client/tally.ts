/**
 * What a push has done so far: counts for whoever watches, and what it did not store, for the result. Holds no line per file:
 * those go to whoever watches and are forgotten. Touches nothing outside.
 */
import type { AppError } from '../core/errors.js'
import type { HashedFile } from './send-file.js'

/** `missing`: it would have been sent, but only the question was put. `deleted`: its owner deleted this content. */
export type Outcome = 'stored' | 'duplicate' | 'already-there' | 'deleted' | 'missing' | 'failed'

export interface PushedFile {
  /** Its name in reports: relative to the pushed folder. */
  readonly file: string
  /** Lower-case hex; null when the file could not be read. */
  readonly sha256: string | null
  /** The photo it is now; null when it failed, would have been sent, or was left out with a deleted one. */
  readonly photo: string | null
  readonly outcome: Outcome
  readonly sizeBytes: number
  readonly reason?: string
}

export interface FailedFile {
  readonly file: string
  readonly reason: string
  /** The server does not keep such a file (its kind or size), so that pushing it again is no use. */
  readonly refused: boolean
}

export interface PushTotals {
  /** Pictures, videos and sidecars found so far; all of them once `foundAll`. */
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
  /** Of those that are there: taken out of the trash by this push. */
  restored: number
  deleted: number
  missing: number
  /** Bytes of those. */
  missingBytes: number
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
  /** Something that does not stop the push and that its owner should know. */
  | { readonly kind: 'notice'; readonly text: string }

export interface Tally {
  /** Whoever changes a number calls `changed` afterwards. */
  readonly totals: PushTotals
  /** The first so many; `totals.failed` counts all. */
  readonly failures: Iterable<FailedFile>
  /** Whether a file of that name failed, and could be stored another time. */
  isOpen(name: string): boolean
  /** Of all that failed, those that are refused. */
  readonly refused: number
  /** How many entries were left out, by reason. */
  readonly skippedBecause: ReadonlyMap<string, number>
  changed(): void
  skipped(name: string, reason: string): void
  /** A file was read, or its hash remembered. */
  read(sizeBytes: number): void
  settled(file: HashedFile, outcome: Exclude<Outcome, 'failed' | 'missing'>, photo: string | null): void
  /** For a file that could not even be read, and so was not counted among the bytes. */
  unreadable(file: string, reason: string): void
  failed(file: HashedFile, reason: string, refused: boolean): void
  tookOutOfTrash(photos: number): void
  /** Follows one file under way: told how many of its bytes are, in all. */
  follow(): (bytes: number) => void
}

/** Whoever wants them all has the events. */
const failuresMax = 10_000

export interface TallyOptions {
  /** What would be stored only counts as missing. */
  isQuestion?: boolean
  /** Files may come again under their name; then the last outcome counts. */
  comeAgain?: boolean
}

/** `onEvent` must not throw. */
export function makeTally(onEvent: (event: PushEvent) => void, { isQuestion, comeAgain }: TallyOptions = {}): Tally {
  /** By name, or by number where a name stands for one file each time. */
  const failures = new Map<string | number, FailedFile>()
  const skippedBecause = new Map<string, number>()
  let refusals = 0
  const totals: PushTotals = {
    files: 0,
    filesDone: 0,
    bytes: 0,
    bytesDone: 0,
    foundAll: false,
    stored: 0,
    duplicates: 0,
    alreadyThere: 0,
    restored: 0,
    deleted: 0,
    missing: 0,
    missingBytes: 0,
    failed: 0,
    skipped: 0,
    bytesSent: 0,
    requests: 0,
  }
  const changed = () => onEvent({ kind: 'progress', totals })
  /** Whatever became of it before, in a push that sees files again. */
  const forget = (name: string) => {
    const before = failures.get(name)
    if (!before) return
    failures.delete(name)
    totals.failed--
    if (before.refused) refusals--
  }
  const add = (file: PushedFile) => {
    totals.filesDone++
    totals.bytesDone += file.sha256 === null ? 0 : file.sizeBytes
    totals[counterOf[file.outcome]]++
    if (file.outcome === 'missing') totals.missingBytes += file.sizeBytes
    onEvent({ kind: 'file', file, totals })
  }
  const fail = (file: string, sha256: string | null, sizeBytes: number, reason: string, refused: boolean) => {
    if (comeAgain) forget(file)
    if (failures.size < failuresMax) failures.set(comeAgain ? file : failures.size, { file, reason, refused })
    if (refused) refusals++
    add({ file, sha256, photo: null, outcome: 'failed', sizeBytes, reason })
  }
  return {
    totals,
    failures: { [Symbol.iterator]: () => failures.values() },
    isOpen: name => failures.get(name)?.refused === false,
    get refused() {
      return refusals
    },
    skippedBecause,
    changed,
    skipped(_name, reason) {
      totals.skipped++
      skippedBecause.set(reason, (skippedBecause.get(reason) ?? 0) + 1)
      changed()
    },
    read(sizeBytes) {
      totals.files++
      totals.bytes += sizeBytes
      changed()
    },
    settled({ name, sha256, sizeBytes }, outcome, photo) {
      if (comeAgain) forget(name)
      if (outcome !== 'stored' || !isQuestion) add({ file: name, sha256, photo, outcome, sizeBytes })
      else add({ file: name, sha256, photo: null, outcome: 'missing', sizeBytes })
    },
    unreadable(file, reason) {
      totals.files++
      fail(file, null, 0, reason, false)
    },
    failed: ({ name, sha256, sizeBytes }, reason, refused) => fail(name, sha256, sizeBytes, reason, refused),
    tookOutOfTrash(photos) {
      totals.restored += photos
      changed()
    },
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

/** The server does not keep such a file. */
export const isRefusal = ({ kind }: AppError): boolean => kind === 'unsupported_media' || kind === 'too_large'

const counterOf = {
  stored: 'stored',
  duplicate: 'duplicates',
  'already-there': 'alreadyThere',
  deleted: 'deleted',
  missing: 'missing',
  failed: 'failed',
} as const
