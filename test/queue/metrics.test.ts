/** Goal: operators learn how much waits, since when, and what fails, and still learn everything else when the queue is away. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { expect, onTestFinished, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import { type QueueReading, registerQueueMetrics } from '../../src/observe/queue-metrics.js'
import { makeDamageMetric, makeJobMetrics } from '../../src/observe/work-metrics.js'
import { openQueue } from '../../src/queue/bullmq-queue.js'
import { makeReadQueues } from '../../workers/relay/read-queues.js'
import { startRegion } from '../http/region.js'
import { freshDatabase } from '../support/services.js'
import { storePhotos } from './stored-photos.js'

const lines = async (registry: Registry) => (await registry.metrics()).split('\n').filter(line => !line.startsWith('#'))

test('what waits, by job and state, and since when the first of it', async () => {
  const here = await startRegion()
  onTestFinished(() => here.close())
  const database = await freshDatabase()
  const queue = openQueue({ databaseUrl: database.url }, () => {})
  onTestFinished(async () => {
    await queue.close()
    await database.drop()
  })
  const ana = await here.addPerson()
  const [photo = ''] = await storePhotos(here, ana, 3, { inOutbox: true })
  await queue.add([
    { name: 'thumbnail', data: { photo }, priority: 5 },
    { name: 'reap', data: { upload: newId() } },
  ])
  here.clock.advance(90_000)
  const registry = new Registry()
  registerQueueMetrics(registry, makeReadQueues(here.db, queue, here.clock))
  const told = await lines(registry)
  expect(told).toContain('photosync_queue_depth{job="thumbnail",state="waiting"} 1')
  expect(told).toContain('photosync_queue_depth{job="thumbnail",state="outbox"} 3')
  expect(told).toContain('photosync_queue_depth{job="thumbnail",state="active"} 0')
  expect(told).toContain('photosync_queue_depth{job="reap",state="waiting"} 1')
  // Of three that came a millisecond apart.
  expect(told).toContain('photosync_queue_oldest_seconds{job="thumbnail"} 90.003')
  expect(told.some(line => line.startsWith('photosync_queue_oldest_seconds{job="reap"} '))).toBe(true)
  expect(told).toContain('photosync_queue_unread_total 0')
})

test('a queue that fails, or never answers, is left out, and everything else is told', {
  timeout: 20_000,
}, async () => {
  const registry = new Registry()
  const readings: (() => Promise<QueueReading[]>)[] = [
    () => Promise.resolve([{ job: 'reap', depths: { waiting: 7 }, oldestSeconds: undefined }]),
    () => Promise.reject(new Error('away')),
    () => new Promise(() => {}),
  ]
  registerQueueMetrics(registry, () => readings.shift()?.() ?? Promise.resolve([]))
  makeDamageMetric(registry)()
  const first = await lines(registry)
  expect(first).toContain('photosync_queue_depth{job="reap",state="waiting"} 7')
  expect(first).toContain('photosync_queue_oldest_seconds{job="reap"} 0')
  for (let scrape = 0; scrape < 2; scrape++) {
    const told = await Promise.race([lines(registry), sleep(10_000).then(() => Promise.reject(new Error('too late')))])
    expect(told.filter(line => line.startsWith('photosync_queue_depth'))).toEqual([])
    expect(told).toContain('photosync_originals_damaged_total 1')
  }
  expect(await lines(registry)).toContain('photosync_queue_unread_total 2')
})

test('failures are counted by job and kind', async () => {
  const registry = new Registry()
  const observe = makeJobMetrics(registry)
  observe('thumbnail', 'done', 0.1)
  observe('thumbnail', 'failed', 0.1, 'unavailable')
  observe('thumbnail', 'failed', 0.1, 'unavailable')
  observe('reap', 'failed', 0.1)
  const told = await lines(registry)
  expect(told).toContain('photosync_job_failures_total{job="thumbnail",kind="unavailable"} 2')
  expect(told).toContain('photosync_job_failures_total{job="reap",kind="internal"} 1')
  expect(told).toContain('photosync_job_duration_seconds_count{job="thumbnail",outcome="done"} 1')
})
