/**
 * Operating errors: things that go wrong in a program that is right. `kind` names the fact; src/http/error-table.ts alone
 * knows which HTTP status that is. `message` is public: it says what was wrong and what to do, and holds nothing personal.
 * A programmer's error is not one of these: it is an assertion and ends as 500.
 */
export const errorKinds = [
  'invalid', // the input breaks a rule of the interface
  'unauthenticated', // no credentials, or wrong ones
  'forbidden', // known caller, not allowed
  'not_found', // isn't there, or isn't the caller's to know of
  'conflict', // the state moved on: look again and retry
  'gone', // was there and has ended
  'too_large', // beyond a limit in core/limits.ts
  'unsupported_media', // not a kind of file that is kept here
  'checksum_mismatch', // the bytes aren't what their sender said
  'misdirected', // the person's home is another region
  'held', // someone else works on it right now; soon free
  'too_many', // a rate or a quota; retry later
  'unavailable', // something we depend on doesn't answer; retry later
] as const

export type ErrorKind = (typeof errorKinds)[number]

export interface AppErrorOptions {
  cause?: unknown
  /** For `held`, `too_many` and `unavailable`: when to come back. */
  retryAfterSeconds?: number
  /** Machine-readable facts for the answer, e.g. `{ offset: 4096 }`. Never personal. */
  facts?: Readonly<Record<string, string | number | boolean>>
}

export class AppError extends Error {
  override readonly name = 'AppError'
  readonly kind: ErrorKind
  readonly retryAfterSeconds: number | undefined
  readonly facts: Readonly<Record<string, string | number | boolean>>

  constructor(kind: ErrorKind, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.kind = kind
    this.retryAfterSeconds = options.retryAfterSeconds
    this.facts = options.facts ?? {}
  }
}

/** True for an AppError, and of that kind when one is named. */
export function isAppError(error: unknown, kind?: ErrorKind): error is AppError {
  return error instanceof AppError && (kind === undefined || error.kind === kind)
}
