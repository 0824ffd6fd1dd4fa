/** What a process counts of its jobs and of its bucket, in the registry that metrics.ts made. */
import { Counter, Histogram, type Registry } from 'prom-client'

export function makeJobMetrics(registry: Registry) {
  const seconds = new Histogram({
    name: 'photosync_job_duration_seconds',
    help: 'Time of one attempt at a job',
    labelNames: ['job', 'outcome'] as const,
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 120],
    registers: [registry],
  })
  const failures = new Counter({
    name: 'photosync_job_failures_total',
    help: 'Attempts at a job that failed, by kind',
    labelNames: ['job', 'kind'] as const,
    registers: [registry],
  })
  /** `failure`: its kind, of an attempt that failed. */
  return (job: string, outcome: 'done' | 'failed', durationSeconds: number, failure = 'internal') => {
    seconds.observe({ job, outcome }, durationSeconds)
    if (outcome === 'failed') failures.inc({ job, kind: failure })
  }
}

/** To be called for each original that is missing or whose bytes are not those that were stored: the one number to be woken for. */
export function makeDamageMetric(registry: Registry): () => void {
  const damaged = new Counter({
    name: 'photosync_originals_damaged_total',
    help: 'Originals found missing, or with other bytes than were stored',
    registers: [registry],
  })
  return () => damaged.inc()
}

export function makeBucketMetrics(registry: Registry) {
  const seconds = new Histogram({
    name: 'photosync_bucket_call_duration_seconds',
    help: 'Time of one call to the bucket, its repetitions included',
    labelNames: ['call', 'outcome'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers: [registry],
  })
  return (call: string, outcome: string, durationSeconds: number) => seconds.observe({ call, outcome }, durationSeconds)
}
