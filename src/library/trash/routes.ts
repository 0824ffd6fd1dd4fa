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

const photosBody = z.strictObject({ photos: photoIds })

/** Everything goes only by a word of its own, so that no list that was forgotten or misspelt deletes more than was meant. */
const emptyBody = z
  .strictObject({
    photos: photoIds.optional(),
    all: z.literal(true, { error: 'must be true' }).optional(),
    before: z.iso
      .datetime({ offset: true, error: 'must be a date and time with its zone, such as 2025-06-01T12:30:00Z' })
      .transform(text => new Date(text))
      .optional(),
  })
  .refine(({ photos, all }) => (photos === undefined) !== (all === undefined), {
    error: 'must say either photos or all, which is true',
  })

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
      const { photos, before } = parseBody(emptyBody, request.body)
      const caller = callerOf(request)
      const now = clock.now()
      const deleted = await (photos
        ? deleteTrashed(db, caller, { photos, now, trashedBefore: before })
        : emptyTrash(db, caller, { now, before }))
      if (deleted > 0) {
        await signals.publish('feed', caller.person)
        await signals.publish('outbox', '')
      }
      return { deleted }
    })
  }
