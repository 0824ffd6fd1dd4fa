/**
 * The goal: a server that is away for a while, or talks nonsense now and then, costs time and no photo; one that stays away ends the
 * push, and what became of each file is told all the same.
 */
import { expect, test } from 'vitest'
import type { PushEvent, PushOptions } from '../../src/client/index.js'
import type { Answer } from './protocol-server.js'
import { content, usePushScene } from './push-scene.js'

const scene = usePushScene()

async function writeMany(files: number) {
  for (let i = 0; i < files; i++) await scene.write(`${String(i).padStart(2, '0')}.jpg`, content(i, 300 + i))
}
/** With all that was told. */
async function pushTelling(more: Partial<PushOptions> = {}) {
  const events: PushEvent[] = []
  const ended = await scene
    .push({ firstDelayMs: 1, ...more, onProgress: event => events.push(event) })
    .catch((error: unknown) => error)
  const notices = events.flatMap(event => (event.kind === 'notice' ? [event.text] : []))
  const last = events.at(-1)
  return { ended, notices, result: last?.kind === 'end' ? last.result : undefined }
}
/** From the fifth photo on the server answers nothing else, as often as this. */
function away(requests: number, answer: Answer = { status: 502 }) {
  let left = requests
  scene.server.instead = (request, nth) => {
    if (left === requests && !(request === 'POST /v1/uploads' && nth === 5)) return undefined
    return left-- > 0 ? answer : undefined
  }
}

test('a server that is away for longer than all attempts take costs no photo', async () => {
  await writeMany(40)
  away(400)
  const { ended, notices } = await pushTelling()
  expect(ended).toMatchObject({ stored: 40, failed: [] })
  expect(notices.length).toBeGreaterThan(0)
  expect(scene.server.stored.size).toBe(40)
})

test('nothing new is begun while it is away', async () => {
  await writeMany(40)
  let names = new Set<unknown>()
  let left = 300
  scene.server.instead = (request, nth, headers) => {
    if (request !== 'POST /v1/uploads' || nth < 5 || left <= 0) return undefined
    left--
    // The first rounds belong to those that were under way.
    if (left === 150) names = new Set()
    names.add(headers['upload-metadata'])
    return { status: 503 }
  }
  expect(await scene.push({ firstDelayMs: 1, concurrency: 4 })).toMatchObject({ stored: 40 })
  expect(names.size).toBeLessThan(10)
})

test('a server that stays away ends the push after a few files, and each is told', async () => {
  await writeMany(40)
  scene.server.instead = (request, nth) => (request === 'POST /v1/uploads' && nth > 5 ? { status: 500 } : undefined)
  const { ended, result } = await pushTelling({ concurrency: 4, awayMaxMs: 200 })
  expect(ended).toMatchObject({ kind: 'unavailable' })
  expect(result?.stored).toBe(5)
  expect(result?.failures).toBe(35)
  expect(new Set(result?.failed.map(({ file }) => file)).size).toBe(35)
})

test.each([1, 2, 12])(
  'one photo that breaks the server is one failure, and the rest goes on: %d at a time',
  async concurrency => {
    await writeMany(30)
    scene.server.instead = (request, _nth, headers) =>
      request === 'POST /v1/uploads' && headers['upload-length'] === '300' ? { status: 500 } : undefined
    const { ended } = await pushTelling({ awayMaxMs: 1_000, concurrency })
    expect(ended).toMatchObject({ stored: 29, failures: 1, failed: [{ file: '00.jpg' }] })
  },
)

test.each(['POST /v1/sync/check', 'POST /v1/uploads'])(
  '%s: told to come back much later, it ends and says when',
  async said => {
    await writeMany(3)
    scene.server.instead = request =>
      request === said ? { status: 429, headers: { 'retry-after': '3600' } } : undefined
    const { ended, result } = await pushTelling()
    const message = `${scene.server.url} is asked too much and wants to be asked again in 60 min`
    expect(ended).toMatchObject({ kind: 'too_many', message })
    expect(result).toMatchObject({ stored: 0, failures: 3 })
  },
)

test('one nonsense answer to a later question passes', async () => {
  await writeMany(30)
  scene.server.instead = (request, nth) =>
    request === 'POST /v1/sync/check' && nth === 2 ? { status: 200, body: '<html>' } : undefined
  expect((await pushTelling()).ended).toMatchObject({ stored: 30, failures: 0 })
})

test('a question that is answered by nonsense only is told of its files, and the rest goes on', async () => {
  await writeMany(60)
  // One question is told from others, which may be under way at the same time, by how long it is.
  let refused: string | undefined
  let times = 0
  scene.server.instead = (request, _nth, headers) => {
    if (request !== 'POST /v1/sync/check' || scene.server.checks.length === 0) return undefined
    refused ??= headers['content-length']
    if (headers['content-length'] !== refused) return undefined
    times++
    return { status: 404, body: '<html>' }
  }
  const { result } = await pushTelling()
  const { stored = 0, failures = 0, failed = [] } = result ?? {}
  // As often as one question is put.
  expect([stored + failures, times]).toEqual([60, 7])
  expect(failures).toBeGreaterThan(0)
  expect(stored).toBeGreaterThanOrEqual(8)
  expect(failed[0]?.reason).toContain('answered with status 404')
})

test.each(['waits for ever', 'waits for ever, and the token is wrong'])(
  'a gallery of others’ that %s ends with the push',
  async how => {
    const stop = new AbortController()
    const closed: string[] = []
    async function* gallery() {
      try {
        await new Promise<void>(resolve => stop.signal.addEventListener('abort', () => setTimeout(resolve, 500)))
        yield undefined as never
      } finally {
        closed.push(how)
      }
    }
    const wrong = how.endsWith('wrong')
    const ended = pushTelling({ dirs: [], gallery: gallery(), signal: stop.signal, ...(wrong && { token: 'wrong' }) })
    if (!wrong) stop.abort(new Error('enough'))
    expect((await ended).ended).toMatchObject(wrong ? { kind: 'unauthenticated' } : { message: 'enough' })
    expect(closed).toEqual([])
    stop.abort()
  },
)
