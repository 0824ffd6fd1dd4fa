/** The goal: a watched folder is sent as it fills, each file once it rests; and what the command says is safe to read. */
import { appendFile, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { printable } from '../../src/cli/printable.js'
import { pushCommand } from '../../src/cli/push.js'
import { stateFolder } from '../../src/cli/state-folder.js'
import { waitUntil } from '../support/wait-until.js'
import { problem } from './protocol-server.js'
import { content, usePushScene } from './push-scene.js'

const scene = usePushScene()
const deadlineMs = 30_000

class Collected extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void) {
    this.text += chunk.toString()
    done()
  }
}

async function run(args: string[], signal = new AbortController().signal, stderr = new Collected()) {
  const stdout = new Collected()
  const { token, url } = scene.server
  const status = await pushCommand([scene.folder, '--server', url, ...args], {
    ...{ stdout, stderr, signal },
    env: { PHOTOSYNC_TOKEN: token, XDG_STATE_HOME: join(scene.folder, '.state') },
  })
  return { status, stdout: stdout.text, stderr: stderr.text }
}

const storedNames = () => [...scene.server.stored.values()].map(({ metadata }) => metadata.filename).sort()
const until = (names: string[]) =>
  waitUntil(async () => storedNames().join() === names.join(), { deadlineMs, what: `${names} to be stored` })

test('a watch sends what is there and what comes, in new folders too; Ctrl-C ends it with a summary', async () => {
  const stop = new AbortController()
  await scene.write('a.jpg', content(1, 500))
  const stderr = new Collected()
  const ended = run(['--watch', '--json'], stop.signal, stderr)
  await until(['a.jpg'])
  await mkdir(join(scene.folder, '100APPLE'))
  await scene.write('100APPLE/b.jpg', content(2, 500))
  await until(['a.jpg', 'b.jpg'])
  await writeFile(join(scene.folder, '100APPLE/.part'), content(3, 500))
  await rename(join(scene.folder, '100APPLE/.part'), join(scene.folder, '100APPLE/c.jpg'))
  await until(['a.jpg', 'b.jpg', 'c.jpg'])
  // The server has them; the handset has to have heard of it.
  await waitUntil(async () => stderr.text.includes('3/3+ files'), { deadlineMs, what: 'it to say so' })
  stop.abort(new Error('Ctrl-C'))
  const { status, stdout } = await ended
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ stored: 3, failed: [] })
})

test('a file that is still being written is left alone until it rests', async () => {
  const stop = new AbortController()
  const sizes: number[] = []
  const result = scene.push({
    watch: { restMs: 600, rescanMs: 300 },
    signal: stop.signal,
    onProgress: event => {
      if (event.kind === 'file' && event.file.outcome === 'stored') sizes.push(event.file.sizeBytes)
      if (sizes.includes(15_000)) stop.abort()
    },
  })
  const path = join(scene.folder, 'growing.mp4')
  for (let i = 0; i < 15; i++) {
    await appendFile(path, content(i, 1_000))
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  expect((await result).failures).toBe(0)
  // On a machine that stands still for so long that it seemed to rest, a version of it may have gone before.
  expect(sizes.at(-1)).toBe(15_000)
})

test('a file that failed is tried again, and counts no longer once it is stored', async () => {
  const stop = new AbortController()
  await scene.write('a.jpg', content(5, 500))
  await utimes(join(scene.folder, 'a.jpg'), 1e9, 1e9)
  scene.server.instead = (request, nth) =>
    request === 'POST /v1/uploads' && nth <= 2 ? problem(400, 'invalid', 'Not now') : undefined
  const result = await scene.push({
    watch: { restMs: 50, rescanMs: 200 },
    signal: stop.signal,
    onProgress: event => {
      if (event.kind === 'file' && event.file.outcome === 'stored') stop.abort()
    },
  })
  expect(result).toMatchObject({ stored: 1, failures: 0, failed: [] })
})

test('a file on its way when a watch ends is named as not stored, and so is one that is only read', async () => {
  const stop = new AbortController()
  await scene.write('a.jpg', content(1, 300))
  await utimes(join(scene.folder, 'a.jpg'), 1e9, 1e9)
  scene.server.onArrived = () => {
    stop.abort(new Error('Ctrl-C'))
    return new Promise(() => {})
  }
  const { status, stdout, stderr } = await run(['--watch', '--json'], stop.signal)
  expect(status).toBe(1)
  const why = 'was not stored before the push ended'
  expect(JSON.parse(stdout)).toMatchObject({ stored: 0, failed: [{ file: 'a.jpg', reason: why }] })
  expect(stderr).toBe(`not stored: a.jpg: ${why}\n`)
})

test('a watch that begins while the server is away waits for it', async () => {
  const stop = new AbortController()
  await scene.write('a.jpg', content(1, 300))
  scene.server.instead = (request, nth) => (request === 'GET /v1/me' && nth <= 7 ? { status: 503 } : undefined)
  const said: string[] = []
  const ended = scene.push({
    watch: { restMs: 50 },
    firstDelayMs: 1,
    signal: stop.signal,
    onProgress: event => {
      if (event.kind === 'notice') said.push(event.text)
      if (event.kind === 'file') stop.abort()
    },
  })
  expect(await ended).toMatchObject({ stored: 1, failures: 0 })
  expect(said).toEqual([expect.stringContaining('trying again until it answers')])
})

test('names that would play with the terminal are written as escapes, by a dry run that sends nothing', async () => {
  const name = 'a\nnot stored: b\u001b[2J\u202e.svg'
  await scene.write(name, content(6, 100))
  await scene.write('Ünïcödé 写真 👋.jpg', content(7, 100))
  const dry = await run(['--dry-run'])
  expect(dry.status).toBe(0)
  expect(dry.stdout).toContain('would be sent: a\\nnot stored: b\\e[2J\\u202e.svg (0.0 MB)\n')
  expect(dry.stdout).toContain('would be sent: Ünïcödé 写真 👋.jpg (0.0 MB)\n')
  expect(dry.stdout).toContain('2 would be sent (0.0 MB)')
  expect((dry.stdout + dry.stderr).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
  expect(scene.server.stored.size).toBe(0)
})

test('sockets, loops and what else is no picture are counted by their reason; a second run asks twice and reads nothing', async () => {
  await scene.write('a.jpg', content(8, 100))
  await utimes(join(scene.folder, 'a.jpg'), 1e9, 1e9)
  await scene.write('notes.txt', content(9, 100))
  await scene.write('IMG_1.AAE', content(9, 100))
  await scene.write('alone.xmp', content(9, 100))
  await symlink(scene.folder, join(scene.folder, 'loop'))
  const socket = http.createServer()
  await new Promise<void>(resolve => socket.listen(join(scene.folder, 'socket.jpg'), resolve))
  try {
    const { status, stdout } = await run([])
    expect(status).toBe(0)
    expect(stdout).toContain('1 stored')
    expect(stdout).toContain('5 skipped (')
    expect(stdout).toContain('1 a sidecar without its photo')
    const again = await run(['--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ alreadyThere: 1, requests: 2 })
  } finally {
    socket.close()
    await rm(join(scene.folder, 'socket.jpg'), { force: true })
  }
})

test('a watch that is no watch', async () => {
  expect(await run(['--watch', '--dry-run'])).toMatchObject({ status: 2 })
  expect(scene.server.requests).toEqual([])
})

test.each([
  [{ XDG_STATE_HOME: '/state', HOME: '/there' }, '/state/photosync'],
  [{ XDG_STATE_HOME: 'relative', HOME: '/there' }, '/there/.local/state/photosync'],
  [{ HOME: '/there' }, '/there/.local/state/photosync'],
  [{}, undefined],
])('%j keeps its state in %s', (env, folder) => {
  expect(stateFolder(env)).toBe(folder)
})

test.each([
  ['Grüße 写真 👨‍👩‍👧', 'Grüße 写真 👨‍👩‍👧'],
  ['a\u0000\u007f\u009b\u2029', 'a\\x00\\x7f\\x9b\\u2029'],
])('%j is printed as %s', (text, printed) => {
  expect(printable(text)).toBe(printed)
})
