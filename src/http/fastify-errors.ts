/** What Fastify itself rejects, in our words: told apart by its error codes, https://fastify.dev/docs/latest/Reference/Errors/ */
import { AppError, type ErrorKind } from '../core/errors.js'

const known: Readonly<Record<string, readonly [ErrorKind, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['too_large', 'The body is larger than this request may be. Send less at once'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media', 'Send the body as application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid', 'The body is not as long as Content-Length says. Send it again'],
  FST_ERR_BAD_URL: ['invalid', 'The address holds a percent sign that encodes nothing. Encode it again'],
}

/** Undefined for what isn't the request's fault. */
export function fromFastify(error: unknown): AppError | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, statusCode } = error as Error & { code?: unknown; statusCode?: unknown }
  if (typeof code !== 'string' || !code.startsWith('FST_')) return undefined
  const entry = known[code]
  if (entry) return new AppError(entry[0], entry[1], { cause: error })
  const theirs = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
  return theirs ? new AppError('invalid', 'The request is not well formed', { cause: error }) : undefined
}
