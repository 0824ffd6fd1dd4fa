/**
 * Pages of other origins that may call the API: those that the operator names, and no other. They prove their caller by a bearer
 * token. Cookies are for the gallery's own origin, so credentials are never allowed (see same-site.ts).
 *
 * What lets a page read an answer is set on Node's response before anything else looks at the request: so it is on every answer,
 * also on errors, and on what a raw handler writes. https://fetch.spec.whatwg.org/#http-cors-protocol
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface Cors {
  /** Sets the headers for an origin that may read the answer, and says whether it may. */
  allow(request: IncomingMessage, response: ServerResponse): boolean
  /** The same, and answers a preflight of such an origin: a browser's question before the request, which no credentials come with. */
  answerPreflight(request: FastifyRequest, reply: FastifyReply): boolean
}

export function makeCors(origins: readonly string[]): Cors {
  const configured = new Set(origins)

  const allow = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (configured.size === 0 || !isApi(request.url ?? '')) return false
    // Also where it doesn't match: a cache must not give one origin the answer that another got.
    response.setHeader('Vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined || !configured.has(origin)) return false
    response.setHeader('Access-Control-Allow-Origin', origin)
    response.setHeader('Access-Control-Expose-Headers', exposedHeaders)
    return true
  }

  const answerPreflight = ({ raw: request }: FastifyRequest, reply: FastifyReply): boolean => {
    const allowed = allow(request, reply.raw)
    const isPreflight = request.method === 'OPTIONS' && 'access-control-request-method' in request.headers
    if (!allowed || !isPreflight) return false
    reply.raw.removeHeader('Access-Control-Expose-Headers')
    void reply.code(204).headers(preflightHeaders).send()
    return true
  }

  return { allow, answerPreflight }
}

const isApi = (url: string): boolean => url.startsWith('/v1/')

/** All that our own clients, tus-js-client and clients of the IETF draft read; scripts see few others by themselves. */
const exposedHeaders = [
  'Location',
  'Upload-Offset',
  'Upload-Length',
  'Upload-Defer-Length',
  'Upload-Metadata',
  'Upload-Expires',
  'Upload-Concat',
  'Upload-Complete',
  'Upload-Incomplete',
  'Upload-Limit',
  'Upload-Draft-Interop-Version',
  'Tus-Resumable',
  'Tus-Version',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Checksum-Algorithm',
  'Photosync-Photo',
  'Photosync-Duplicate',
  'Photosync-Deleted',
  'Content-Digest',
  'Repr-Digest',
  'Content-Disposition',
  'Content-Range',
  'Accept-Ranges',
  'ETag',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
].join(', ')

const preflightHeaders = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': [
    'Authorization',
    'Content-Type',
    'Content-Disposition',
    'Content-Digest',
    'Repr-Digest',
    'Want-Content-Digest',
    'Want-Repr-Digest',
    'Tus-Resumable',
    'Upload-Offset',
    'Upload-Length',
    'Upload-Defer-Length',
    'Upload-Metadata',
    'Upload-Checksum',
    'Upload-Concat',
    'Upload-Complete',
    'Upload-Incomplete',
    'Upload-Draft-Interop-Version',
    'Photosync-Part-Of',
    'Photosync-Role',
    'Photosync-If-Deleted',
    'X-HTTP-Method-Override',
    'X-Requested-With',
    'X-Request-ID',
    'Cache-Control',
    'If-Match',
    'If-None-Match',
    'Last-Event-ID',
    'Prefer',
    'Range',
  ].join(', '),
  // Two hours: no browser keeps it longer than that but Firefox, and a list that grows is seen on the same day.
  'Access-Control-Max-Age': '7200',
}
