/** /v1/albums: photos under a name. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { Clock } from '../../core/clock.js'
import { AppError } from '../../core/errors.js'
import { isId } from '../../core/ids.js'
import { limits } from '../../core/limits.js'
import type { Database } from '../../db/database.js'
import { callerOf } from '../../http/auth.js'
import { pageLimit } from '../../http/page-query.js'
import { parseBody, parseQuery } from '../../http/parse-body.js'
import type { Signals } from '../../queue/signals.js'
import { photoIds } from '../photo-ids.js'
import { parseTimelineCursor } from '../timeline.js'
import { addToAlbum, albumName, deleteAlbum, listAlbum, listAlbums, putAlbum, removeFromAlbum } from './albums.js'

export interface AlbumDeps {
  db: Database
  clock: Clock
  signals: Pick<Signals, 'publish'>
}

const albumBody = z.strictObject({
  name: z.string().transform((text, context) => {
    const name = albumName(text)
    if (name === undefined) {
      context.addIssue(`must have 1 to ${limits.albumNameChars} characters, on one line`)
      return z.NEVER
    }
    return name
  }),
})

const photosBody = z.strictObject({ photos: photoIds })

const pageQuery = z.object({
  cursor: z
    .string()
    .transform((text, context) => {
      const cursor = parseTimelineCursor(text)
      if (!cursor) context.addIssue('is not a cursor of an album. Send one as it was given, or none')
      return cursor
    })
    .optional(),
  limit: pageLimit,
})

interface OfAlbum {
  Params: { id: string }
}

export const albumRoutes =
  ({ db, clock, signals }: AlbumDeps): FastifyPluginAsync =>
  async app => {
    app.get('/v1/albums', async request => ({ albums: await listAlbums(db, callerOf(request)) }))

    app.put<OfAlbum>('/v1/albums/:id', async (request, reply) => {
      const { id } = request.params
      if (!isId(id))
        throw new AppError('invalid', 'An album’s id has 26 characters of 0–9 and a–z, without i, l, o and u')
      const { name } = parseBody(albumBody, request.body)
      const caller = callerOf(request)
      const { album, made, changed } = await putAlbum(db, caller, { id, name, now: clock.now() })
      if (changed) await signals.publish('feed', caller.person)
      return reply.code(made ? 201 : 200).send(album)
    })

    app.delete<OfAlbum>('/v1/albums/:id', async (request, reply) => {
      const caller = callerOf(request)
      if (await deleteAlbum(db, caller, request.params.id, clock.now())) await signals.publish('feed', caller.person)
      return reply.code(204).send()
    })

    app.get<OfAlbum>('/v1/albums/:id/photos', async request => {
      const { cursor, limit } = parseQuery(pageQuery, request.query)
      return listAlbum(db, callerOf(request), request.params.id, { after: cursor, limit })
    })

    app.post<OfAlbum>('/v1/albums/:id/photos', async request => {
      const { photos } = parseBody(photosBody, request.body)
      const caller = callerOf(request)
      const added = await addToAlbum(db, caller, { album: request.params.id, photos, now: clock.now() })
      if (added > 0) await signals.publish('feed', caller.person)
      return { added }
    })

    app.post<OfAlbum>('/v1/albums/:id/photos/remove', async request => {
      const { photos } = parseBody(photosBody, request.body)
      const caller = callerOf(request)
      const removed = await removeFromAlbum(db, caller, { album: request.params.id, photos, now: clock.now() })
      if (removed > 0) await signals.publish('feed', caller.person)
      return { removed }
    })
  }
