/**
 * What S3 and the SDK say, as AppErrors, by the error's name and status and never by its text. Pure. Whatever isn't known is
 * `unavailable`: trying again loses nothing, while a wrong `not_found` or `invalid` would.
 */
import { AppError, type ErrorKind, isAppError } from '../core/errors.js'

const refused =
  'The S3 service refuses the credentials or what they may do; check access key, secret, region and policy'
const noBucket = 'The S3 bucket does not exist; create it, or correct its name'

/** What services say of a body that doesn't have the SHA-256 it was signed with, or came with. */
const wrongHashNames = ['XAmzContentSHA256Mismatch', 'BadDigest', 'InvalidDigest']

const byName: Record<string, { kind: ErrorKind; message: string }> = {
  NoSuchKey: { kind: 'not_found', message: 'There is no such object' },
  NoSuchUpload: { kind: 'not_found', message: 'There is no such multipart: it was completed, aborted or never begun' },
  // Not `not_found`: a wrong name must not read as lost objects.
  NoSuchBucket: { kind: 'unavailable', message: noBucket },
  PreconditionFailed: { kind: 'conflict', message: 'An object of this key exists already' },
  InvalidRange: { kind: 'invalid', message: 'The byte range starts beyond the end of the object' },
  InvalidPart: {
    kind: 'invalid',
    message: 'A part is not among those uploaded, was replaced, or is not named; name what uploadPart answered last',
  },
  InvalidPartOrder: { kind: 'invalid', message: 'The parts are not in the order of their numbers' },
  EntityTooSmall: { kind: 'invalid', message: 'A part is smaller than 5 MiB and not the last one' },
  EntityTooLarge: { kind: 'invalid', message: 'The object is larger than S3 takes in one piece; send it in parts' },
  // A clock that is off is put right after the first answer.
  RequestTimeTooSkewed: { kind: 'unavailable', message: "The S3 service says this machine's clock is wrong; set it" },
  ...Object.fromEntries(
    wrongHashNames.map(name => [
      name,
      { kind: 'invalid' as const, message: "The bytes don't have the SHA-256 that was announced for them" },
    ]),
  ),
  ...Object.fromEntries(
    [
      'AccessDenied',
      'AuthorizationHeaderMalformed',
      'CredentialsProviderError',
      'ExpiredToken',
      'InvalidAccessKeyId',
      'InvalidToken',
      'SignatureDoesNotMatch',
      'TokenProviderError',
    ].map(name => [name, { kind: 'forbidden' as const, message: refused }]),
  ),
}

/**
 * An error that S3 answered, as far as it may be kept and logged: the SDK's own holds the request with its signature, and the
 * connection.
 */
export class S3Failure extends Error {
  override readonly name: string
  readonly status: number | undefined
  readonly requestId: string | undefined

  constructor(name: string, message: string, status?: number, requestId?: string) {
    super(message)
    this.name = name
    this.status = status
    this.requestId = requestId
  }
}

/** The AppError for what an S3 call threw; an AppError as it is. Its cause is an S3Failure, or the connection's error. */
export function s3Error(error: unknown): AppError {
  if (error instanceof AppError) return error
  const cause = withoutRequest(error)
  const status = statusOf(cause)
  const known = error instanceof Error ? knownError(error.name) : undefined
  if (known) return new AppError(known.kind, known.message, { cause })
  if (status === undefined) {
    return new AppError('unavailable', "The S3 service can't be reached or doesn't answer; try again", { cause })
  }
  if (status === 401 || status === 403) return new AppError('forbidden', refused, { cause })
  if (status === 412) return new AppError('conflict', 'An object of this key exists already', { cause })
  if (status === 416) return new AppError('invalid', 'The byte range starts beyond the end of the object', { cause })
  return new AppError('unavailable', `The S3 service answers with an error (${status}); try again`, { cause })
}

/** True when the service refused a body because of its hash. */
export function isWrongHash(error: unknown): error is AppError {
  return isAppError(error) && error.cause instanceof S3Failure && wrongHashNames.includes(error.cause.name)
}

/** A key's error in the answer of DeleteObjects. */
export function deleteError(code: string | undefined): AppError {
  const known = code === undefined ? undefined : knownError(code)
  return new AppError(
    known?.kind ?? 'unavailable',
    known?.message ?? 'The S3 service failed to delete an object; try again',
    {
      cause: new S3Failure(code ?? 'NoCode', 'DeleteObjects failed for a key'),
    },
  )
}

/** What `check` says: which service and bucket, what is wrong, and what to do. */
export function checkError(error: unknown, bucket: string, place: string): AppError {
  const { kind, message, cause } = s3Error(error)
  const status = statusOf(cause)
  const fail = (text: string) => new AppError(kind, text, { cause })
  if (status === 404) return fail(`The bucket ${bucket} does not exist at ${place}; create it, or correct its name`)
  if (status === 301 || status === 307) {
    return fail(`The bucket ${bucket} is not at ${place}; correct its region or endpoint`)
  }
  if (kind === 'forbidden') {
    return fail(
      `${place} refuses the credentials for the bucket ${bucket}; check access key, secret, region and the bucket's policy`,
    )
  }
  if (cause !== undefined && status === undefined) {
    return fail(`No S3 service answers at ${place}; start it, or correct the endpoint`)
  }
  return fail(`The bucket ${bucket} at ${place} can't be used: ${message}`)
}

/** The HTTP status that an AppError's cause came with, or undefined when there was no answer. */
export function statusOf(cause: unknown): number | undefined {
  return cause instanceof S3Failure ? cause.status : undefined
}

/** Names come from outside: `constructor` is none. */
function knownError(name: string): { kind: ErrorKind; message: string } | undefined {
  return Object.hasOwn(byName, name) ? byName[name] : undefined
}

function withoutRequest(error: unknown): unknown {
  if (!(error instanceof Error) || !('$metadata' in error)) return error
  const metadata = error.$metadata as { httpStatusCode?: number; requestId?: string } | undefined
  const failure = new S3Failure(error.name, error.message, metadata?.httpStatusCode, metadata?.requestId)
  if (error.stack !== undefined) failure.stack = error.stack
  return failure
}
