/** The one place that knows which HTTP status each kind of error is. */
import type { ErrorKind } from '../core/errors.js'

export const statusOf: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  unsupported_media: 415,
  checksum_mismatch: 460, // as tus 1.0 names it
  misdirected: 421,
  held: 423,
  too_many: 429,
  unavailable: 503,
}
