/**
 * Goal: whoever listens learns soon that their feed has moved, over HTTP/1.1 and HTTP/2, by signals on Redis and on Postgres and without
 * any; and only for as long as they may.
 */
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/core/ids.js'
import type { Placement } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Queryable } from '../../src/db/database.js'
import { appendChange } from '../../src/feed/changes-sql.js'
import { openEvents } from '../../src/feed/events.js'
import { eventRoutes } from '../../src/feed/routes.js'
import { makeReport } from '../../src/http/report.js'
import { buildHttp, closeHttp } from '../../src/http/server.js'
import type { Tls } from '../../src/http/tls.js'
import { openLog } from '../../src/observe/log.js'
import { makeMetrics } from '../../src/observe/metrics.js'
import { openSignals } from '../../src/queue/open-signals.js'
import type { Signals } from '../../src/queue/signals.js'
import { describeWith, type FreshDatabase, freshDatabase, useRedis } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'
import { makeCertificate } from './certificate.js'
import { deadlineMs, listen, listenOverHttp2, type TestListener } from './events-listener.js'
import { readProblem, startRegion, type TestPerson, type TestRegion } from './region.js'

/** Nothing is heard by itself in such a time. */
const seldomMs = 3600_000

let here: TestRegion
let database: FreshDatabase
const closers: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  here = await startRegion()
  database = await freshDatabase()
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(async () => {
  await here.close()
  await database.drop()
})

interface ServerOptions {
  heartbeatMs?: number
  signals?: Signals
  tls?: Tls
  db?: Queryable
}

async function startServer({ heartbeatMs = seldomMs, signals, tls, db = here.db }: ServerOptions = {}) {
  const told = signals ?? (await open({ databaseUrl: database.url }))
  const events = await openEvents({ db, signals: told, onError: () => {}, heartbeatMs })
  const metrics = makeMetrics()
  const { authenticate } = here.accounts
  const app = await buildHttp({
    regionId: 'us-west-2',
    authenticate,
    metrics,
    report: makeReport(openLog({ name: 'test', level: 'silent' }), metrics),
    newId,
    tls,
    routes: [eventRoutes({ events, authenticate })],
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const close = (deadlineMs = 1_000) => closeHttp(app, { deadlineMs })
  closers.push(() => close())
  const { port } = app.server.address() as AddressInfo
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, signals: told, close }
}

async function open(connection: Parameters<typeof openSignals>[0]): Promise<Signals> {
  const signals = await openSignals(connection, () => {})
  closers.push(() => signals.close())
  return signals
}

const bearer = ({ token }: TestPerson) => ({ authorization: `Bearer ${token}` })

const move = async ({ person, epoch }: Placement) => {
  const change = { person, epoch, kind: 'stored', photo: newId(), at: new Date() } as const
  return `1.${await here.db.transaction(tx => appendChange(tx, change))}`
}

describe('a stream', () => {
  test('begins with where the feed ends, and says it again when that has moved', async () => {
    const [ana, ben] = [await here.addPerson(), await here.addPerson()]
    const { url, signals } = await startServer()
    const [hers, his] = [await listen(url, bearer(ana)), await listen(url, { cookie: ben.cookie })]
    await Promise.all([hers.hears('1.0'), his.hears('1.0')])
    await move(ana)
    const end = await move(ana)
    await signals.publish('feed', ana.person)
    await hers.hears(end)
    expect(hers.told).toEqual([
      { id: '1.0', cursor: '1.0' },
      { id: end, cursor: end },
    ])
    await signals.publish('feed', ben.person)
    const next = await move(ben)
    await signals.publish('feed', ben.person)
    await his.hears(next)
    // What is ana's is none of ben's, and where nothing has moved nothing is said.
    expect(his.told.map(({ cursor }) => cursor)).toEqual(['1.0', next])
    expect(Object.fromEntries(hers.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    })
  })

  test('that begins again says at once what its reader has missed', async () => {
    const ana = await here.addPerson()
    const { url } = await startServer()
    const first = await listen(url, bearer(ana))
    await first.hears('1.0')
    first.leave()
    const end = await move(ana)
    const again = await listen(url, { ...bearer(ana), 'last-event-id': '1.0' })
    await again.hears(end)
    again.leave()
  })

  test('looks by itself: signals may be lost', async () => {
    const ana = await here.addPerson()
    const { url } = await startServer({ heartbeatMs: 50 })
    const listener = await listen(url, bearer(ana))
    await listener.hears('1.0')
    await listener.hears(await move(ana))
    await waitUntil(async () => listener.beats() > 2, { what: 'its heart beats', deadlineMs })
  })

  test('goes on after a database that did not answer', async () => {
    const ana = await here.addPerson()
    let broken = 0
    const db: Queryable = {
      query: async (sql, values) => {
        if (broken-- > 0) throw new Error('the database does not answer')
        return here.db.query(sql, values)
      },
    }
    const { url, signals } = await startServer({ db })
    const listener = await listen(url, bearer(ana))
    await listener.hears('1.0')
    broken = 2
    const end = await move(ana)
    await signals.publish('feed', ana.person)
    await listener.hears(end)
  })

  test('works over HTTP/2, many on one connection’s server', async () => {
    const ana = await here.addPerson()
    const tls = makeCertificate()
    const { url, signals, close } = await startServer({ tls })
    const listeners = await Promise.all(Array.from({ length: 5 }, () => listenOverHttp2(url, tls, bearer(ana))))
    await Promise.all(listeners.map(listener => listener.hears('1.0')))
    const end = await move(ana)
    await signals.publish('feed', ana.person)
    await Promise.all(listeners.map(listener => listener.hears(end)))
    await close()
    await Promise.all(listeners.map(({ ended }) => ended))
  })
})

describe('it ends', () => {
  test.each(['device', 'session'])('when its %s is revoked, and the others go on', async by => {
    const ana = await here.addPerson()
    const { url, signals } = await startServer({ heartbeatMs: 50 })
    const { token, id } = await here.accounts.addDevice(ana.person, 'tablet')
    const doomed = await listen(url, by === 'device' ? { authorization: `Bearer ${token}` } : { cookie: ana.cookie })
    const other = await listen(url, bearer(ana))
    await Promise.all([doomed.hears('1.0'), other.hears('1.0')])
    if (by === 'device') await here.accounts.revokeDevice(ana.person, id)
    else await here.db.query('delete from sessions where person = $1', [ana.person])
    await doomed.ended
    const end = await move(ana)
    await signals.publish('feed', ana.person)
    await other.hears(end)
    expect(doomed.told).toHaveLength(1)
  })

  test('when the server closes, at once', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, () => here.addPerson()))
    const { url, close } = await startServer()
    const listeners = await Promise.all(people.map(person => listen(url, bearer(person))))
    await Promise.all(listeners.map(listener => listener.hears('1.0')))
    // Well before requests under way would be ended: that is beyond this test's own deadline.
    await close(300_000)
    await Promise.all(listeners.map(({ ended }) => ended))
  })
})

test('nobody has more than a few, and who leaves makes room', async () => {
  const [ana, ben] = [await here.addPerson(), await here.addPerson()]
  const { url } = await startServer()
  const listeners: TestListener[] = []
  for (let i = 0; i < limits.eventStreamsPerPerson; i++) listeners.push(await listen(url, bearer(ana)))
  const refused = await fetch(`${url}/v1/events`, { headers: bearer(ana) })
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await readProblem(refused)).toMatchObject({ kind: 'too_many' })
  const his = await listen(url, bearer(ben))
  await his.hears('1.0')
  listeners[0]?.leave()
  await waitUntil(async () => (await listen(url, bearer(ana))) !== undefined, { what: 'there is room', deadlineMs })
})

test.each([[{}], [{ authorization: 'Bearer nonsense' }]])('nobody listens without being known: %j', async headers => {
  const { url } = await startServer()
  const refused = await fetch(`${url}/v1/events`, { headers: headers as Record<string, string> })
  expect(refused.status).toBe(401)
  expect(await readProblem(refused)).toMatchObject({ kind: 'unauthenticated' })
})

test('of a stream there is no head alone', async () => {
  const ana = await here.addPerson()
  const { url } = await startServer()
  expect((await fetch(`${url}/v1/events`, { method: 'HEAD', headers: bearer(ana) })).status).toBe(404)
})

describeWith('redis', 'with signals on Redis', () => {
  test('many who listen are all told, whoever published it', async () => {
    const people = await Promise.all(Array.from({ length: 12 }, () => here.addPerson()))
    const connection = { redisUrl: useRedis() }
    const servers = [
      await startServer({ signals: await open(connection) }),
      await startServer({ signals: await open(connection) }),
    ]
    const worker = await open(connection)
    const listening = people.flatMap(person =>
      [0, 1, 2, 3].map(async i => ({ person, listener: await listen(servers[i % 2]?.url ?? '', bearer(person)) })),
    )
    const listeners = await Promise.all(listening)
    await Promise.all(listeners.map(({ listener }) => listener.hears('1.0')))
    for (const person of people) {
      await move(person)
      await worker.publish('feed', person.person)
    }
    await Promise.all(listeners.map(({ listener }) => listener.hears('1.1')))
  })
})
