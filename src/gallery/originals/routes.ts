/**
 * /v1/photos/:id/original and /v1/photos/:id/motion: the bytes as they were sent, whole or in part (RFC 9110 §14), so that a
 * player can seek in them. They are downloads for whoever opens them by themselves; a page's <img> and <video> don't mind.
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, isAppError } from '../../core/errors.js'
import { originalKey, type Placement } from '../../core/keys.js'
import type { Queryable } from '../../db/database.js'
import { callerOf } from '../../http/auth.js'
import { problem, sendProblem } from '../../http/problem.js'
import type { Photo } from '../../library/photo.js'
import { requirePhoto } from '../../library/require-photo.js'
import type { Bucket, ByteRange } from '../../storage/bucket.js'
import { attachment } from '../../storage/content-disposition.js'
import { matchesEtag, quoteEtag } from '../etag.js'
import { downloadMediaType } from '../media-types.js'
import { requestedRange, wholeObject } from '../range.js'

export interface OriginalDeps {
  db: Queryable
  bucket: Bucket
}

/** Bytes of an original: the whole of it, or what lies inside. */
interface Stretch {
  key: string
  /** Where it begins in the object; what begins at 0 is the whole. */
  offset: number
  sizeBytes: number
  mediaType: string
  fileName: string
  etag: string
}

/** Long enough to follow a redirect and begin; a transfer that has begun goes on. */
const signedUrlSeconds = 300

export const originalRoutes =
  ({ db, bucket }: OriginalDeps): FastifyPluginAsync =>
  async app => {
    app.route<{ Params: { id: string }; Querystring: { redirect?: string } }>({
      method: ['GET', 'HEAD'],
      url: '/v1/photos/:id/original',
      handler: async (request, reply) => {
        const caller = callerOf(request)
        const original = wholeOriginal(caller, await requirePhoto(db, caller, request.params.id))
        const { key, fileName, mediaType } = original
        if (request.query.redirect === '1') {
          const url = await bucket.signedUrl(key, { lifetimeSeconds: signedUrlSeconds, fileName, mediaType })
          if (url) return reply.redirect(url, 302)
        }
        return sendStretch(bucket, request, reply, original)
      },
    })

    app.route<{ Params: { id: string } }>({
      method: ['GET', 'HEAD'],
      url: '/v1/photos/:id/motion',
      handler: async (request, reply) => {
        const caller = callerOf(request)
        const half = movingHalf(caller, await requirePhoto(db, caller, request.params.id))
        if (!half) throw new AppError('not_found', 'This photo has no moving half, or it is not known yet')
        return sendStretch(bucket, request, reply, half)
      },
    })
  }

function wholeOriginal(placement: Placement, photo: Photo): Stretch {
  return {
    key: originalKey(placement, photo.id),
    offset: 0,
    sizeBytes: photo.sizeBytes,
    mediaType: downloadMediaType(photo.mediaType),
    fileName: photo.fileName ?? photo.id,
    etag: quoteEtag(photo.sha256.toString('hex')),
  }
}

/** A file of its own, or a stretch of the picture's. Undefined also when what is noted of it lies outside of the original. */
function movingHalf(placement: Placement, photo: Photo): Stretch | undefined {
  const { movingHalf: file, motion } = photo
  if (file) return wholeOriginal(placement, { ...photo, ...file, sha256: Buffer.from(file.sha256, 'hex') })
  if (!motion || motion.offset <= 0 || motion.sizeBytes <= 0) return undefined
  if (motion.offset + motion.sizeBytes > photo.sizeBytes) return undefined
  return {
    ...wholeOriginal(placement, photo),
    offset: motion.offset,
    sizeBytes: motion.sizeBytes,
    mediaType: downloadMediaType(motion.mediaType),
    fileName: `${(photo.fileName ?? photo.id).replace(/\.[^.]*$/, '')}.mp4`,
    etag: quoteEtag(`${photo.sha256.toString('hex')}-motion`),
  }
}

const headersOfAll = {
  'Accept-Ranges': 'bytes',
  'Cache-Control': 'private, no-cache',
  // Somebody else's bytes must never act as our own page.
  'Content-Security-Policy': "sandbox; default-src 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
}

async function sendStretch(bucket: Bucket, request: FastifyRequest, reply: FastifyReply, stretch: Stretch) {
  const { key, offset, sizeBytes, mediaType, fileName, etag } = stretch
  const headers = { ...headersOfAll, ETag: etag }
  if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).headers(headers).send()
  const range = request.method === 'HEAD' ? wholeObject : requestedRange(request.headers, { sizeBytes, etag })
  if (range.kind === 'unsatisfiable') {
    reply.header('Content-Range', `bytes */${sizeBytes}`)
    return sendProblem(reply, problem(416, 'invalid', 'The range begins beyond the end of this original'))
  }

  const part = range.kind === 'part' ? { start: range.start, end: range.end } : undefined
  const { start, end } = part ?? { start: 0, end: sizeBytes - 1 }
  const bytesWanted = part || offset > 0 ? { start: offset + start, end: offset + end } : undefined
  const body = request.method === 'HEAD' ? undefined : await openOriginal(bucket, key, bytesWanted, closed(reply))
  if (part) reply.code(206).header('Content-Range', `bytes ${start}-${end}/${sizeBytes}`)
  return reply
    .headers({
      ...headers,
      'Content-Type': mediaType,
      'Content-Length': end - start + 1,
      'Content-Disposition': attachment(fileName),
    })
    .send(body)
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
export function closed({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort()
  })
  return controller.signal
}
