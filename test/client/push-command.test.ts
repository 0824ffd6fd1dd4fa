/** The goal: `photosync push` says what it did to people and to machines, and its exit status means what it promises. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describe as describeTotals, duration, showProgress } from '../../src/cli/progress.js'
import { pushCommand } from '../../src/cli/push.js'
import { type ProtocolServer, problem, startProtocolServer } from './protocol-server.js'

let server: ProtocolServer
let folder: string
beforeEach(async () => {
  server = await startProtocolServer()
  folder = await mkdtemp(join(tmpdir(), 'photosync-command-'))
  await mkdir(join(folder, 'sub'))
  await writeFile(join(folder, 'a.jpg'), 'one')
  await writeFile(join(folder, 'sub/b.png'), 'two')
  await writeFile(join(folder, 'sub/c.svg'), 'three')
})
afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

class Collected extends Writable {
  text = ''
  isTTY?: boolean
  override _write(chunk: Buffer, _encoding: string, done: () => void) {
    this.text += chunk.toString()
    done()
  }
}

async function run(args: string[], more: { token?: string; signal?: AbortSignal; isTTY?: boolean } = {}) {
  const stdout = new Collected()
  const stderr = new Collected()
  stderr.isTTY = more.isTTY ?? false
  const { signal = new AbortController().signal, token = server.token } = more
  const status = await pushCommand(args, { stdout, stderr, signal, env: { PHOTOSYNC_TOKEN: token } })
  return { status, stdout: stdout.text, stderr: stderr.text }
}

test('--json ends with one line whose names are relative to the folder; what was refused is not stored', async () => {
  server.instead = (request, _nth, headers) =>
    request === 'POST /v1/uploads' && headers['upload-length'] === '5'
      ? problem(415, 'unsupported_media', 'SVG drawings are not kept')
      : undefined
  const { status, stdout, stderr } = await run([folder, '--server', server.url, '--json'])
  expect(status).toBe(1)
  expect(stdout.endsWith('\n')).toBe(true)
  const line = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  expect(line).toEqual({
    stored: 2,
    duplicates: 0,
    alreadyThere: 0,
    deleted: 0,
    failed: [{ file: 'sub/c.svg', reason: 'SVG drawings are not kept' }],
    bytesSent: expect.any(Number),
    requests: expect.any(Number),
    seconds: expect.any(Number),
  })
  expect(stderr).toContain('not stored: sub/c.svg: SVG drawings are not kept\n')
  expect(stdout + stderr).not.toContain(folder)
})

test('for people there is a summary on stdout; with --quiet nothing', async () => {
  const first = await run([folder, '--server', server.url])
  expect(first).toMatchObject({ status: 0, stderr: '' })
  expect(first.stdout).toMatch(/^3 stored, 0 copies of others, 0 were there already; 0\.0 MB sent in 1 s/)
  expect(await run([folder, '--server', server.url, '--quiet'])).toEqual({ status: 0, stdout: '', stderr: '' })
})

test('something that was not stored is status 1, and named with the reason', async () => {
  server.instead = (request, _nth, headers) =>
    request === 'POST /v1/uploads' && headers['upload-length'] === '5'
      ? problem(400, 'invalid', 'No such thing')
      : undefined
  expect(await run([folder, '--server', server.url])).toMatchObject({
    status: 1,
    stderr: 'not stored: sub/c.svg: No such thing\n',
  })
})

test.each([
  [[], 'name the folders'],
  [['DIR'], 'say which server'],
  [['DIR', '--server', 'photos.example'], '--server must be a URL'],
  [['DIR', '--server', 'ftp://photos.example'], '--server must be a URL'],
  [['DIR', '--server', 'http://x', '--token', 'a b'], 'the token holds characters'],
  [['DIR', '--server', 'http://x', '--concurrency', '0'], '--concurrency must be'],
  [['DIR', '--server', 'http://x', '--concurrency', '4x'], '--concurrency must be'],
  [['DIR', '--server', 'http://x', '--concurrency', '65'], '--concurrency must be'],
  [['DIR', '--server', 'http://x', '--frobnicate'], '--frobnicate'],
  [['DIR', '--server'], '--server'],
])('%j is one clear sentence and status 2', async (args, part) => {
  const { status, stdout, stderr } = await run(args)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^photosync: [^\n]+\n$/)
  expect(stderr).toContain(part)
  expect(server.requests).toEqual([])
})

test('no token at all is wrong usage; a wrong one, no server, no folder are status 1, each in one sentence', async () => {
  expect(await run([folder, '--server', server.url], { token: '' })).toMatchObject({ status: 2 })
  for (const args of [
    [folder, '--server', server.url, '--token', 'wrong'],
    [folder, '--server', 'http://127.0.0.1:9'],
    [join(folder, 'nowhere'), '--server', server.url],
  ]) {
    const { status, stdout, stderr } = await run(args)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^photosync: [^\n]+\n$/)
    const forMachines = await run([...args, '--json'])
    expect(forMachines).toMatchObject({ status: 1, stderr })
    expect(JSON.parse(forMachines.stdout)).toMatchObject({ stored: 0, failed: [], ended: stderr.slice(11, -1) })
  }
})

test('Ctrl-C is status 130 and says how to go on, after what became of each file', async () => {
  const stop = new AbortController()
  let under = 0
  server.instead = (request, _nth, headers) => {
    if (request === 'POST /v1/uploads' && headers['upload-length'] === '5')
      return problem(400, 'invalid', 'No such thing')
    return undefined
  }
  server.onArrived = () => {
    if (++under === 2) stop.abort(new Error('Ctrl-C'))
    return new Promise(() => {})
  }
  const { status, stdout, stderr } = await run([folder, '--server', server.url, '--json'], { signal: stop.signal })
  expect(status).toBe(130)
  const lines = stderr.trimEnd().split('\n')
  expect(lines.pop()).toBe('photosync: stopped before it was done; run it again to go on')
  const { failed, ended, stored } = JSON.parse(stdout)
  expect([stored, ended]).toEqual([0, 'stopped before it was done; run it again to go on'])
  expect(lines).toEqual(failed.map(({ file, reason }: Record<string, string>) => `not stored: ${file}: ${reason}`))
  expect(failed.map(({ file }: { file: string }) => file).sort()).toEqual(['a.jpg', 'sub/b.png', 'sub/c.svg'])
  const people = await run([folder, '--server', server.url], { signal: AbortSignal.abort(new Error('Ctrl-C')) })
  expect(people).toEqual({ status: 130, stdout: '', stderr: `photosync: ${ended}\n` })
})

test('a push that ends early says what became of each file until then', async () => {
  server.instead = (request, nth, headers) => {
    if (request !== 'POST /v1/uploads' || nth === 1) return undefined
    return headers['upload-length'] === '5'
      ? problem(415, 'unsupported_media', 'Not this kind')
      : problem(401, 'unauthenticated', 'This device was removed')
  }
  const { status, stdout, stderr } = await run([folder, '--server', server.url, '--json', '--concurrency', '1'])
  expect(status).toBe(1)
  expect(stderr).toContain('not stored: sub/b.png: This device was removed\n')
  expect(stderr.endsWith('photosync: This device was removed\n')).toBe(true)
  const { stored, failed, ended } = JSON.parse(stdout)
  expect({ stored, ended }).toEqual({ stored: 1, ended: 'This device was removed' })
  expect(failed.map(({ file }: { file: string }) => file).sort()).toEqual(['sub/b.png', 'sub/c.svg'])
})

test('what a server says moves no cursor', async () => {
  const home = await startProtocolServer()
  try {
    const region = '\u001b[2J\u202ea region'
    server.instead = () => problem(421, 'misdirected', 'x', { region, apiUrl: `${home.url}/\u202e` })
    home.instead = () => problem(403, 'forbidden', 'no\u202e\u001b[2J', {})
    const { stderr } = await run([folder, '--server', server.url])
    expect(stderr).toContain('These photos live in \\e[2J\\u202ea region: going on with ')
    expect(stderr.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e]/u)
  } finally {
    await home.close()
  }
})

test('the bar goes to stderr, so that stdout stays for the result', async () => {
  const { status, stdout, stderr } = await run([folder, '--server', server.url, '--json'], { isTTY: true })
  expect(status).toBe(0)
  expect(stdout.split('\n')).toHaveLength(2)
  expect(stderr).toContain('3/3 files')
})

test('progress in words', () => {
  const totals = {
    files: 1000,
    filesDone: 120,
    bytes: 3e9,
    bytesDone: 360e6,
    foundAll: true,
    stored: 0,
    duplicates: 0,
    alreadyThere: 0,
    restored: 0,
    deleted: 0,
    missing: 0,
    missingBytes: 0,
    failed: 2,
    skipped: 0,
    bytesSent: 0,
    requests: 0,
  }
  expect(describeTotals(totals, 42e6)).toBe('120/1,000 files · 360/3000 MB · 42.0 MB/s · 1 min 3 s left · 2 failed')
  expect(describeTotals({ ...totals, foundAll: false, failed: 0 }, 0)).toBe(
    '120/1,000+ files · 360/3000+ MB · 0.0 MB/s',
  )
  expect([0, 59.2, 95, 3599, 3600 * 30 + 61].map(duration)).toEqual([
    '0 s',
    '1 min 0 s',
    '1 min 35 s',
    '59 min 59 s',
    '30 h 1 min',
  ])
})

test('a progress that nobody updates writes nothing and holds nothing', () => {
  const stream = new Collected()
  showProgress(stream).stop()
  expect(stream.text).toBe('')
})
