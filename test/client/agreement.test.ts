/** The goal: a push asks for its owner's yes before anything of a gallery goes out, and a no reaches one that runs for long. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeAgreement } from '../../src/client/agreement.js'
import type { Found } from '../../src/client/gallery-files.js'
import { makeHome } from '../../src/client/home.js'
import { type Answer, problem } from './protocol-server.js'
import { content, usePushScene } from './push-scene.js'

const scene = usePushScene()
const me = (facts: object) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    ...{ id: 'p', email: 'a@example.org', region: 'test', photos: 0, bytes: 0, unreadable: 0, waiting: 0 },
    ...facts,
  }),
})
const answerMe = (...answers: Answer[]) => {
  scene.server.instead = (request, nth) => (request === 'GET /v1/me' ? answers[nth - 1] : undefined)
}
const consents = (granted: boolean): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ sync: { granted }, places: { granted: false } }),
})
const answerConsents = (...answers: (Answer | undefined)[]) => {
  scene.server.instead = (request, nth) => (request === 'GET /v1/consents' ? answers[nth - 1] : undefined)
}
const agreement = (oldestMs: number) => {
  const { url, token } = scene.server
  const options = (server: string) => ({ server, token, firstDelayMs: 1, attemptsMax: 1 })
  return makeAgreement(
    makeHome(url, () => {}),
    options,
    { oldestMs },
  )
}

test.each([
  ['no', { agreesToSync: false }],
  ['no word of it', {}],
])('a server that says %s gets nothing', async (_, facts) => {
  for (let i = 0; i < 20; i++) await scene.write(`${i}.jpg`, content(i, 500))
  answerMe(me(facts), me(facts))
  for (const dryRun of [false, true]) {
    scene.server.requests.length = 0
    await expect(scene.push({ dryRun })).rejects.toMatchObject({ kind: 'forbidden', facts: { consent: 'sync' } })
    expect(scene.server.requests).toEqual(['GET /v1/me'])
  }
})

test('no hash goes out while the answer is on its way', async () => {
  await scene.write('a.jpg', content(1, 500))
  scene.server.instead = (request, nth) =>
    request === 'GET /v1/me' && nth === 1 ? problem(503, 'unavailable', 'Soon') : undefined
  expect(await scene.push()).toMatchObject({ stored: 1 })
  expect(scene.server.requests).toEqual(['GET /v1/me', 'GET /v1/me', 'POST /v1/sync/check', 'POST /v1/uploads'])
})

test('a yes is asked for again when it is old, without counting the library, and a no counts from then on', async () => {
  answerConsents(undefined, consents(false))
  const agreed = agreement(-1)
  expect([await agreed(), await agreed()]).toEqual(['p', 'p'])
  await expect(agreed()).rejects.toMatchObject({ kind: 'forbidden', facts: { consent: 'sync' } })
  expect(scene.server.requests).toEqual(['GET /v1/me', 'GET /v1/consents', 'GET /v1/consents'])
  expect(await agreed()).toBe('p') // they agreed again
})

test('whoever asks while the answer is on its way waits for the same', async () => {
  const agreed = agreement(-1)
  expect(await Promise.all([agreed(), agreed(), agreed()])).toEqual(['p', 'p', 'p'])
  expect(scene.server.requests).toEqual(['GET /v1/me'])
})

test('a young yes is not asked for again, and an old one outlives a server that is away', async () => {
  const young = agreement(60_000)
  expect(await Promise.all([young(), young()])).toEqual(['p', 'p'])
  expect(scene.server.requests).toEqual(['GET /v1/me'])
  answerConsents(
    problem(503, 'unavailable', 'Back soon'),
    { status: 429, headers: { 'retry-after': '3600' } },
    { status: 200, body: '<html>' },
  )
  const old = agreement(-1)
  expect([await old(), await old(), await old(), await old()]).toEqual(['p', 'p', 'p', 'p'])
  expect(scene.server.requests).toHaveLength(5)
})

test('a walk that is left in its middle is ended: one that watches would keep the program up', async () => {
  await scene.write('a.jpg', content(1, 500))
  const file = { path: join(scene.folder, 'a.jpg'), name: 'a.jpg', mediaType: 'image/jpeg' }
  let ended = false
  async function* walk(): AsyncGenerator<Found> {
    try {
      for (;;) yield { kind: 'file', file, parts: [] }
    } finally {
      ended = true
    }
  }
  answerMe(me({ agreesToSync: false }))
  await expect(scene.push({ dirs: [], gallery: walk() })).rejects.toMatchObject({ kind: 'forbidden' })
  expect(ended).toBe(true)
})
