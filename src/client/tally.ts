/**
 * What a push has done so far: counts for whoever watches, and what it did not store, for the result. Holds no line per file but
 * for those under way, whose number is bounded by the queues: when all is said of a file, whoever watches has it, and it is
 * forgotten. Touches nothing outside.
 */
import type { AppError } from '../core/errors.js'
import type { FailedFile, Outcome, PushEvent, PushedFile, PushResult, PushTotals } from './push-events.js'
import type { HashedFile } from './send-file.js'

export interface Tally {
  /** Whoever changes a number calls `changed` afterwards. */
  readonly totals: PushTotals
  /** The first so many; `totals.failed` counts all. */
  readonly failures: Iterable<FailedFile>
  /** Whether a file of that name failed, could be stored another time, and is not under way again. */
  isOpen(name: string): boolean
  /** It counts as a failure no longer: the file is gone, say. For a push that sees files again. */
  forget(name: string): void
  /** Of all that failed, those that are refused. */
  readonly refused: number
  /** How many entries were left out, by reason. */
  readonly skippedBecause: ReadonlyMap<string, number>
  changed(): void
  skipped(name: string, reason: string): void
  /** A file is to be read and sent: from here on it has no outcome until one of the four below. */
  found(name: string): void
  /** A file was read, or its hash remembered. */
  read(sizeBytes: number): void
  settled(file: HashedFile, outcome: Exclude<Outcome, 'failed' | 'missing'>, photo: string | null): void
  /** For a file or folder that could not even be read, and so was not counted among the bytes. */
  unreadable(file: string, reason: string): void
  failed(file: HashedFile, reason: string, refused: boolean): void
  /** The push ends: of files that were found and have no outcome this becomes it. */
  leftOpen(reason: string): void
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
  /** Files under way: how many of that name. */
  const open = new Map<string, number>()
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
  /** False when it wasn't open. */
  const close = (name: string): boolean => {
    const count = open.get(name) ?? 0
    if (count > 1) open.set(name, count - 1)
    else open.delete(name)
    return count > 0
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
    isOpen: name => !open.has(name) && failures.get(name)?.refused === false,
    forget(name) {
      forget(name)
      changed()
    },
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
    found(name) {
      open.set(name, (open.get(name) ?? 0) + 1)
      totals.files++
      changed()
    },
    read(sizeBytes) {
      totals.bytes += sizeBytes
      changed()
    },
    settled({ name, sha256, sizeBytes }, outcome, photo) {
      close(name)
      if (comeAgain) forget(name)
      if (outcome !== 'stored' || !isQuestion) add({ file: name, sha256, photo, outcome, sizeBytes })
      else add({ file: name, sha256, photo: null, outcome: 'missing', sizeBytes })
    },
    unreadable(file, reason) {
      if (!close(file)) totals.files++
      fail(file, null, 0, reason, false)
    },
    failed({ name, sha256, sizeBytes }, reason, refused) {
      close(name)
      fail(name, sha256, sizeBytes, reason, refused)
    },
    leftOpen(reason) {
      for (const [name, count] of open) times(count, () => fail(name, null, 0, reason, false))
      open.clear()
    },
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

function times(count: number, act: () => void): void {
  for (let i = 0; i < count; i++) act()
}

/** But for its time. */
export function resultOf(tally: Tally): Omit<PushResult, 'seconds'> {
  const { totals, refused, skippedBecause } = tally
  const { stored, duplicates, alreadyThere, restored, deleted, missing, missingBytes, skipped } = totals
  const { failed: failures, bytesSent, requests } = totals
  return {
    ...{ stored, duplicates, alreadyThere, restored, deleted, missing, missingBytes, skipped },
    ...{ failures, refused, failed: [...tally.failures] },
    ...{ skippedBecause: Object.fromEntries(skippedBecause), bytesSent, requests },
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
