/** /v1/photos/trash, /v1/photos/restore and /v1/trash: throwing photos away, having them back, and deleting them for good. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { Clock } from '../../core/clock.js'
import type { Database } from '../../db/database.js'
import { callerOf } from '../../http/auth.js'
import { pageLimit } from '../../http/page-query.js'
import { parseBody, parseQuery } from '../../http/parse-body.js'
import type { Signals } from '../../queue/signals.js'
import { photoIds } from '../photo-ids.js'
import { deleteTrashed, emptyTrash, listTrash, parseTrashCursor, takeOutOfTrash, trashPhotos } from './trash.js'

export interface TrashDeps {
  db: Database
  clock: Clock
  signals: Pick<Signals, 'publish'>
}

const photosBody = z.object({ photos: photoIds })
const emptyBody = z.object({ photos: photoIds.optional() })

const trashQuery = z.object({
  cursor: z
    .string()
    .transform((text, context) => {
      const cursor = parseTrashCursor(text)
      if (!cursor) context.addIssue('is not a cursor of the trash. Send one as it was given, or none')
      return cursor
    })
    .optional(),
  limit: pageLimit,
})

export const trashRoutes =
  ({ db, clock, signals }: TrashDeps): FastifyPluginAsync =>
  async app => {
    app.post('/v1/photos/trash', async request => {
      const { photos } = parseBody(photosBody, request.body)
      const caller = callerOf(request)
      const trashed = await trashPhotos(db, caller, { photos, now: clock.now() })
      if (trashed > 0) await signals.publish('feed', caller.person)
      return { trashed }
    })

    app.post('/v1/photos/restore', async request => {
      const { photos } = parseBody(photosBody, request.body)
      const caller = callerOf(request)
      const restored = await takeOutOfTrash(db, caller, { photos, now: clock.now() })
      if (restored > 0) await signals.publish('feed', caller.person)
      return { restored }
    })

    app.get('/v1/trash', async request => {
      const { cursor, limit } = parseQuery(trashQuery, request.query)
      return listTrash(db, callerOf(request), { after: cursor, limit })
    })

    app.post('/v1/trash/empty', async request => {
      const { photos } = parseBody(emptyBody, request.body)
      const caller = callerOf(request)
      const now = clock.now()
      const deleted = await (photos ? deleteTrashed(db, caller, { photos, now }) : emptyTrash(db, caller, now))
      if (deleted > 0) {
        await signals.publish('feed', caller.person)
        await signals.publish('outbox', '')
      }
      return { deleted }
    })
  }
