/**
 * The HTTP server that routes hang on: one form of error, one way to prove a caller, time limits that fit slow uploads, and an
 * end that lets requests finish. Nothing of a request is logged but what report.ts says.
 */
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import { type FastifyInstance, type FastifyPluginAsync, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { AppError } from '../core/errors.js'
import type { NewId } from '../core/ids.js'
import { limits } from '../core/limits.js'
import type { Metrics } from '../observe/metrics.js'
import { type Authenticate, authHook } from './auth.js'
import { answerClientError } from './client-error.js'
import { makeCors } from './cors.js'
import { expectsSomethingElse } from './expect.js'
import { measure } from './measure.js'
import { makeNodeServer, type NodeServer } from './node-server.js'
import { notFound, problem, sendProblem, toProblem } from './problem.js'
import { headersBelow, type RawPrefixes, routable } from './raw-prefixes.js'
import type { Report } from './report.js'
import { boundRest } from './rest-of-body.js'
import type { Tls } from './tls.js'

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
  /** Of raw routes (raw.ts); default: none. */
  rawPrefixes?: RawPrefixes
  /** Origins whose pages may call the API; default: none but its own. */
  corsOrigins?: readonly string[] | undefined
  /** With it HTTPS is served, HTTP/2 and HTTP/1.1; default: plain HTTP/1.1. */
  tls?: Tls | undefined
}

/** A JSON body must be complete by then. */
const jsonBodyTimeoutMs = 30_000

/** Of text: on a long link a large listing takes as many round trips as it is large. Pictures are left as they are. */
const compression = {
  encodings: ['gzip'] as 'gzip'[],
  // About what the first packet of an answer holds.
  threshold: 1_400,
  // Most of the gain for little time.
  zlibOptions: { level: 3 },
  // Nobody needs to send us less than they mean, and little that unpacks to much is an attack.
  globalDecompression: false,
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The server's connections, for closeHttp. */
    readonly connections: Pick<NodeServer, 'endIdle' | 'endAll'>
  }
}

/** Not listening yet. Handlers of routes get `request.caller`; see auth.ts. */
export async function buildHttp(parts: HttpParts): Promise<FastifyInstance> {
  const { authenticate, metrics, report, rawPrefixes = {} } = parts
  const cors = makeCors(parts.corsOrigins ?? [])
  const answer = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    // What fails because the client has left is no failure.
    if (!reply.raw.destroyed) {
      report(error, { requestId: request.id, method: request.method, route: request.routeOptions.url ?? 'none' })
    }
    return sendProblem(reply.headers(headersBelow(rawPrefixes, request.url)), toProblem(error))
  }
  const app = makeFastify(parts, (error, request, reply) => {
    // No hook has run.
    setHead(request, reply)
    cors.allow(request.raw, reply.raw)
    return answer(error, request, reply)
  })

  acceptJson(app)
  measure(app, metrics)
  app.setErrorHandler(answer)
  app.setNotFoundHandler((request, reply) => answer(notFound(), request, reply))
  app.addHook('onRequest', (request, reply, done) => {
    setHead(request, reply)
    boundRest(request.raw, reply.raw)
    if (cors.answerPreflight(request, reply)) return
    if (expectsSomethingElse(request.raw)) {
      const refusal = problem(417, 'invalid', 'The only expectation that is met here is 100-continue. Send no other')
      sendProblem(reply.headers(headersBelow(rawPrefixes, request.url)), refusal)
      return
    }
    done()
  })
  await app.register(compress, compression)
  await app.register(cookie)
  app.addHook('onRequest', authHook(authenticate))
  for (const route of parts.routes) await app.register(route)
  return app
}

type FrameworkErrors = (error: Error, request: FastifyRequest, reply: FastifyReply) => FastifyReply

function makeFastify(parts: HttpParts, frameworkErrors: FrameworkErrors): FastifyInstance {
  const { trustedProxies = [], tls, rawPrefixes = {} } = parts
  let node: NodeServer | undefined
  const app = fastify({
    logger: false,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    genReqId: parts.newId,
    rewriteUrl: ({ url = '/' }) => routable(rawPrefixes, url),
    bodyLimit: limits.jsonBodyBytes,
    // While it closes, what still comes on open connections is answered, with "Connection: close".
    return503OnClosing: false,
    serverFactory: handle => {
      node = makeNodeServer(handle, tls)
      return node.server
    },
    clientErrorHandler: answerClientError,
    frameworkErrors,
  })
  app.decorate('connections', node as NodeServer)
  app.decorate('regionId', parts.regionId)
  app.decorateRequest('caller', null)
  return app
}

/** On Node's response, so that what a raw handler answers has it, too. A route that says otherwise is the one that holds. */
function setHead(request: FastifyRequest, { raw }: FastifyReply): void {
  raw.setHeader('X-Request-Id', request.id)
  raw.setHeader('X-Content-Type-Options', 'nosniff')
  raw.setHeader('Referrer-Policy', 'no-referrer')
  raw.setHeader('Cache-Control', 'no-store')
}

/**
 * Stops listening, lets requests finish until the deadline, then ends their connections. Resolves when nothing runs any more:
 * whoever handles a request whose connection ended sees that and comes to an end.
 */
export async function closeHttp(app: FastifyInstance, { deadlineMs }: { deadlineMs: number }): Promise<void> {
  const { connections } = app
  const closed = app.close()
  // A connection that becomes idle while we close would be kept for as long as keep-alive allows.
  const sweep = setInterval(() => connections.endIdle(), 50)
  const deadline = setTimeout(() => connections.endAll(), deadlineMs)
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
