/** What a process counts of its jobs and of its bucket, in the registry that metrics.ts made. */
import { Histogram, type Registry } from 'prom-client'

export function makeJobMetrics(registry: Registry) {
  const seconds = new Histogram({
    name: 'photosync_job_duration_seconds',
    help: 'Time of one attempt at a job',
    labelNames: ['job', 'outcome'] as const,
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 120],
    registers: [registry],
  })
  return (job: string, outcome: 'done' | 'failed', durationSeconds: number) =>
    seconds.observe({ job, outcome }, durationSeconds)
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
