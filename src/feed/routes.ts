/** /v1/sync/changes: the feed, page by page. /v1/events: a stream that says when there is more (events.ts). */
import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { z } from 'zod'
import { isAppError } from '../core/errors.js'
import type { Queryable } from '../db/database.js'
import { type Authenticate, bearerOf, callerOf } from '../http/auth.js'
import { pageLimit } from '../http/page-query.js'
import { parseQuery } from '../http/parse-body.js'
import { readSessionCookie } from '../http/session-cookie.js'
import { type ChangesPage, formatCursor, parseCursor, readChanges } from './changes.js'
import type { FeedEvents } from './events.js'

const changesQuery = z.object({
  since: z
    .string()
    .transform((text, context) => {
      const cursor = parseCursor(text)
      if (!cursor) context.addIssue('is not a cursor of this feed. Send one as it was given, or none')
      return cursor
    })
    .optional(),
  limit: pageLimit,
})

export const feedRoutes =
  ({ db }: { db: Queryable }): FastifyPluginAsync =>
  async app => {
    app.get('/v1/sync/changes', async (request, reply) => {
      const { since, limit } = parseQuery(changesQuery, request.query)
      const { changes, cursor, more, reset } = await readChanges(db, callerOf(request), since, limit)
      const rest = JSON.stringify({ cursor: formatCursor(cursor), more, ...(reset && { reset }) }).slice(1)
      reply.type('application/json; charset=utf-8')
      return `{"changes":[${changes.map(asJson).join(',')}],${rest}`
    })
  }

/** Its entry is JSON already. */
function asJson({ now, seq, kind, at, photo, album }: ChangesPage['changes'][number]): string {
  const head = { seq, kind, at, ...(photo !== null && { photo }), ...(album !== null && { album }) }
  return `${JSON.stringify(head).slice(0, -1)},"now":${now}}`
}

export interface EventRoutesDeps {
  events: FeedEvents
  /** For callers who stay: whether they still may. */
  authenticate: Authenticate
}

/** The streams end as soon as the server begins to close. */
export const eventRoutes =
  ({ events, authenticate }: EventRoutesDeps): FastifyPluginAsync =>
  async app => {
    app.addHook('preClose', async () => events.close())

    // Of a stream there is no head alone.
    app.get('/v1/events', { exposeHeadRoute: false }, async (request, reply) => {
      const caller = callerOf(request)
      const credentials = {
        bearer: bearerOf(request.headers.authorization),
        sessionToken: readSessionCookie(request),
      }
      const mayStay = () =>
        authenticate(credentials).then(
          ({ epoch }) => epoch === caller.epoch,
          // A database that doesn't answer revokes nothing.
          error => !isAppError(error, 'unauthenticated') && !isAppError(error, 'misdirected'),
        )
      events.admit(caller, () => ({ stream: begin(reply), mayStay }))
    })
  }

/** From here on the answer is written to Node's response, which has the server's own headers already. */
function begin(reply: FastifyReply): FastifyReply['raw'] {
  reply.hijack()
  // nginx, for one, would keep it back until its buffer is full.
  reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
  return reply.raw
}
