/** The goal: what the command of freeing space says is true and safe to read, and no clock that is wrong makes a file old. */
import { createHash } from 'node:crypto'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { freeUpSpaceCommand } from '../../src/cli/free-up-space.js'
import { type FreeUpEvent, type FreeUpOptions, freeUpSpace } from '../../src/client/index.js'
import { problem, startProtocolServer } from './protocol-server.js'
import { content, usePushScene } from './push-scene.js'

const scene = usePushScene()
const dayMs = 24 * 3600_000

class Collected extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void) {
    this.text += chunk.toString()
    done()
  }
}

async function run(...args: string[]) {
  const [stdout, stderr] = [new Collected(), new Collected()]
  const { token, url } = scene.server
  const io = { stdout, stderr, signal: new AbortController().signal, env: { PHOTOSYNC_TOKEN: token } }
  const all = [scene.folder, '--older-than', '30d', '--server', url, ...args]
  const status = await freeUpSpaceCommand(all, io, new PassThrough())
  return { status, said: stdout.text + stderr.text }
}

/** On the disk, and on the server, verified. */
async function write(name: string, seed: number, ageDays: number) {
  const bytes = await scene.write(name, content(seed, 100))
  const at = (Date.now() - ageDays * dayMs) / 1000
  await utimes(join(scene.folder, name), at, at)
  scene.server.stored.set(createHash('sha256').update(bytes).digest('hex'), { bytes, metadata: {} })
}

test('names and what a server says neither move the cursor nor turn the text around', async () => {
  await write('a\u202egpj.exe\n.jpg', 1, 60)
  await write('b\u202e\u001b[2J.jpg', 2, 60)
  scene.server.stored.delete([...scene.server.stored.keys()][1] ?? '')
  const dry = await run('--dry-run')
  expect(dry.status).toBe(0)
  expect(dry.said).toContain('would go: a\\u202egpj.exe\\n.jpg\n')
  expect(dry.said).toContain('stays: b\\u202e\\e[2J.jpg: is not on the server')

  const home = await startProtocolServer()
  const facts = { region: '\u001b[2J\u202eall gone', apiUrl: home.url }
  scene.server.instead = () => problem(421, 'misdirected', 'Elsewhere', facts)
  const moved = await run('--dry-run')
  await home.close()
  expect(moved.said).toContain('These photos live in \\e[2J\\u202eall gone: asking')
  scene.server.instead = () => problem(403, 'forbidden', 'Not \u202eyou')
  const refused = await run('--dry-run')
  expect(refused).toEqual({ status: 1, said: 'photosync: Not \\u202eyou\n' })
  expect((dry.said + moved.said).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
})

async function goes(more: Partial<FreeUpOptions>) {
  const events: FreeUpEvent[] = []
  const { url, token } = scene.server
  const { plan } = await freeUpSpace({
    ...{ server: url, token, dirs: [scene.folder], olderThanMs: 30 * dayMs },
    confirm: async () => false,
    onEvent: event => events.push(event),
    ...more,
  })
  return { goes: plan.goes.map(({ file }) => file), clocks: events.filter(({ kind }) => kind === 'clocks') }
}

test.each<[string, number, string[], boolean]>([
  ['right', 0, ['old.jpg'], false],
  ['an hour ahead', dayMs / 24, ['old.jpg'], false],
  ['a year ahead', 365 * dayMs, ['old.jpg'], true],
  ['a year behind', -365 * dayMs, [], true],
])('a clock that is %s', async (_, aheadMs, expected, told) => {
  await write('old.jpg', 1, 60)
  await write('young.jpg', 2, 1)
  const found = await goes({ now: () => new Date(Date.now() + aheadMs) })
  expect(found.goes).toEqual(expected)
  // The header has whole seconds.
  const near = Math.sign(aheadMs) * dayMs * 364
  expect(found.clocks).toEqual(told ? [{ kind: 'clocks', aheadMs: expect.any(Number) }] : [])
  const [event] = found.clocks
  if (event?.kind === 'clocks') expect(Math.abs(event.aheadMs - near)).toBeLessThan(2 * dayMs)
})

test('clocks that differ are told in plain words, and a server that does not say what time it is does no harm', async () => {
  await write('old.jpg', 1, 60)
  const { said } = await run('--dry-run')
  expect(said).not.toContain('clock')
  const dated = (date: string) => {
    scene.server.instead = request =>
      request === 'GET /v1/me' ? { status: 200, headers: { date }, body: JSON.stringify(me) } : undefined
  }
  dated(new Date(Date.now() - 365 * dayMs).toUTCString())
  expect((await run('--dry-run')).said).toContain('The clock of this machine is 365 days ahead of the server')
  for (const date of ['', 'soon']) {
    dated(date)
    const { said } = await run('--dry-run')
    expect(said).toContain('would go: old.jpg')
    expect(said).not.toContain('clock')
  }
})

const counts = { photos: 0, bytes: 0, unreadable: 0, waiting: 0 }
const me = { id: 'p', email: 'a@example.org', region: 'test', ...counts, agreesToSync: true }
