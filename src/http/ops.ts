/** For operators, on a port of its own: /healthz (the process lives), /readyz (what it needs answers), /metrics. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type FastifyInstance, type FastifyPluginAsync, fastify } from 'fastify'
import { AppError, isAppError } from '../core/errors.js'
import type { Metrics } from '../observe/metrics.js'
import { notFound, sendProblem, toProblem } from './problem.js'

/** Rejects while what it stands for doesn't answer. */
export type ReadinessCheck = (signal: AbortSignal) => Promise<unknown>

export interface OpsParts {
  /** By the names they are reported under. */
  checks: Readonly<Record<string, ReadinessCheck>>
  metrics: Metrics
  /** For each check; default 2,000. */
  checkTimeoutMs?: number
  /** Routes of this process alone. */
  routes?: readonly FastifyPluginAsync[]
}

/** Not listening yet. */
export function buildOps({ checks, metrics, checkTimeoutMs = 2_000, routes = [] }: OpsParts): FastifyInstance {
  const app = fastify({ logger: false })
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, toProblem(error)))
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, toProblem(notFound())))

  app.get('/healthz', async () => ({ healthy: true }))

  app.get('/readyz', async (_request, reply) => {
    const outcomes = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check, checkTimeoutMs)] as const),
    )
    const ready = outcomes.every(([, outcome]) => outcome === 'ok')
    return reply.code(ready ? 200 : 503).send({ ready, checks: Object.fromEntries(outcomes) })
  })

  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  for (const plugin of routes) void app.register(plugin)
  return app
}

/** 'ok', or one sentence that says why not. A check that doesn't heed its signal is not waited for. */
async function outcomeOf(check: ReadinessCheck, timeoutMs: number): Promise<string> {
  const controller = new AbortController()
  const late = new AppError('unavailable', `no answer within ${timeoutMs} ms`)
  const timer = sleep(timeoutMs, undefined, { signal: controller.signal }).then(
    () => Promise.reject(late),
    () => undefined,
  )
  try {
    await Promise.race([check(controller.signal), timer])
    return 'ok'
  } catch (error) {
    return isAppError(error) ? error.message : 'failed'
  } finally {
    controller.abort(late)
  }
}
