/**
 * What a process counts, for Prometheus: the process itself, and the requests it answers. A label's values are few and known:
 * route patterns and never paths, classes of status and never people. Others add theirs to the same registry.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof makeMetrics>

/** Each call makes a registry of its own, so that two servers in one process don't meet. */
export function makeMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    /** From the head of a request to the end of its response. */
    httpSeconds: new Histogram({
      name: 'photosync_http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its response',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600],
      registers,
    }),
    httpOpen: new Gauge({
      name: 'photosync_http_requests_open',
      help: 'Requests that are being answered',
      registers,
    }),
    /** By kind of AppError, or `internal`. */
    httpErrors: new Counter({
      name: 'photosync_http_errors_total',
      help: 'Problems answered, by kind',
      labelNames: ['kind'] as const,
      registers,
    }),
  }
}
