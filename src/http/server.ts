/**
 * The HTTP server that routes hang on: one form of error, one way to prove a caller, time limits that fit slow uploads, and an
 * end that lets requests finish. Nothing of a request is logged but what report.ts says.
 */
import cookie from '@fastify/cookie'
import { type FastifyInstance, type FastifyPluginAsync, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { AppError } from '../core/errors.js'
import type { NewId } from '../core/ids.js'
import { limits } from '../core/limits.js'
import type { Metrics } from '../observe/metrics.js'
import { type Authenticate, authHook } from './auth.js'
import { answerClientError } from './client-error.js'
import { measure } from './measure.js'
import { notFound, sendProblem, toProblem } from './problem.js'
import type { Report } from './report.js'

export interface HttpParts {
  /** The region that this server belongs to. */
  regionId: string
  /** Addresses or CIDR ranges of the proxies in front, whose X-Forwarded-For and -Proto are believed; default: none. */
  trustedProxies?: readonly string[]
  authenticate: Authenticate
  metrics: Metrics
  report: Report
  newId: NewId
  routes: readonly FastifyPluginAsync[]
}

/** A head must be complete by then; bodies have no limit of their own, since a slow upload is still an upload. */
const headersTimeoutMs = 30_000
/** A JSON body must be complete by then. */
const jsonBodyTimeoutMs = 30_000
/** Longer than the usual 60 s of a load balancer, so that it is never we who close a connection it is about to use. */
const keepAliveTimeoutMs = 75_000

/** Not listening yet. Handlers of routes get `request.caller`; see auth.ts. */
export async function buildHttp({
  regionId,
  trustedProxies = [],
  authenticate,
  metrics,
  report,
  newId,
  routes,
}: HttpParts): Promise<FastifyInstance> {
  const answer = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    // What fails because the client has left is no failure.
    if (!reply.raw.destroyed) {
      report(error, { requestId: request.id, method: request.method, route: request.routeOptions.url ?? 'none' })
    }
    return sendProblem(reply.header('X-Request-Id', request.id), toProblem(error))
  }
  const app = fastify({
    logger: false,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    genReqId: newId,
    bodyLimit: limits.jsonBodyBytes,
    requestTimeout: 0,
    keepAliveTimeout: keepAliveTimeoutMs,
    http: { headersTimeout: headersTimeoutMs },
    // While it closes, what still comes on open connections is answered, with "Connection: close".
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: answer,
  })

  app.decorate('regionId', regionId)
  app.decorateRequest('caller', null)
  acceptJson(app)
  measure(app, metrics)
  app.setErrorHandler(answer)
  app.setNotFoundHandler((request, reply) => answer(notFound(), request, reply))
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'X-Request-Id': request.id,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    })
  })
  await app.register(cookie)
  app.addHook('onRequest', authHook(authenticate))
  for (const route of routes) await app.register(route)
  return app
}

/**
 * Stops listening, lets requests finish until the deadline, then ends their connections. Resolves when nothing runs any more:
 * whoever handles a request whose connection ended sees that and comes to an end.
 */
export async function closeHttp(app: FastifyInstance, { deadlineMs }: { deadlineMs: number }): Promise<void> {
  const closed = app.close()
  // A connection that becomes idle while we close would be kept for as long as keep-alive allows.
  const sweep = setInterval(() => app.server.closeIdleConnections(), 50)
  const deadline = setTimeout(() => app.server.closeAllConnections(), deadlineMs)
  try {
    await closed
  } finally {
    clearInterval(sweep)
    clearTimeout(deadline)
  }
}

/** JSON is the only kind of body that is parsed. */
function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text === '' ? undefined : JSON.parse(text as string))
    } catch (cause) {
      done(new AppError('invalid', 'The body is not well-formed JSON. Correct it and send it again', { cause }))
    }
  })
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (!request.headers['content-type']?.startsWith('application/json')) return payload
    const timer = setTimeout(() => request.raw.destroy(), jsonBodyTimeoutMs)
    const stop = () => clearTimeout(timer)
    request.raw.once('end', stop).once('close', stop)
    return payload
  })
}
