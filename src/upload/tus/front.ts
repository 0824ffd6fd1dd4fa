/** The tus 1.0 front of the engine. It answers as tus says, in plain text: errors too. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../../accounts/caller.js'
import { isAppError } from '../../core/errors.js'
import { statusOf } from '../../http/error-table.js'
import type { Report } from '../../http/report.js'
import { BodyBroken } from '../append.js'
import type { Engine } from '../contract.js'
import { receiptHeaders } from '../receipt.js'
import type { Answer } from './answer.js'
import { makeHandlers } from './handlers.js'
import { TusServer } from './server.js'

export interface TusFrontDeps {
  engine: Engine
  /** Where uploads are, e.g. /v1/uploads; requests are for it or for what is below it. */
  path: string
  report: Report
}

/** `caller` is undefined for OPTIONS only, which needs none. Headers that were set on the response before go out too. */
export type TusFront = (req: IncomingMessage, res: ServerResponse, caller: Caller | undefined) => Promise<void>

export function makeTusFront({ engine, path, report }: TusFrontDeps): TusFront {
  const explain = (error: unknown, res: ServerResponse, method: string): Answer | undefined => {
    // A connection that broke is no failure of anybody's, and has nobody to tell.
    if (error instanceof BodyBroken) return undefined
    report(error, { requestId: String(res.getHeader('X-Request-Id') ?? ''), method, route: path })
    return toAnswer(error)
  }
  const server = new TusServer({ path, handlers: makeHandlers(engine, path), explain })
  return (req, res, caller) => server.handle(req, res, caller)
}

/** A status, a sentence, and where the upload is when that is the trouble, with its receipt when it is stored. */
function toAnswer(error: unknown): Answer {
  if (!isAppError(error)) return { status: 500, headers: {}, text: 'Something went wrong on our side. Try again' }
  const { kind, message, retryAfterSeconds, facts } = error
  const headers: Record<string, string> = {}
  if (retryAfterSeconds !== undefined) headers['Retry-After'] = String(Math.ceil(retryAfterSeconds))
  if (typeof facts.offset === 'number') headers['Upload-Offset'] = String(facts.offset)
  if (typeof facts.photo === 'string') {
    const { photo, duplicate, deleted } = facts
    Object.assign(headers, receiptHeaders({ photo, duplicate: duplicate === true, deleted: deleted === true }))
  }
  return { status: statusOf[kind], headers, text: message }
}
