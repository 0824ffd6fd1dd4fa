/** The goal: whoever pushes learns what became of each file, and can end the push at any moment; nothing private goes along. */
import { appendFile, chmod, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { PushEvent } from '../../src/client/index.js'
import { problem, startProtocolServer } from './protocol-server.js'
import { content, MiB, usePushScene } from './push-scene.js'

const scene = usePushScene()

/** Root may read every file, so root is somebody else for a while. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work()
  process.seteuid?.(65_534)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}

describe('failures are named', () => {
  test('a refusal is reported in the server’s words, from problem+json and from plain text', async () => {
    await scene.write('a.svg', content(10, 300))
    await scene.write('b.mp4', content(11, 7 * MiB))
    await scene.write('c.jpg', content(12, 400))
    scene.server.instead = (request, _nth, headers) => {
      if (request !== 'POST /v1/uploads') return undefined
      if (headers['upload-length'] === '300') return problem(415, 'unsupported_media', 'SVG drawings are not kept')
      // Said before the body is read: the answer counts although most of the body never went out.
      if (headers['upload-length'] === String(7 * MiB)) {
        return { status: 413, headers: { 'content-type': 'text/plain' }, body: 'Maximum size exceeded\n' }
      }
      return undefined
    }
    const result = await scene.push()
    expect([...result.failed].sort((a, b) => (a.file < b.file ? -1 : 1))).toEqual([
      { file: 'a.svg', reason: 'SVG drawings are not kept', refused: true },
      { file: 'b.mp4', reason: 'Maximum size exceeded', refused: true },
    ])
    expect(result.stored).toBe(1)
  })

  test('a file that changes while it is sent is withdrawn before it is complete', async () => {
    await scene.write('clip.mp4', content(13, 12 * MiB))
    let touched = false
    scene.server.onArrived = async () => {
      if (touched) return
      touched = true
      await appendFile(join(scene.folder, 'clip.mp4'), 'more')
    }
    const result = await scene.push()
    expect(result.failed).toEqual([{ file: 'clip.mp4', reason: 'changed while it was sent', refused: false }])
    expect(scene.server.stored.size).toBe(0)
    expect(scene.server.open.size).toBe(0)
  })

  test('unreadable files and folders are named, the rest is stored', async () => {
    await scene.write('a.jpg', content(14, 100))
    await scene.write('locked.jpg', content(15, 100))
    await scene.write('closed/b.jpg', content(16, 100))
    await chmod(join(scene.folder, 'locked.jpg'), 0)
    await chmod(join(scene.folder, 'closed'), 0)
    await chmod(scene.folder, 0o755)
    const result = await asOrdinaryUser(() => scene.push())
    await chmod(join(scene.folder, 'closed'), 0o700)
    expect(result.stored).toBe(1)
    expect(result.failed.map(({ file, reason }) => `${file}: ${reason}`).sort()).toEqual([
      'closed: the folder may not be read (permission denied)',
      'locked.jpg: may not be read (permission denied)',
    ])
  })

  test.each([
    [401, { kind: 'unauthenticated' }],
    [404, { kind: 'not_found' }],
  ])('status %i on the first request ends the push', async (status, expected) => {
    await scene.write('a.jpg', content(17, 100))
    scene.server.instead = () => ({ status })
    await expect(scene.push()).rejects.toMatchObject(expected)
  })

  test('a token that is revoked in the middle ends the push at once', async () => {
    for (let i = 0; i < 40; i++) await scene.write(`${i}.jpg`, content(i, 100))
    scene.server.instead = (request, nth) =>
      request === 'POST /v1/uploads' && nth > 10
        ? problem(401, 'unauthenticated', 'This device was removed')
        : undefined
    await expect(scene.push({ concurrency: 4 })).rejects.toMatchObject({
      kind: 'unauthenticated',
      message: 'This device was removed',
    })
    expect(scene.server.requests.filter(request => request === 'POST /v1/uploads').length).toBeLessThan(20)
  })
})

describe('ending and moving', () => {
  test('the signal ends a push quickly; the next one goes on', async () => {
    for (let i = 0; i < 20; i++) await scene.write(`${String(i).padStart(2, '0')}.jpg`, content(i, 5000))
    const stop = new AbortController()
    scene.server.instead = (request, nth) => {
      if (request === 'POST /v1/uploads' && nth === 8) stop.abort()
      return undefined
    }
    const began = performance.now()
    await expect(scene.push({ signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' })
    expect(performance.now() - began).toBeLessThan(20_000)
    const before = scene.server.stored.size
    scene.server.instead = () => undefined
    expect(await scene.push()).toMatchObject({ alreadyThere: before, stored: 20 - before })
  })

  test('the signal ends even an upload that hangs or waits for its next attempt', async () => {
    await scene.write('a.mp4', content(20, 9 * MiB))
    await scene.write('b.jpg', content(21, 100))
    scene.server.onArrived = bytes => (bytes > 1000 ? new Promise(() => {}) : undefined)
    scene.server.instead = (request, nth) =>
      request === 'POST /v1/uploads' && nth === 2 ? { status: 503, headers: { 'retry-after': '30' } } : undefined
    const began = performance.now()
    await expect(scene.push({ signal: AbortSignal.timeout(300) })).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(performance.now() - began).toBeLessThan(20_000)
  })

  test('421 is followed once, and told', async () => {
    const home = await startProtocolServer()
    try {
      await scene.write('a.jpg', content(22, 100))
      scene.server.instead = () => problem(421, 'misdirected', 'Elsewhere', { region: 'us-west-2', apiUrl: home.url })
      const events: PushEvent[] = []
      expect(await scene.push({ onProgress: event => events.push(event) })).toMatchObject({ stored: 1 })
      expect(home.stored.size).toBe(1)
      expect(events.filter(({ kind }) => kind === 'moved')).toEqual([
        { kind: 'moved', server: home.url, region: 'us-west-2' },
      ])
      home.instead = () => problem(421, 'misdirected', 'Back there', { region: 'x', apiUrl: scene.server.url })
      await expect(scene.push()).rejects.toMatchObject({ kind: 'misdirected' })
    } finally {
      await home.close()
    }
  })
})

test('what is said of a file is its own name, kind, time and hash, and that it comes by itself, and nothing of where it lies', async () => {
  await scene.write('Ferien/2024/Grüße 👋.JPG', content(30, 100))
  await utimes(join(scene.folder, 'Ferien/2024/Grüße 👋.JPG'), 1_700_000_000, 1_700_000_000)
  const { files } = await scene.push()
  expect(files[0]?.file).toBe('Ferien/2024/Grüße 👋.JPG')
  expect([...scene.server.stored.values()].map(({ metadata }) => metadata)).toEqual([
    {
      filename: 'Grüße 👋.JPG',
      filetype: 'image/jpeg',
      modified: '2023-11-14T22:13:20.000Z',
      sha256: files[0]?.sha256,
      ifDeleted: 'keep',
    },
  ])
})

test('links out of the folder are not followed, dot files and other kinds are left out', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'photosync-outside-'))
  try {
    await writeFile(join(outside, 'secret.jpg'), 'secret')
    await scene.write('a.jpg', content(31, 100))
    await scene.write('.hidden.jpg', content(32, 100))
    await scene.write('.thumbs/x.jpg', content(33, 100))
    await scene.write('notes.txt', content(34, 100))
    await scene.write('jpg', content(35, 100))
    await symlink(outside, join(scene.folder, 'link'))
    await symlink(join(outside, 'secret.jpg'), join(scene.folder, 'link.jpg'))
    await symlink(scene.folder, join(scene.folder, 'loop'))
    const result = await scene.push()
    expect(result).toMatchObject({ stored: 1, skipped: 5, failed: [] })
  } finally {
    await rm(outside, { recursive: true })
  }
})

test('the totals end where the result stands', async () => {
  for (let i = 0; i < 5; i++) await scene.write(`${i}.jpg`, content(40 + i, 1000))
  let last: PushEvent | undefined
  let ended: PushEvent | undefined
  const { files: _, ...result } = await scene.push({
    onProgress: event => {
      if (event.kind === 'end') ended = event
      else last = event
    },
  })
  expect(last).toMatchObject({
    kind: 'file',
    totals: { files: 5, filesDone: 5, bytes: 5000, bytesDone: 5000, foundAll: true, stored: 5 },
  })
  expect(ended).toEqual({ kind: 'end', result })
})
