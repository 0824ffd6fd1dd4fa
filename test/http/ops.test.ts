/** Goal: operators learn whether the process lives, whether what it needs answers, in time, and what it counts. */
import { afterEach, expect, test } from 'vitest'
import { AppError } from '../../src/core/errors.js'
import { buildOps, type ReadinessCheck } from '../../src/http/ops.js'
import { makeMetrics } from '../../src/observe/metrics.js'

let close = async () => {}
afterEach(() => close())

function ops(checks: Record<string, ReadinessCheck>) {
  const app = buildOps({ checks, metrics: makeMetrics(), checkTimeoutMs: 100 })
  close = () => app.close()
  return app
}

test('alive whatever else is down', async () => {
  const app = ops({ database: () => Promise.reject(new Error('down')) })
  expect((await app.inject('/healthz')).statusCode).toBe(200)
})

test('ready when every check passes', async () => {
  const response = await ops({ database: async () => {}, queue: async () => 1 }).inject('/readyz')
  expect([response.statusCode, response.json()]).toEqual([
    200,
    { ready: true, checks: { database: 'ok', queue: 'ok' } },
  ])
})

test('not ready with the reason of each, and none is waited for beyond its time', async () => {
  let told: AbortSignal | undefined
  const app = ops({
    database: async () => {},
    queue: () => Promise.reject(new Error('with inner words')),
    bucket: () => Promise.reject(new AppError('unavailable', 'The bucket does not answer')),
    directory: signal => {
      told = signal
      return new Promise(() => {})
    },
  })
  const response = await app.inject('/readyz')
  expect([response.statusCode, response.json()]).toEqual([
    503,
    {
      ready: false,
      checks: {
        database: 'ok',
        queue: 'failed',
        bucket: 'The bucket does not answer',
        directory: 'no answer within 100 ms',
      },
    },
  ])
  expect(told?.aborted).toBe(true)
})

test('metrics in the form that Prometheus reads', async () => {
  const response = await ops({}).inject('/metrics')
  expect(response.headers['content-type']).toMatch(/^text\/plain; version=/)
  expect(response.body).toContain('process_cpu_seconds_total')
})

test('anything else is not there', async () => {
  const response = await ops({}).inject('/v1/me')
  expect([response.statusCode, response.headers['content-type']]).toEqual([404, 'application/problem+json'])
})
