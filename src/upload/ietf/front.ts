/**
 * The IETF front: draft-ietf-httpbis-resumable-upload over the engine, in the versions that dialect.ts names. Errors are answered as
 * problem+json, with the draft's types where it has them.
 *
 * Two things are answered by ending the connection, because clients of this draft (iOS's URLSession above all) resume an upload
 * after a break and give it up on any other answer: a request that a newer one took over or that can't have the upload yet (`held`;
 * "the server MAY abruptly terminate the previous HTTP connection or stream"), and a creation that failed for our own reasons
 * after a 104 had said where its upload is.
 *
 * The rest of a body that nobody reads is the HTTP server's to deal with (src/http/rest-of-body.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../../accounts/caller.js'
import { type Clock, systemClock } from '../../core/clock.js'
import { isAppError } from '../../core/errors.js'
import { type Problem, problem, toProblem, writeProblem } from '../../http/problem.js'
import type { Report } from '../../http/report.js'
import { BodyBroken } from '../append.js'
import type { Engine } from '../contract.js'
import { commonHeaders, type Headers, offer, typeOf } from './answers.js'
import { breakOff, isOpen } from './connection.js'
import { type Dialect, dialectOf, partialUpload } from './dialect.js'
import { type Exchange, type Handler, makeHandlers } from './handlers.js'

export { offer as ietfOffer } from './answers.js'
export { isIetf } from './dialect.js'

export interface IetfFrontDeps {
  engine: Engine
  /** Where uploads are, e.g. /v1/uploads; requests are for it or for what is below it. */
  path: string
  report: Report
  /** For how long an upload still lives; default: the system's. */
  clock?: Clock
}

/** `caller` is undefined for OPTIONS only, which needs none. Resolves when our own work on the request has ended. */
export type IetfFront = (req: IncomingMessage, res: ServerResponse, caller: Caller | undefined) => Promise<void>

export function makeIetfFront({ engine, path, report, clock = systemClock }: IetfFrontDeps): IetfFront {
  const { create, append, find, cancel } = makeHandlers(engine, { path, clock })
  const ofCollection: Methods = { POST: create, PUT: create }
  const ofUpload: Methods = { HEAD: find, GET: find, PATCH: append, DELETE: cancel }

  const refuse = (error: unknown, { req, res, dialect, known, isAnnounced }: Exchange): void => {
    // A connection that broke is no failure of anybody's.
    if (!(error instanceof BodyBroken)) {
      const requestId = String(res.getHeader('X-Request-Id') ?? '')
      report(error, { requestId, method: req.method ?? '', route: path })
    }
    const refusal = explain(error, dialect)
    const isOurs = isAnnounced && refusal.status >= 500
    if (error instanceof BodyBroken || isAppError(error, 'held') || isOurs) breakOff(res)
    else answer(res, dialect, { ...refusal, headers: { ...known, ...refusal.headers } })
  }

  return async (req, res, caller) => {
    const dialect = dialectOf(req.headers)
    const id = (req.url ?? '').split('?')[0]?.slice(path.length + 1) ?? ''
    const methods = id === '' ? ofCollection : ofUpload
    const Allow = ['OPTIONS', ...Object.keys(methods)].join(', ')
    if (req.method === 'OPTIONS') return answer(res, dialect, { status: 200, headers: { ...offer, Allow } })
    if (!caller) throw new Error('an upload was asked for by nobody')
    const handle = methods[methodOf(req)]
    if (!handle) {
      const refusal = problem(405, 'method_not_allowed', `What is understood here: ${Allow}`)
      return answer(res, dialect, { status: 405, headers: { Allow }, problem: refusal })
    }
    const exchange: Exchange = { req, res, caller, dialect, id, known: {}, isAnnounced: false }
    try {
      const { status, headers } = await handle(exchange)
      answer(res, dialect, { status, headers: { ...exchange.known, ...headers } })
    } catch (error) {
      refuse(error, exchange)
    }
  }
}

type Methods = Readonly<Record<string, Handler>>

/** Where a client can't send PATCH or DELETE it says so in a header. */
function methodOf({ method = '', headers }: IncomingMessage): string {
  const override = headers['x-http-method-override']
  return method === 'POST' && typeof override === 'string' ? override.toUpperCase() : method
}

interface Told {
  status: number
  headers: Headers
  problem?: Problem
}

function explain(error: unknown, dialect: Dialect): Told {
  const { status: usual, headers: general, body } = toProblem(error)
  const status = statusOf(error, dialect) ?? usual
  const headers: Headers = {}
  if (isAppError(error, 'too_large')) headers['Upload-Limit'] = offer['Upload-Limit']
  if (isAppError(error, 'unsupported_media')) headers['Accept-Patch'] = partialUpload
  return { status, headers, problem: { status, headers: general, body: { ...body, ...typeOf(error), status } } }
}

/** Where it isn't the one of src/http/error-table.ts. */
function statusOf(error: unknown, { endedStatus }: Dialect): number | undefined {
  if (isAppError(error, 'gone')) return endedStatus
  // 460 is tus' alone; the problem types of digests come with this one.
  return isAppError(error, 'checksum_mismatch') ? 400 : undefined
}

/** Says nothing where nobody listens any more. */
function answer(res: ServerResponse, dialect: Dialect, { status, headers, problem }: Told): void {
  if (!isOpen(res)) return
  const all = { ...commonHeaders(dialect), ...headers }
  if (problem) {
    writeProblem(res, problem, all)
    return
  }
  res.writeHead(status, status === 204 ? all : { ...all, 'Content-Length': 0 })
  res.end()
}
