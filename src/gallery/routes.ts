/** /v1/timeline, and the pictures of /v1/photos/:id: what viewers look at. */
import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { z } from 'zod'
import { AppError, isAppError } from '../core/errors.js'
import { originalKey, renditionKey } from '../core/keys.js'
import { findRendition } from '../core/renditions.js'
import type { Queryable } from '../db/database.js'
import { callerOf } from '../http/auth.js'
import { pageLimit } from '../http/page-query.js'
import { parseQuery } from '../http/parse-body.js'
import { problem, sendProblem } from '../http/problem.js'
import { requirePhoto } from '../library/require-photo.js'
import { isSection, parseTimelineCursor } from '../library/timeline.js'
import { readSection, readSections } from '../library/timeline-sql.js'
import type { Bucket, ByteRange } from '../storage/bucket.js'
import { attachment } from '../storage/content-disposition.js'
import { matchesEtag, quoteEtag } from './etag.js'
import { downloadMediaType } from './media-types.js'
import { requestedRange, wholeObject } from './range.js'

export interface GalleryDeps {
  db: Queryable
  bucket: Bucket
}

export const galleryRoutes =
  (deps: GalleryDeps): FastifyPluginAsync =>
  async app => {
    await app.register(timelineRoutes(deps))
    await app.register(renditionRoute(deps))
    await app.register(originalRoute(deps))
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

const renditionRoute =
  ({ db, bucket }: GalleryDeps): FastifyPluginAsync =>
  async app => {
    app.get<{ Params: { id: string; name: string } }>('/v1/photos/:id/renditions/:name', async (request, reply) => {
      const { id, name } = request.params
      const caller = callerOf(request)
      const photo = await requirePhoto(db, caller, id)
      const rendition = findRendition(name)
      if (!rendition || photo.state !== 'ready' || photo.recipe === null) {
        throw new AppError('not_found', 'There is no such rendition of this photo, or not yet')
      }
      const etag = quoteEtag(`${photo.id}-${photo.recipe}-${name}`)
      const headers = {
        ETag: etag,
        'Cache-Control': 'private, max-age=31536000, immutable',
        'Cross-Origin-Resource-Policy': 'same-origin',
      }
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).headers(headers).send()
      const key = renditionKey(caller, photo.id, photo.recipe, name)
      const { body, sizeBytes } = await bucket.get(key, { signal: closed(reply) })
      return reply.headers({ ...headers, 'Content-Type': rendition.mediaType, 'Content-Length': sizeBytes }).send(body)
    })
  }

/** Long enough to follow a redirect and begin; a transfer that has begun goes on. */
const signedUrlSeconds = 300

const originalRoute =
  ({ db, bucket }: GalleryDeps): FastifyPluginAsync =>
  async app => {
    app.route<{ Params: { id: string }; Querystring: { redirect?: string } }>({
      method: ['GET', 'HEAD'],
      url: '/v1/photos/:id/original',
      handler: async (request, reply) => {
        const caller = callerOf(request)
        const photo = await requirePhoto(db, caller, request.params.id)
        const key = originalKey(caller, photo.id)
        const fileName = photo.fileName ?? photo.id
        const mediaType = downloadMediaType(photo.mediaType)
        if (request.query.redirect === '1') {
          const url = await bucket.signedUrl(key, { lifetimeSeconds: signedUrlSeconds, fileName, mediaType })
          if (url) return reply.redirect(url, 302)
        }

        const { sizeBytes } = photo
        const etag = quoteEtag(photo.sha256.toString('hex'))
        const headers = { ...originalHeaders, ETag: etag }
        if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).headers(headers).send()
        const range = request.method === 'HEAD' ? wholeObject : requestedRange(request.headers, { sizeBytes, etag })
        if (range.kind === 'unsatisfiable') {
          reply.header('Content-Range', `bytes */${sizeBytes}`)
          return sendProblem(reply, problem(416, 'invalid', 'The range begins beyond the end of this original'))
        }

        const part = range.kind === 'part' ? { start: range.start, end: range.end } : undefined
        const body = request.method === 'HEAD' ? undefined : await openOriginal(bucket, key, part, closed(reply))
        if (part) reply.code(206).header('Content-Range', `bytes ${part.start}-${part.end}/${sizeBytes}`)
        return reply
          .headers({
            ...headers,
            'Content-Type': mediaType,
            'Content-Length': part ? part.end - part.start + 1 : sizeBytes,
            'Content-Disposition': attachment(fileName),
          })
          .send(body)
      },
    })
  }

const originalHeaders = {
  'Accept-Ranges': 'bytes',
  'Cache-Control': 'private, no-cache',
  // Somebody else's bytes must never act as our own page.
  'Content-Security-Policy': "sandbox; default-src 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
}

async function openOriginal(bucket: Bucket, key: string, range: ByteRange | undefined, signal: AbortSignal) {
  try {
    const { body } = await bucket.get(key, { signal, ...(range && { range }) })
    return body
  } catch (error) {
    throw asLoss(error)
  }
}

/** An original that its row promises and the bucket doesn't have is no 404: somebody has to hear of it. */
function asLoss(error: unknown): unknown {
  if (!isAppError(error, 'not_found')) return error
  return new Error('the original of a photo is not in the bucket', { cause: error })
}

/** Aborts when the client leaves before it has everything, so that the bucket isn't read for nobody. */
function closed({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort()
  })
  return controller.signal
}
