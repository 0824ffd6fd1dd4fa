/** /v1/sync/check: what a handset needn't send. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import { limits } from '../../core/limits.js'
import type { Queryable } from '../../db/database.js'
import { callerOf } from '../../http/auth.js'
import { parseBody } from '../../http/parse-body.js'
import { checkContents } from './check.js'

const checkBody = z.strictObject({
  sha256: z
    .array(z.string().regex(/^[0-9a-fA-F]{64}$/, { error: 'must be a SHA-256 in 64 hexadecimal digits' }))
    .max(limits.checkHashes),
})

export const checkRoutes =
  ({ db }: { db: Queryable }): FastifyPluginAsync =>
  async app => {
    app.post('/v1/sync/check', { config: { gallery: true } }, async (request, reply) => {
      const { sha256 } = parseBody(checkBody, request.body)
      reply.type('application/json; charset=utf-8')
      return checkContents(db, callerOf(request), sha256)
    })
  }
