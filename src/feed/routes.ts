/** /v1/sync/changes: the feed, page by page. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { Queryable } from '../db/database.js'
import { callerOf } from '../http/auth.js'
import { pageLimit } from '../http/page-query.js'
import { parseQuery } from '../http/parse-body.js'
import { formatCursor, parseCursor, readChanges } from './changes.js'

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
    app.get('/v1/sync/changes', async request => {
      const { since, limit } = parseQuery(changesQuery, request.query)
      const { changes, cursor, more } = await readChanges(db, callerOf(request), since, limit)
      return { changes, cursor: formatCursor(cursor), more }
    })
  }
