/**
 * Goal: somebody who follows has what the service has, soon, whatever happens in between: lost signals, restarts, resets,
 * moves, their own restarts; and it ends when it should. Against the service as it runs in production.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { withAccounts } from '../../src/cli/with-accounts.js'
import { catchUp, type FeedApi, isAppError, type Mirror, makeFeedApi } from '../../src/client/index.js'
import { newId } from '../../src/core/ids.js'
import { forgetDeletions, removeSuperseded } from '../../src/feed/compact-sql.js'
import { type Person, type Service, startService } from '../e2e/service.js'
import { waitUntil } from '../support/wait-until.js'
import { contentOf } from './feed-model.js'
import { answerProblem, pushPictures, startFollowing, startFront } from './follow-scene.js'

// Each takes seconds; processes that start on a busy machine take many more.
vi.setConfig({ testTimeout: 180_000 })

let service: Service
beforeAll(async () => {
  service = await startService('Postgres and a disk')
})
afterAll(() => service?.stop())

const never = 3600_000

async function newcomer(): Promise<{
  person: Person
  token: string
  api: FeedApi
  push(count: number): Promise<string[]>
}> {
  const person = await service.addPerson()
  const { token } = person
  const { server } = service
  return { person, token, api: makeFeedApi({ server, token }), push: count => pushPictures(server, token, count) }
}

/** A handset without anything. */
const fresh = (token: string, pageEntries?: number): Promise<Mirror> =>
  catchUp({ server: service.server, token, ...(pageEntries !== undefined && { pageEntries }) })

const allReady = (mirror: Mirror, count: number) =>
  mirror.photos.size === count &&
  [...mirror.photos.values()].every(({ state, verified }) => state === 'ready' && verified)

test('it learns of everything by the server’s word, and a fresh handset rebuilds the same', async () => {
  const { person, token, api, push } = await newcomer()
  const follower = startFollowing({ server: service.server, token, lookEveryMs: never })
  const [one = '', two = '', three = ''] = await push(3)
  await follower.until('three verified pictures', mirror => allReady(mirror, 3))

  const album = newId()
  await api.putAlbum(album, 'Sea')
  expect(await api.addToAlbum(album, [one, two])).toBe(2)
  await follower.until('the album', ({ photosOf }) => photosOf(album).size === 2)
  expect(await api.removeFromAlbum(album, [two])).toBe(1)
  expect(await api.trash([two, three])).toBe(2)
  expect(await api.restore([three])).toBe(1)
  await api.edit(one, { favourite: true, description: 'Waves', rating: 4 })
  expect(await api.emptyTrash([two])).toBe(1)
  await follower.until('the edit and the deletion', ({ photos }) => photos.get(one)?.rating === 4 && !photos.has(two))

  const { mirror } = follower
  expect(mirror.photos.get(one)).toMatchObject({ favourite: true, description: 'Waves' })
  expect([mirror.photos.get(three)?.trashedAt, [...mirror.photosOf(album)]]).toEqual([null, [one]])
  for (const pageEntries of [1, 1_000]) {
    expect(contentOf(await fresh(token, pageEntries))).toEqual(contentOf(mirror))
  }
  const rows = await service.db.query<{ id: string }>('select id from photos where person = $1', [person.id])
  expect([...mirror.photos.keys()].sort()).toEqual(rows.map(({ id }) => id).sort())
})

test('where signals are lost it looks by itself', async () => {
  const { token, push } = await newcomer()
  const front = await startFront(service.server, (path, response) =>
    path.startsWith('/v1/events') ? answerProblem(response, 503, { kind: 'unavailable' }) : false,
  )
  const follower = startFollowing({ server: front.url, token, lookEveryMs: 100 })
  await push(1)
  await follower.until('the picture', ({ photos }) => photos.size === 1)
  await push(1)
  await follower.until('the next one', ({ photos }) => photos.size === 2)
  expect(front.paths.some(path => path.startsWith('/v1/events'))).toBe(true)
})

test('it outlives a restart of the server, and learns what happened since', async () => {
  const { token, push } = await newcomer()
  const follower = startFollowing({ server: service.server, token, lookEveryMs: 500 })
  await push(1)
  await follower.until('the first', ({ photos }) => photos.size === 1)
  await service.api.kill9()
  await follower.until('that it noticed', () => follower.events.some(({ kind }) => kind === 'away'))
  await service.startApi()
  await push(1)
  await follower.until('both', mirror => allReady(mirror, 2))
  expect(follower.events.some(event => event.kind === 'page' && event.reset)).toBe(false)
})

test('a cursor that the feed has forgotten becomes a reset, and what is gone goes', async () => {
  const { person, token, api, push } = await newcomer()
  const [gone = '', stays = ''] = await push(2)
  const texts: string[] = []
  const store = { load: async () => texts.at(-1), save: async (text: string) => void texts.push(text) }
  const untilReady = (look: () => Promise<Mirror>) =>
    waitUntil(async () => allReady(await look(), 2), { what: 'two verified pictures', deadlineMs: 45_000 })
  await untilReady(() => catchUp({ server: service.server, token, store }))
  const before = texts.length

  await api.trash([gone])
  await api.emptyTrash({ all: true })
  const [more = ''] = await push(1)
  // From here on nothing happens but what this test does.
  await untilReady(() => fresh(token))
  const batch = { after: 0, before: new Date(Date.now() + never), limit: 1_000 }
  const placement = { person: person.id, epoch: 1 }
  await removeSuperseded(service.db, placement, batch)
  expect(await forgetDeletions(service.db, placement, batch)).toBeGreaterThan(0)

  const events: string[] = []
  const after = await catchUp({
    server: service.server,
    token,
    store,
    pageEntries: 1,
    onChange: event => events.push(event.kind === 'page' && event.reset ? 'reset' : event.kind),
  })
  expect(events.filter(kind => kind === 'reset')).toHaveLength(1)
  expect([...after.photos.keys()].sort()).toEqual([stays, more].sort())
  expect(contentOf(after)).toEqual(contentOf(await fresh(token)))
  expect(texts).toHaveLength(before + 1)
})

test('what was kept is where the next run goes on; what cannot be read is begun anew', async () => {
  const { token, push } = await newcomer()
  await push(2)
  const texts = ['no mirror']
  const store = { load: async () => texts.at(-1), save: async (text: string) => void texts.push(text) }
  const first = await catchUp({ server: service.server, token, store })
  expect(first.photos.size).toBe(2)
  const front = await startFront(service.server, () => false)
  const second = await catchUp({ server: front.url, token, store })
  expect([...second.photos.keys()]).toEqual([...first.photos.keys()])
  expect(front.paths).toEqual(['/v1/me', expect.stringContaining(`since=${first.cursor}`)])
})

test('a server that is not the home points to it, and is followed', async () => {
  const { token, push } = await newcomer()
  await push(1)
  const front = await startFront('', (_, response) =>
    answerProblem(response, 421, { kind: 'misdirected', apiUrl: service.server, region: 'ap-southeast-1' }),
  )
  const follower = startFollowing({ server: front.url, token, lookEveryMs: never })
  await follower.until('the picture', ({ photos }) => photos.size === 1)
  expect(follower.events).toContainEqual({ kind: 'moved', server: service.server, region: 'ap-southeast-1' })
  await push(1)
  await follower.until('the next, by the home’s own word', ({ photos }) => photos.size === 2)
})

describe('it ends', () => {
  test('when the device is revoked', async () => {
    const { person, token, push } = await newcomer()
    const follower = startFollowing({ server: service.server, token, lookEveryMs: 200 })
    await push(1)
    await follower.until('the picture', ({ photos }) => photos.size === 1)
    await withAccounts(service.env, async accounts => {
      for (const { id } of await accounts.listDevices(person.id)) await accounts.revokeDevice(person.id, id)
    })
    expect(isAppError(await follower.ended, 'unauthenticated')).toBe(true)
    expect(follower.mirror.photos.size).toBe(1)
  })

  test.each([
    ['a wrong token', () => service.server, 'unauthenticated'],
    ['a page that is none of ours', async () => (await startFront('', pageOfOthers)).url, 'invalid'],
  ])('at once at %s', async (_, serverOf, kind) => {
    const follower = startFollowing({ server: await serverOf(), token: 'ps1.ap-southeast-1.wrong' })
    expect(await follower.ended).toMatchObject({ kind })
  })

  test('with its signal, wherever it waits', async () => {
    const { token } = await newcomer()
    for (const server of [service.server, 'http://127.0.0.1:9']) {
      const follower = startFollowing({ server, token })
      await follower.until('its first event', () => follower.events.length > 0)
      follower.stop.abort(new Error('enough'))
      expect(await follower.ended).toEqual(new Error('enough'))
    }
  })
})

const pageOfOthers = (_path: string, response: import('node:http').ServerResponse): boolean => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Welcome to our hotel')
  return true
}
