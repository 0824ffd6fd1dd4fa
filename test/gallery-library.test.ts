/**
 * Goal: what one person's session asked for never reaches the next one's page, however late it is answered. The library of
 * the page runs against an HTTP server on loopback that answers for whoever is signed in when a request comes, and can keep
 * an answer back; only the page's base address is supplied to it, since there is no page.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLibrary, type Library } from '../src/gallery/web/library.js'

const month = '2025-06'
let person: 'ana' | 'ben' | undefined
let asked: string[] = []
let heldBack: Promise<void> | undefined

/** Both have a photo of the same id in the same month, so that nothing but the person tells them apart. */
function answer(path: string): object {
  if (path === '/v1/me') {
    return { id: person, email: `${person}@example.org`, region: 'r', photos: 1, bytes: 1, unreadable: 0, waiting: 0 }
  }
  if (path === '/v1/timeline') return { sections: [{ id: month, count: 1 }] }
  if (path.startsWith('/v1/timeline/')) {
    const shownAt = [`${month}-14T12:00:00`]
    const unsaid = { width: [null], height: [null], reason: [null], thumbhash: [null], cursor: null }
    const picture = { kind: ['picture'], durationMs: [null], thumbnail: [true], motion: [false], animated: [false] }
    const told = { state: ['ready'], renditionVersion: ['7'], fileName: [`${person}.jpg`] }
    return { ...unsaid, ...picture, ...told, id: ['p'], shownAt }
  }
  if (path.startsWith('/v1/consents')) return { places: { granted: person === 'ana' } }
  return { id: 'p', state: 'ready', fileName: `${person}.jpg` }
}

const server = createServer(async (request, response) => {
  const { method, url = '' } = request
  asked.push(`${method} ${url.split('?')[0]}`)
  const status = method === 'DELETE' ? 204 : person ? 200 : 401
  const body = status === 200 ? JSON.stringify(answer(url)) : undefined
  if (method === 'DELETE') person = undefined
  else await heldBack
  response.writeHead(status).end(body)
})

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { fetch } = globalThis
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => fetch(origin + path, init))
})

afterAll(() => {
  vi.unstubAllGlobals()
  server.closeAllConnections()
  server.close()
})

beforeEach(() => {
  asked = []
})

/** Asks something whose answers are on their way until `arrive` is called. Resolves once the server has `requests` of it. */
async function askSlowly<T>(ask: () => Promise<T>, requests: number) {
  let arrive = () => {}
  heldBack = new Promise(resolve => {
    arrive = resolve
  })
  asked = []
  const done = ask()
  await expect.poll(() => asked.length).toBe(requests)
  heldBack = undefined
  return { done, arrive }
}

async function signedIn(who: 'ana' | 'ben', library = createLibrary()): Promise<Library> {
  person = who
  await library.refresh()
  return library
}

const signedOut = { phase: 'signed-out', sections: [] }
const bens = { phase: 'ready', me: { id: 'ben' }, sections: [{ id: month, count: 1 }] }

describe.each<[string, number, (library: Library) => Promise<unknown>]>([
  ['a refresh', 2, library => library.refresh()],
  ['a month', 1, library => library.loadSection(month)],
  ['the details of a photo', 1, library => library.details('p')],
  ['whether places are kept', 1, library => library.keepsPlaces()],
])('%s, asked for before signing out', (_, requests, ask) => {
  test('and answered after it, leaves the page signed out', async () => {
    const library = await signedIn('ana')
    const late = await askSlowly(() => ask(library), requests)
    await library.leave()
    late.arrive()
    await late.done
    expect(library.get()).toEqual(signedOut)
  })

  test('and answered when somebody else is in, changes nothing of theirs, then or later', async () => {
    const library = await signedIn('ana')
    const late = await askSlowly(() => ask(library), requests)
    await library.leave()
    await signedIn('ben', library)
    const before = library.get()
    expect(before).toMatchObject(bens)
    late.arrive()
    await late.done
    expect(library.get()).toBe(before)
    expect(await library.details('p')).toMatchObject({ fileName: 'ben.jpg' })
  })

  test('is asked again for who comes next, not shared with them', async () => {
    const library = await signedIn('ana')
    const late = await askSlowly(() => ask(library), requests)
    await library.leave()
    await signedIn('ben', library)
    asked = []
    await ask(library)
    expect(asked).toHaveLength(requests)
    late.arrive()
    await late.done
  })

  test('and refused when somebody else is in, does not sign them out', async () => {
    const library = await signedIn('ana')
    person = undefined
    const late = await askSlowly(() => ask(library), requests)
    await library.leave()
    await signedIn('ben', library)
    late.arrive()
    await late.done.catch(() => {})
    expect(library.get()).toMatchObject(bens)
  })
})

test('a session that ended by itself takes with it what is on its way, too', async () => {
  const library = await signedIn('ana')
  const late = await askSlowly(() => library.refresh(), 2)
  person = undefined
  await library.loadSection(month)
  expect(library.get()).toEqual({ ...signedOut, expired: true })
  late.arrive()
  await late.done
  expect(library.get()).toEqual({ ...signedOut, expired: true })
})

test('within a session the same is asked once at a time, and what is loaded stays', async () => {
  const library = await signedIn('ana')
  asked = []
  await Promise.all([library.loadSection(month), library.loadSection(month)])
  expect(asked).toEqual([`GET /v1/timeline/${month}`])
  const [section] = library.get().sections
  expect(section?.photos).toMatchObject([{ id: 'p', fileName: 'ana.jpg', renditionVersion: '7' }])
  asked = []
  await Promise.all([library.refresh(), library.refresh()])
  expect(asked.toSorted()).toEqual(['GET /v1/me', 'GET /v1/timeline'])
  expect(library.get().sections[0]).toBe(section)
  await library.details('p')
  await library.details('p')
  expect(asked.filter(path => path === 'GET /v1/photos/p')).toHaveLength(1)
})

test('somebody else who signed in in another tab finds nothing of the one before', async () => {
  const library = await signedIn('ana')
  await library.loadSection(month)
  await library.details('p')
  await signedIn('ben', library)
  expect(library.get()).toMatchObject(bens)
  expect(library.get().sections[0]).not.toHaveProperty('photos')
  await library.loadSection(month)
  expect(library.get().sections[0]?.photos?.map(({ fileName }) => fileName)).toEqual(['ben.jpg'])
  expect(await library.details('p')).toMatchObject({ fileName: 'ben.jpg' })
})

test('whoever settles whether places are kept is told details anew', async () => {
  const library = await signedIn('ana')
  expect(await library.keepsPlaces()).toBe(true)
  await library.details('p')
  asked = []
  await library.keepPlaces(false)
  await library.details('p')
  expect(asked).toEqual(['PUT /v1/consents/places', 'GET /v1/photos/p'])
})
