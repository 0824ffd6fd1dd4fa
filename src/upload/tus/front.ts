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
import type { Log } from '../../observe/log.js'
import { BodyBroken } from '../append.js'
import type { Engine } from '../engine.js'
import { type Answer, head, patch, post, remove } from './handlers.js'
import { UploadStore } from './store.js'

export interface TusFrontDeps {
  engine: Engine
  /** Where uploads are, e.g. /v1/uploads. Locations are relative to the origin, so they are right behind any proxy. */
  path: string
  log: Log
}

/** `caller` is undefined for OPTIONS only, which needs none. */
export type TusFront = (req: IncomingMessage, res: ServerResponse, caller: Caller | undefined) => Promise<void>

export function makeTusFront({ engine, path, log }: TusFrontDeps): TusFront {
  const store = new UploadStore(engine)
  const server = new Server({
    path,
    datastore: store,
    maxSize: limits.uploadSizeBytes,
    relativeLocation: true,
    allowedOrigins: [],
  })

  const handler = (answer: (req: IncomingMessage) => Promise<Answer>) => ({
    send: async (req: { runtime?: { node?: { req: IncomingMessage } } }, _context: unknown, headers: Headers) => {
      const node = req.runtime?.node?.req
      if (!node) throw new Error('not a Node request')
      const { status, headers: own, body } = await answer(node).catch(error => explain(error, node, log))
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
      res.writeHead(412, { 'Tus-Resumable': '1.0.0', 'Tus-Version': '1.0.0', 'Content-Type': 'text/plain' })
      res.end('This server speaks tus 1.0.0\n')
      return
    }
    if (caller) await store.as(caller, () => server.handle(req, res))
    else await server.handle(req, res)
  }
}

/** Errors as tus answers them: a status, a sentence, and where the upload is when that is the trouble. */
function explain(error: unknown, req: IncomingMessage, log: Log): Answer {
  // A connection that broke has nobody to tell.
  if (error instanceof BodyBroken)
    return { status: 408, headers: { Connection: 'close' }, body: 'The request broke off\n' }
  if (!isAppError(error)) log.error({ err: error }, 'an upload request failed')
  const told = isAppError(error) ? error : new AppError('unavailable', 'Something went wrong on our side. Try again')
  const status = isAppError(error) ? statusOf[error.kind] : 500
  const headers: Record<string, string> = { 'Content-Type': 'text/plain; charset=utf-8' }
  if (told.retryAfterSeconds !== undefined) headers['Retry-After'] = String(told.retryAfterSeconds)
  if (typeof told.facts.offset === 'number') headers['Upload-Offset'] = String(told.facts.offset)
  // A long body that nobody will read: closing is cheaper for both sides than reading it to its end.
  if (!req.readableEnded && Number(req.headers['content-length'] ?? Infinity) > limits.smallUploadBytes)
    headers.Connection = 'close'
  return { status, headers, body: `${told.message}\n` }
}
