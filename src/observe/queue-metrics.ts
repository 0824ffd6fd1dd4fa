/**
 * How much work waits, and since when. It is looked up when Prometheus asks, within a deadline; what can't be had is left out, so
 * that everything else is still told when the queue's store is away.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, Gauge, type Registry } from 'prom-client'

export interface QueueReading {
  job: string
  /** By state. */
  depths: Readonly<Record<string, number>>
  /** Since the one that waits longest; undefined when none waits. */
  oldestSeconds: number | undefined
}

const deadlineMs = 3_000

export function registerQueueMetrics(registry: Registry, read: () => Promise<QueueReading[]>): void {
  const unread = new Counter({
    name: 'photosync_queue_unread_total',
    help: 'Scrapes that the queue did not answer in time',
    registers: [registry],
  })
  // One reading serves every gauge of a scrape.
  let reading: Promise<QueueReading[]> | undefined
  const readOnce = (): Promise<QueueReading[]> => {
    reading ??= withDeadline(read())
      .catch(() => {
        unread.inc()
        return []
      })
      .finally(() => {
        reading = undefined
      })
    return reading
  }
  const depth = new Gauge({
    name: 'photosync_queue_depth',
    help: 'Jobs, by state; outbox: not handed to the queue yet',
    labelNames: ['job', 'state'] as const,
    registers: [registry],
    async collect() {
      depth.reset()
      for (const { job, depths } of await readOnce()) {
        for (const [state, count] of Object.entries(depths)) depth.set({ job, state }, count)
      }
    },
  })
  const oldest = new Gauge({
    name: 'photosync_queue_oldest_seconds',
    help: 'How long the job that waits longest has been waiting; 0 when none waits',
    labelNames: ['job'] as const,
    registers: [registry],
    async collect() {
      oldest.reset()
      for (const { job, oldestSeconds } of await readOnce()) oldest.set({ job }, oldestSeconds ?? 0)
    },
  })
}

async function withDeadline<T>(work: Promise<T>): Promise<T> {
  const ended = new AbortController()
  const late = sleep(deadlineMs, undefined, { signal: ended.signal }).then(
    () => Promise.reject(new Error(`no answer within ${deadlineMs} ms`)),
    () => new Promise<never>(() => {}),
  )
  try {
    return await Promise.race([work, late])
  } finally {
    ended.abort()
  }
}
