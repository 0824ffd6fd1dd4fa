/** Counts and times every request, also those whose connection broke. By route pattern, never by path. */
import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../observe/metrics.js'

export function measure(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onRequest', async (request, reply) => {
    metrics.httpOpen.inc()
    const stop = metrics.httpSeconds.startTimer({ method: request.method, route: request.routeOptions.url ?? 'none' })
    reply.raw.once('close', () => {
      metrics.httpOpen.dec()
      // "broken": the client left before the whole answer was out. Over HTTP/2 Node finishes what nobody ended.
      const { writableEnded, writableFinished, statusCode } = reply.raw
      stop({ status: writableEnded && writableFinished ? `${Math.floor(statusCode / 100)}xx` : 'broken' })
    })
  })
}
