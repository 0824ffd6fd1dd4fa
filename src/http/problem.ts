/** Errors as answers: RFC 9457 problem+json, the same from every route, every hook and every raw handler. */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { AppError, isAppError } from '../core/errors.js'
import { statusOf } from './error-table.js'
import { fromFastify } from './fastify-errors.js'

export interface Problem {
  status: number
  headers: Record<string, string>
  body: Record<string, string | number | boolean>
}

const internal =
  'Something went wrong here, and it was not your doing. Try again; if it stays, tell the operator this request’s id'

/** What is told of an error: an AppError's public sentence and facts; of anything else nothing but that it happened. */
export function toProblem(thrown: unknown): Problem {
  const error = isAppError(thrown) ? thrown : fromFastify(thrown)
  if (!error) return problem(500, 'internal', internal)
  const { status, headers, body } = problem(statusOf[error.kind], error.kind, error.message)
  if (error.kind === 'unauthenticated') headers['WWW-Authenticate'] = 'Bearer'
  if (error.retryAfterSeconds !== undefined) headers['Retry-After'] = String(Math.ceil(error.retryAfterSeconds))
  return { status, headers, body: { ...error.facts, ...body } }
}

export function problem(status: number, kind: string, detail: string): Problem {
  const words = kind.replaceAll('_', ' ')
  const title = words.charAt(0).toUpperCase() + words.slice(1)
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
    body: { type: 'about:blank', title, status, kind, detail },
  }
}

export function sendProblem(reply: FastifyReply, { status, headers, body }: Problem): FastifyReply {
  // Fastify ends a connection that way whose body it didn't read. HTTP/2 has no such header, and Node warns of it.
  if (reply.request.raw.httpVersionMajor === 2) reply.removeHeader('Connection')
  // As bytes, since Fastify adds a charset to text, and this media type has none.
  return reply
    .code(status)
    .headers(headers)
    .send(Buffer.from(JSON.stringify(body)))
}

/** For a response that Fastify doesn't write. Once its head is out, all that is left is to break off. */
export function writeProblem(
  response: ServerResponse,
  { status, headers, body }: Problem,
  moreHeaders: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const text = JSON.stringify(body)
  response.writeHead(status, { ...moreHeaders, ...headers, 'Content-Length': Buffer.byteLength(text) })
  response.end(response.req.method === 'HEAD' ? undefined : text)
}

export function notFound(): AppError {
  return new AppError('not_found', 'There is nothing at this address')
}
