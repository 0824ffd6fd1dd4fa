/**
 * The tus front: tus-node-server's Server with our store and handlers. It answers as tus says, in plain text, and puts
 * Tus-Resumable on every answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server } from '@tus/server'
import type { Caller } from '../../accounts/caller.js'
import { AppError, isAppError } from '../../core/errors.js'
import { limits } from '../../core/limits.js'
import { statusOf } from '../../http/error-table.js'
import type { Report } from '../../http/report.js'
import { BodyBroken } from '../append.js'
import type { Engine } from '../engine.js'
import { type Answer, bodyType, head, patch, post, remove } from './handlers.js'
import { readAway } from './read-away.js'
import { UploadStore } from './store.js'

export interface TusFrontDeps {
  engine: Engine
  /** Where uploads are, e.g. /v1/uploads. Locations are relative to the origin, so they are right behind any proxy. */
  path: string
  report: Report
}

/** `caller` is undefined for OPTIONS only, which needs none. */
export type TusFront = (req: IncomingMessage, res: ServerResponse, caller: Caller | undefined) => Promise<void>

/** What tus-node-server hands to its handlers. */
interface NodeBacked {
  runtime?: { node?: { req: IncomingMessage; res?: ServerResponse } }
}

export function makeTusFront({ engine, path, report }: TusFrontDeps): TusFront {
  const store = new UploadStore(engine)
  const server = new Server({
    path,
    datastore: store,
    maxSize: limits.uploadSizeBytes,
    relativeLocation: true,
    allowedOrigins: [],
  })

  const answers = new WeakMap<IncomingMessage, Promise<Answer>>()
  const handler = (answer: (req: IncomingMessage) => Promise<Answer>) => ({
    send: async (req: NodeBacked, _context: unknown, headers: Headers) => {
      const { req: node, res } = req.runtime?.node ?? {}
      if (!node || !res) throw new Error('not a Node request')
      const answered = answer(node).catch(error => {
        const requestId = String(res.getHeader('X-Request-Id') ?? '')
        // A connection that broke is no failure of anybody's.
        if (!(error instanceof BodyBroken)) report(error, { requestId, method: node.method ?? '', route: path })
        return explain(error)
      })
      answers.set(node, answered)
      const { status, headers: own, body } = await answered
      readAway(node)
      for (const [name, value] of Object.entries(own)) headers.set(name, value)
      return new Response(node.method === 'HEAD' ? null : (body ?? null), { status, headers })
    },
  })
  const idOf = (req: IncomingMessage) => (req.url ?? '').split('?')[0]?.slice(path.length + 1) ?? ''
  Object.assign(server.handlers, {
    POST: handler(req => post(store, req, path)),
    PATCH: handler(req => patch(store, req, idOf(req))),
    HEAD: handler(req => head(store, idOf(req))),
    DELETE: handler(req => remove(store, idOf(req))),
  })

  return async (req, res, caller) => {
    // Where a client can't send PATCH or DELETE it says so in a header ("X-HTTP-Method-Override").
    const override = req.headers['x-http-method-override']
    if (req.method === 'POST' && typeof override === 'string') req.method = override.toUpperCase()
    if (req.method !== 'OPTIONS' && req.headers['tus-resumable'] !== '1.0.0') {
      refuse(req, res, 412, 'This server speaks tus 1.0.0', { 'Tus-Version': '1.0.0' })
      return
    }
    // The stock server would call it 400.
    if (req.method === 'PATCH' && req.headers['content-type'] !== bodyType) {
      refuse(req, res, 415, `A PATCH needs Content-Type: ${bodyType}`)
      return
    }
    // Sending an answer has no end where the connection has gone. Our own work on the request has one, and is waited for.
    const gone = closed(res).then(() => answers.get(req))
    const handled = caller ? store.as(caller, () => server.handle(req, res)) : server.handle(req, res)
    await Promise.race([handled, gone])
  }
}

function closed(res: ServerResponse): Promise<void> {
  return new Promise(resolve => (res.closed ? resolve() : res.once('close', () => resolve())))
}

/** What is told before the server sees the request. */
function refuse(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  sentence: string,
  headers: Record<string, string> = {},
): void {
  readAway(req)
  res.writeHead(status, { 'Tus-Resumable': '1.0.0', 'Content-Type': textType, ...headers })
  res.end(`${sentence}\n`)
}

const textType = 'text/plain; charset=utf-8'

/** Errors as tus answers them: a status, a sentence, and where the upload is when that is the trouble. */
function explain(error: unknown): Answer {
  // A connection that broke has nobody to tell.
  if (error instanceof BodyBroken) return { status: 408, headers: {}, body: 'The request broke off\n' }
  const told = isAppError(error) ? error : new AppError('unavailable', 'Something went wrong on our side. Try again')
  const status = isAppError(error) ? statusOf[error.kind] : 500
  const headers: Record<string, string> = { 'Content-Type': textType }
  if (told.retryAfterSeconds !== undefined) headers['Retry-After'] = String(told.retryAfterSeconds)
  if (typeof told.facts.offset === 'number') headers['Upload-Offset'] = String(told.facts.offset)
  return { status, headers, body: `${told.message}\n` }
}
