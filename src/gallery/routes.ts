/** /v1/timeline, and the renditions of /v1/photos/:id: what viewers look at. Originals: originals/routes.ts. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { Caller } from '../accounts/caller.js'
import { AppError, isAppError } from '../core/errors.js'
import { isId } from '../core/ids.js'
import { renditionKey } from '../core/keys.js'
import type { Queryable } from '../db/database.js'
import { callerOf } from '../http/auth.js'
import { pageLimit } from '../http/page-query.js'
import { parseQuery } from '../http/parse-body.js'
import { findShown } from '../library/parts-sql.js'
import { recipeOf, versionOf } from '../library/photo.js'
import { requirePhoto } from '../library/require-photo.js'
import { isSection, parseTimelineCursor } from '../library/timeline.js'
import { readSection, readSections } from '../library/timeline-sql.js'
import type { Bucket } from '../storage/bucket.js'
import { matchesEtag, quoteEtag } from './etag.js'
import { renditionMediaType } from './media-types.js'
import { closed, originalRoutes } from './originals/routes.js'

export interface GalleryDeps {
  db: Queryable
  bucket: Bucket
}

export const galleryRoutes =
  (deps: GalleryDeps): FastifyPluginAsync =>
  async app => {
    await app.register(timelineRoutes(deps))
    await app.register(renditionRoute(deps))
    await app.register(originalRoutes(deps))
  }

const sectionQuery = z.object({
  cursor: z
    .string()
    .transform((text, context) => {
      const cursor = parseTimelineCursor(text)
      if (!cursor) context.addIssue('is not a cursor of this section. Send one as it was given, or none')
      return cursor
    })
    .optional(),
  limit: pageLimit,
})

const timelineRoutes =
  ({ db }: GalleryDeps): FastifyPluginAsync =>
  async app => {
    app.get('/v1/timeline', async request => {
      const sections = await readSections(db, callerOf(request))
      return { sections, total: sections.reduce((sum, { count }) => sum + count, 0) }
    })

    app.get<{ Params: { section: string } }>('/v1/timeline/:section', async request => {
      const { section } = request.params
      if (!isSection(section)) throw new AppError('not_found', 'A section is a month such as 2025-06')
      const { cursor, limit } = parseQuery(sectionQuery, request.query)
      return readSection(db, callerOf(request), section, { after: cursor, limit })
    })
  }

interface RenditionAddress {
  Params: { id: string; name: string }
  Querystring: { v?: unknown }
}

/** Whose, and of which recipe: what is in its key. */
interface ShownRendition {
  id: string
  recipe: number
}

/**
 * An address shows another picture once an edit has come. One that says what it shows is kept for good; whatever comes by another is
 * asked for again each time, and is mostly a 304.
 */
const renditionRoute =
  ({ db, bucket }: GalleryDeps): FastifyPluginAsync =>
  async app => {
    const requireShown = async (caller: Caller, id: string, name: string): Promise<ShownRendition> => {
      const shown = isId(id) ? await findShown(db, caller, id) : undefined
      if (!shown) await requirePhoto(db, caller, id)
      const recipe = shown ? recipeOf(shown) : null
      if (shown && recipe !== null && shown.renditions.includes(name)) return { id: shown.id, recipe }
      throw new AppError('not_found', 'There is no such rendition of this photo, or not yet')
    }

    app.get<RenditionAddress>('/v1/photos/:id/renditions/:name', async (request, reply) => {
      const { id, name } = request.params
      const caller = callerOf(request)
      const headersOf = (shown: ShownRendition) => ({
        ETag: quoteEtag(`${shown.id}-${shown.recipe}-${name}`),
        'Cache-Control':
          request.query.v === versionOf(id, shown) ? 'private, max-age=31536000, immutable' : 'private, no-cache',
        'Cross-Origin-Resource-Policy': 'same-origin',
      })
      const shown = await requireShown(caller, id, name)
      const headers = headersOf(shown)
      if (matchesEtag(request.headers['if-none-match'], headers.ETag)) return reply.code(304).headers(headers).send()
      const signal = closed(reply)
      const get = async (shown: ShownRendition) => {
        const { body, sizeBytes } = await bucket.get(renditionKey(caller, shown.id, shown.recipe, name), { signal })
        return { body, headers: { ...headersOf(shown), 'Content-Length': sizeBytes } }
      }
      const got = await get(shown).catch(async error => {
        // A newer recipe, or an edit, may have taken its place since that look.
        const now = isAppError(error, 'not_found') ? await requireShown(caller, id, name) : shown
        if (now.recipe === shown.recipe && now.id === shown.id) throw error
        return get(now)
      })
      return reply.headers({ ...got.headers, 'Content-Type': renditionMediaType(name) }).send(got.body)
    })
  }
