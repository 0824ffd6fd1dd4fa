/** The goal: what was kept of one person never becomes part of another's mirror, and a damaged text is none. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { catchUp, type FollowEvent, type MirrorStore } from '../../src/client/index.js'
import { mirrorOfText, textOfMirror } from '../../src/client/kept-mirror.js'
import { seededRandom } from '../support/seed.js'

/** By person, who is also their token: how many photos their feed tells of. */
const feeds: Record<string, number> = { ana: 2, ben: 3, new: 0 }
let server: http.Server
let url: string
let away: boolean
let asked: string[]
let kept: string | undefined
const store: MirrorStore = {
  load: async () => kept,
  save: async text => {
    kept = text
  },
}

beforeEach(async () => {
  away = false
  asked = []
  kept = undefined
  server = http.createServer((request, response) => {
    const who = request.headers.authorization?.slice('Bearer '.length) ?? ''
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server')
    const since = searchParams.get('since')
    asked.push(since === null ? pathname : `${pathname} ${since}`)
    response.writeHead(away ? 503 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(pathname === '/v1/me' ? me(who) : pageOf(who, Number(since?.split('.')[1] ?? 0))))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

const counts = { photos: 0, bytes: 0, unreadable: 0, waiting: 0 }
const me = (who: string) => ({ id: `id of ${who}`, email: 'a@example.org', region: 'test', ...counts })

function pageOf(who: string, since: number) {
  const changes = []
  for (let seq = since + 1; seq <= (feeds[who] ?? 0); seq++) {
    changes.push({ seq, at: 'then', kind: 'ready', photo: `${who}${seq}`, now: entry(`${who}${seq}`) })
  }
  return { changes, cursor: `1.${feeds[who]}`, more: false }
}

const entry = (sha256: string) => ({
  ...{
    sha256,
    sizeBytes: 1,
    fileName: null,
    mediaType: null,
    kind: null,
    state: 'ready',
    reason: null,
    verified: true,
  },
  ...{ width: null, height: null, durationMs: null, thumbhash: null, takenAt: null, takenOffsetMinutes: null },
  ...{ shownAt: 'then', storedAt: 'then', favourite: false, archived: false, rating: null, description: 'Wäsche\n🌊' },
  ...{ trashedAt: null, partOf: null, role: null, renditions: [] },
})

async function photosOf(who: string): Promise<string[]> {
  const { photos } = await catchUp({ server: url, token: who, store, firstDelayMs: 1 })
  return [...photos.keys()]
}

test('each sees what is theirs, whoever the store was used by before', async () => {
  expect(await photosOf('ana')).toEqual(['ana1', 'ana2'])
  expect(await photosOf('ben')).toEqual(['ben1', 'ben2', 'ben3'])
  expect(await photosOf('new')).toEqual([])
  expect(await photosOf('ana')).toEqual(['ana1', 'ana2'])
  expect(asked.filter(path => path === '/v1/sync/changes')).toHaveLength(4)
})

test('one’s own is gone on with', async () => {
  await photosOf('ana')
  expect(await photosOf('ana')).toEqual(['ana1', 'ana2'])
  expect(asked).toEqual(['/v1/me', '/v1/sync/changes', '/v1/me', '/v1/sync/changes 1.2'])
})

test('while the server is away nothing of one is saved as the other’s', async () => {
  await photosOf('ana')
  const before = kept
  away = true
  const events: FollowEvent[] = []
  const onChange = (event: FollowEvent) => void events.push(event)
  await expect(catchUp({ server: url, token: 'ben', store, firstDelayMs: 1, onChange })).rejects.toMatchObject({
    kind: 'unavailable',
  })
  expect([kept, events]).toEqual([before, []])
})

test('a text that was cut off, damaged, or is another program’s begins anew', async () => {
  await photosOf('ana')
  const whole = kept ?? ''
  expect(mirrorOfText(whole)).toMatchObject({ account: 'id of ana' })
  const random = seededRandom()
  for (let round = 0; round < 300; round++) {
    const at = random.between(0, whole.length - 1)
    expect(mirrorOfText(whole.slice(0, at))).toBeUndefined()
    const other = whole[at] === 'x' ? 'y' : 'x'
    expect(mirrorOfText(whole.slice(0, at) + other + whole.slice(at + 1))).toBeUndefined()
    // A shorter text written over a longer one.
    expect(mirrorOfText(whole + whole.slice(at))).toBeUndefined()
  }
  const { mirror } = mirrorOfText(whole) ?? {}
  for (const text of ['', '\n', 'no mirror', 'null\nnull', '{}\n{}', mirror?.serialize() ?? '', `\n${whole}`]) {
    kept = text
    expect(await photosOf('ana')).toEqual(['ana1', 'ana2'])
  }
  expect(mirror && textOfMirror({ account: 'id of ana', mirror })).toBe(whole)
})
