/**
 * Routes that read the request and write the response as Node has them: Fastify proves the caller, then stands aside. The body
 * is not touched before, whatever its type or length.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../accounts/caller.js'
import { callerOf } from './auth.js'
import { toProblem, writeProblem } from './problem.js'
import type { Report } from './report.js'

export interface RawRoutes {
  /** Without a slash at its end; everything below it belongs to the handlers too. */
  prefix: string
  /** GET, HEAD, POST, PATCH, PUT and DELETE. What it rejects with is answered as a problem, if nothing was answered yet. */
  handle: (request: IncomingMessage, response: ServerResponse, caller: Caller) => Promise<void>
  /** OPTIONS, which everybody may ask. */
  options: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  /** See auth.ts. */
  gallery?: boolean
  /** Added to problems. */
  errorHeaders?: Readonly<Record<string, string>>
}

/** `close` of the server that it is registered on waits until every handler has ended. */
export function rawRoutes({ report }: { report: Report }, routes: RawRoutes): FastifyPluginAsync {
  const { prefix, handle, options, gallery = false, errorHeaders = {} } = routes
  return async app => {
    const running = new Set<Promise<void>>()

    async function answer(request: FastifyRequest, reply: FastifyReply, work: () => Promise<void>): Promise<void> {
      reply.hijack()
      try {
        await work()
      } catch (error) {
        report(error, { requestId: request.id, method: request.method, route: prefix })
        writeProblem(reply.raw, toProblem(error), errorHeaders)
      }
    }

    function run(request: FastifyRequest, reply: FastifyReply, work: () => Promise<void>): Promise<void> {
      const task = answer(request, reply, work).finally(() => running.delete(task))
      running.add(task)
      return task
    }

    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.addHook('onClose', async () => {
      await Promise.allSettled(running)
    })

    for (const url of [prefix, `${prefix}/*`]) {
      app.route({
        method: ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE'],
        url,
        exposeHeadRoute: false,
        config: { gallery },
        handler: (request, reply) => run(request, reply, () => handle(request.raw, reply.raw, callerOf(request))),
      })
      app.route({
        method: 'OPTIONS',
        url,
        config: { open: true },
        handler: (request, reply) => run(request, reply, () => options(request.raw, reply.raw)),
      })
    }
  }
}
