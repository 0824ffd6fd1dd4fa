/** /v1/duplicates: which photos are the same picture, which are of one moment, and which of each to keep. Removes nothing. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import { isId } from '../../core/ids.js'
import type { Queryable } from '../../db/database.js'
import { callerOf } from '../../http/auth.js'
import { parseQuery } from '../../http/parse-body.js'
import { groupClasses } from './duplicates.js'
import { readGroups } from './groups-sql.js'

/** Groups in a page: each brings its photos along. */
const groupsMax = 200

const groupsQuery = z.object({
  class: z.enum(groupClasses, { error: `must be ${groupClasses.join(' or ')}` }).default('same'),
  after: z
    .string()
    .refine(text => text === '' || isId(text), {
      error: 'is not a cursor of this list. Send one as it was given, or none',
    })
    .default(''),
  limit: z
    .string()
    .regex(/^\d{1,6}$/, { error: 'must be a whole number' })
    .transform(Number)
    .pipe(z.number().min(1).max(groupsMax))
    .default(100),
})

export const duplicateRoutes =
  ({ db }: { db: Queryable }): FastifyPluginAsync =>
  async app => {
    app.get('/v1/duplicates', async request => {
      const { class: of, after, limit } = parseQuery(groupsQuery, request.query)
      return readGroups(db, callerOf(request), of, { after, limit })
    })
  }
