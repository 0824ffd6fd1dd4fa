/** Which answered errors the log hears of, and what of them: never a request's content, and of a database error no values. */
import { isAppError } from '../core/errors.js'
import { describeError } from '../observe/describe-error.js'
import type { Log } from '../observe/log.js'
import type { Metrics } from '../observe/metrics.js'
import { fromFastify } from './fastify-errors.js'

export type Report = (error: unknown, facts: { requestId: string; method: string; route: string }) => void

/** Counts every error; logs the unexpected ones as errors, and what did not answer us as a warning. */
export function makeReport(log: Log, metrics: Metrics): Report {
  return (thrown, facts) => {
    const error = isAppError(thrown) ? thrown : fromFastify(thrown)
    metrics.httpErrors.inc({ kind: error?.kind ?? 'internal' })
    if (!error) log.error({ ...facts, error: describeError(thrown) }, 'a request failed unexpectedly')
    // What is gone by our own doing has a cause.
    else if (error.kind === 'unavailable' || (error.kind === 'gone' && error.cause !== undefined))
      log.warn({ ...facts, error: describeError(error) }, 'a request could not be served')
  }
}
