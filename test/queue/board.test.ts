/** Goal: operators see the queues in their browser after signing in, from this service alone, and can change nothing there. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/config.js'
import { newId } from '../../src/core/ids.js'
import { buildOps } from '../../src/http/ops.js'
import { makeMetrics } from '../../src/observe/metrics.js'
import { openQueue } from '../../src/queue/bullmq-queue.js'
import { jobNames } from '../../src/queue/jobs.js'
import type { QueueConnection } from '../../src/queue/queue.js'
import { boardRoutes } from '../../workers/board/routes.js'
import { startRedis } from '../support/redis.js'
import { describeWith, freshDatabase, useChromium } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'

const password = 'a password of twelve'
const basic = (user: string, pass: string) => `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`
const authorization = basic('operator', password)

async function begin(connection: QueueConnection) {
  const queue = openQueue(connection, () => {})
  const app = buildOps({
    checks: {},
    metrics: makeMetrics(),
    routes: [boardRoutes({ connection, password, onError: () => {} })],
  })
  onTestFinished(async () => {
    await app.close()
    await queue.close()
  })
  return { queue, app, url: await app.listen({ host: '127.0.0.1', port: 0 }) }
}

async function onPostgres(): Promise<QueueConnection> {
  const database = await freshDatabase()
  onTestFinished(database.drop)
  return { databaseUrl: database.url }
}

async function onRedis(): Promise<QueueConnection> {
  const dir = mkdtempSync(join(tmpdir(), 'photosync-board-'))
  const redis = await startRedis({ dir })
  onTestFinished(async () => {
    await redis.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  return { redisUrl: redis.url }
}

describe('who may look', () => {
  test('nobody without the password, whatever they ask for', async () => {
    const { url } = await begin(await onPostgres())
    for (const path of [
      '/queues',
      '/queues/',
      '/queues/api/queues',
      '/queues/static/favicon.ico',
      '/queues/queue/thumbnail',
    ]) {
      for (const wrong of [undefined, 'Bearer abc', 'Basic ?', basic('operator', 'guess'), basic('admin', password)]) {
        const headers = wrong === undefined ? {} : { authorization: wrong }
        const response = await fetch(url + path, { headers })
        expect([path, wrong, response.status]).toEqual([path, wrong, 401])
        expect(response.headers.get('www-authenticate')).toMatch(/^Basic /)
      }
      const right = await fetch(url + path, { headers: { authorization } })
      expect([path, right.status]).toEqual([path, 200])
    }
  })

  test('who guesses many at once waits, and is turned away', async () => {
    const { app } = await begin(await onPostgres())
    const guess = (n: number) =>
      app.inject({ url: '/queues', headers: { authorization: basic('operator', `guess ${n}`) } })
    const statuses = (await Promise.all(Array.from({ length: 30 }, (_, n) => guess(n)))).map(one => one.statusCode)
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
    expect(statuses.filter(status => status === 401)).toHaveLength(10)
    // Afterwards who knows it gets in.
    expect((await app.inject({ url: '/queues', headers: { authorization } })).statusCode).toBe(200)
  })

  test('a password that is too short is no configuration', () => {
    const environment = {
      PHOTOSYNC_REGION: 'us-west-2',
      DATABASE_URL: 'postgresql://db/photosync',
      BUCKET_DIR: '/srv/photos',
    }
    expect(readConfig(environment).operatorPassword).toBeUndefined()
    expect(readConfig({ ...environment, OPERATOR_PASSWORD: password }).operatorPassword).toBe(password)
    const short = () => readConfig({ ...environment, OPERATOR_PASSWORD: 'elevenchars' })
    expect(short).toThrow('OPERATOR_PASSWORD must have at least 12 characters')
  })

  test('without a password there is no such page', async () => {
    const app = buildOps({ checks: {}, metrics: makeMetrics() })
    onTestFinished(() => app.close())
    expect((await app.inject({ url: '/queues', headers: { authorization } })).statusCode).toBe(404)
  })
})

function boardSuite(openStore: () => Promise<QueueConnection>): void {
  test('what waits is told by its id; what would change anything is not there', async () => {
    const { queue, url } = await begin(await openStore())
    const photo = newId()
    await queue.add([{ name: 'thumbnail', data: { photo }, priority: 3 }])
    const ask = (path: string, method = 'GET') =>
      fetch(`${url}/queues/api/${path}`, { method, headers: { authorization } })
    const shown = (await (await ask('queues?activeQueue=thumbnail&status=prioritized')).json()) as {
      queues: { name: string; readOnlyMode: boolean; counts: Record<string, number>; jobs: { data: unknown }[] }[]
    }
    expect(shown.queues.map(({ name }) => name)).toEqual(jobNames)
    expect(shown.queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true)
    expect(shown.queues[0]?.counts.prioritized).toBe(1)
    expect(shown.queues[0]?.jobs.map(({ data }) => data)).toEqual([{ photo }])
    expect((await ask('redis/stats')).status).toBe(200)
    const changes = [
      'queues/thumbnail/pause',
      'queues/thumbnail/empty',
      'queues/thumbnail/obliterate',
      'queues/thumbnail/add',
    ]
    for (const path of [
      ...changes,
      `queues/thumbnail/thumbnail-${photo}/clean`,
      'queues/pause',
      'queues/thumbnail/retry/failed',
    ]) {
      for (const method of ['PUT', 'POST', 'PATCH', 'DELETE']) {
        expect([path, method, (await ask(path, method)).status]).toEqual([path, method, 404])
      }
    }
    expect((await queue.counts('thumbnail')).waiting).toBe(1)
  })
}

describeWith([], 'on Postgres', () => boardSuite(onPostgres))
describeWith('redis', 'on Redis', () => boardSuite(onRedis))

function browserSuite(openStore: () => Promise<QueueConnection>): void {
  test('the page opens after signing in, lists every queue and a job, and asks nothing of anybody else', async () => {
    const { queue, url } = await begin(await openStore())
    const photo = newId()
    await queue.add([{ name: 'thumbnail', data: { photo }, priority: 3 }])
    const browser = await chromium.launch({ executablePath: useChromium(), args: ['--no-sandbox'] })
    onTestFinished(() => browser.close())

    const stranger = await browser.newPage()
    // It asks its user, and here there is none.
    await expect(stranger.goto(`${url}/queues`)).rejects.toThrow('ERR_INVALID_AUTH_CREDENTIALS')

    const context = await browser.newContext({ httpCredentials: { username: 'operator', password } })
    const page = await context.newPage()
    const asked: string[] = []
    const complaints: string[] = []
    page.on('request', request => asked.push(request.url()))
    page.on('console', message => void (message.type() === 'error' && complaints.push(message.text())))
    page.on('pageerror', error => complaints.push(error.message))
    expect((await page.goto(`${url}/queues`))?.status()).toBe(200)
    for (const name of jobNames) await page.getByRole('link', { name }).first().waitFor({ timeout: 20_000 })
    await page.goto(`${url}/queues/queue/thumbnail?status=prioritized`)
    await waitUntil(async () => (await page.content()).includes(photo), {
      what: 'the job is shown',
      deadlineMs: 20_000,
    })
    const elsewhere = asked.filter(one => !one.startsWith(`${url}/queues`) && !one.startsWith('data:'))
    expect(elsewhere).toEqual([])
    expect(complaints).toEqual([])
  })
}

describeWith('chromium', 'in a browser, on Postgres', () => browserSuite(onPostgres))
describeWith(['chromium', 'redis'], 'in a browser, on Redis', () => browserSuite(onRedis))
