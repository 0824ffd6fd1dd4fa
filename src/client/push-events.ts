/** What a push tells while it runs, and what it has done when it ends. */

/**
 * `missing`: it would have been sent, but only the question was put. `deleted`: it was left out because its owner deleted this
 * content, or the photo that it is a part of: an edit that is new goes with its photo.
 */
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
  /** Contents that were there by the time they came, and further files of the same content. */
  duplicates: number
  /** Files that did not have to be sent: the server said it has them. */
  alreadyThere: number
  /** Of these, taken out of the trash because of `restore`. */
  restored: number
  /** Files that were not sent because their owner deleted their content, or the photo that they are a part of. */
  deleted: number
  /** With `dryRun`: files that would have been sent, and their bytes. */
  missing: number
  missingBytes: number
  failed: number
  /** Entries that are nothing to send. */
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
  /** The last one, however the push ends. With an error: it ended before all was done, and `push` rejects with it. */
  | { readonly kind: 'end'; readonly result: PushResult; readonly error?: unknown }

export interface PushResult
  extends Pick<
    PushTotals,
    | 'stored'
    | 'duplicates'
    | 'alreadyThere'
    | 'restored'
    | 'deleted'
    | 'missing'
    | 'missingBytes'
    | 'skipped'
    | 'bytesSent'
    | 'requests'
  > {
  /** The first ten thousand of `failures`. */
  failed: readonly FailedFile[]
  /** Files that were not stored. */
  failures: number
  /** Of these, files that the server does not keep (their kind, their size). */
  refused: number
  skippedBecause: Readonly<Record<string, number>>
  seconds: number
}
