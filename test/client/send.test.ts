/**
 * The goal: one file arrives whole whatever the server and the link do, in as few bytes as can be, and whoever sends it learns
 * which of the many reasons it was when it does not. Real files and sockets, a server that misbehaves on purpose.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeHome } from '../../src/client/home.js'
import { type HashedFile, hashFile, makeResumeFolder, type SendOptions, sendFile } from '../../src/client/index.js'
import { AppError } from '../../src/core/errors.js'
import { type ProtocolServer, problem, startProtocolServer } from './protocol-server.js'
import { content, MiB } from './push-scene.js'

let server: ProtocolServer
let folder: string
beforeEach(async () => {
  server = await startProtocolServer()
  folder = await mkdtemp(join(tmpdir(), 'photosync-send-'))
})
afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

async function file(sizeBytes: number, name = 'clip.mp4'): Promise<HashedFile> {
  const path = join(folder, name)
  await writeFile(path, content(sizeBytes, sizeBytes))
  return { path, name, mediaType: 'video/mp4', ...(await hashFile(path)) }
}
const send = (sent: HashedFile, more: Partial<SendOptions> = {}) =>
  sendFile(sent, { server: server.url, token: server.token, retryDelaysMs: [1, 1, 1], ...more })
const counted = (request: string) => server.requests.filter(other => other === request).length
const sha256 = (bytes: Buffer | undefined) =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')
/** Until the server has so many bytes of it; then the program ends. */
async function cutOff(sent: HashedFile, bytes: number, more: Partial<SendOptions> = {}): Promise<void> {
  const stop = new AbortController()
  server.onArrived = arrived => {
    if (arrived >= bytes) stop.abort(new Error('the program ends'))
  }
  await expect(send(sent, { signal: stop.signal, ...more })).rejects.toThrow('the program ends')
  server.onArrived = () => {}
}

describe('what is said', () => {
  test('what it is a part of, and what becomes of one that was deleted', async () => {
    const sent = await file(1_000)
    await send(sent, { partOf: { photo: 'p1', role: 'motion' }, ifDeleted: 'restore' })
    expect(server.stored.get(sent.sha256)?.metadata).toMatchObject({
      partOf: 'p1',
      role: 'motion',
      ifDeleted: 'restore',
    })
    await send(await file(1_001))
    const other = [...server.stored.values()].find(({ metadata }) => metadata.ifDeleted === 'keep')
    expect(Object.keys(other?.metadata ?? {}).sort()).toEqual([
      'filename',
      'filetype',
      'ifDeleted',
      'modified',
      'sha256',
    ])
  })

  test.each([
    ['?1', true],
    ['?0', false],
    [undefined, false],
  ])('a receipt that says deleted %s', async (said, deleted) => {
    const headers = {
      Location: '/v1/uploads/1',
      'Upload-Offset': '1000',
      'Photosync-Photo': 'p',
      'Photosync-Duplicate': '?1',
    }
    server.instead = () => ({ status: 201, headers: { ...headers, ...(said && { 'Photosync-Deleted': said }) } })
    expect(await send(await file(1_000))).toEqual({ photo: 'p', duplicate: true, deleted })
  })
})

describe('a program that starts again', () => {
  test('goes on where the server is, and forgets it in the end', async () => {
    const sent = await file(12 * MiB)
    const resume = makeResumeFolder(join(folder, 'begun'))
    await cutOff(sent, 5 * MiB, { resume })
    let sentBytes = 0
    const receipt = await send(sent, { resume, onProgress: bytes => (sentBytes ||= bytes) })
    expect(receipt).toMatchObject({ duplicate: false })
    expect(sentBytes).toBeGreaterThanOrEqual(5 * MiB)
    expect([counted('POST /v1/uploads'), counted('HEAD /v1/uploads/:id')]).toEqual([1, 1])
    expect(sha256(server.stored.get(sent.sha256)?.bytes)).toBe(sent.sha256)
    server.open.clear()
    await send(sent, { resume })
    expect(counted('POST /v1/uploads')).toBe(2)
  })

  test.each<[string, () => void]>([
    ['is gone', () => server.open.clear()],
    ['answers 410', () => (server.instead = request => (request.startsWith('HEAD') ? { status: 410 } : undefined))],
    [
      'answers 421 without a word',
      () => (server.instead = request => (request.startsWith('HEAD') ? { status: 421 } : undefined)),
    ],
    [
      'is another file’s',
      () => {
        for (const upload of server.open.values()) upload.length = 17
      },
    ],
  ])('begins anew when the upload %s', async (_title, lose) => {
    const sent = await file(9 * MiB)
    const resume = makeResumeFolder(join(folder, 'begun'))
    await cutOff(sent, 1 * MiB, { resume })
    lose()
    expect(await send(sent, { resume })).toMatchObject({ deleted: false })
    expect(counted('POST /v1/uploads')).toBe(2)
  })

  test('an upload begun for something else is not gone on with', async () => {
    const sent = await file(9 * MiB)
    const resume = makeResumeFolder(join(folder, 'begun'))
    await cutOff(sent, 1 * MiB, { resume })
    await send(sent, { resume, ifDeleted: 'restore' })
    expect([counted('POST /v1/uploads'), counted('HEAD /v1/uploads/:id')]).toEqual([2, 0])
  })

  test('an address elsewhere is not asked, so that no token goes there', async () => {
    const stranger = await startProtocolServer()
    try {
      await send(await file(9 * MiB), {
        resume: { get: async () => `${stranger.url}/v1/uploads/1`, put: async () => {}, remove: async () => {} },
      })
      expect(stranger.requests).toEqual([])
    } finally {
      await stranger.close()
    }
  })
})

describe('reasons are told apart', () => {
  test('a 409 is an offset to ask for, not a file that changed', async () => {
    server.instead = (request, nth) => (request.startsWith('PATCH') && nth === 1 ? { status: 409 } : undefined)
    await send(await file(9 * MiB))
    expect([counted('POST /v1/uploads'), counted('HEAD /v1/uploads/:id')]).toEqual([1, 1])
  })

  test('a server that goes on saying 409 is begun anew with, and in the end is what failed', async () => {
    server.instead = request => (request.startsWith('PATCH') ? { status: 409 } : undefined)
    await expect(send(await file(9 * MiB))).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('how much of it arrived'),
    })
    expect(counted('POST /v1/uploads')).toBe(3)
    expect(server.open.size).toBe(0)
  })

  test('a part whose whole is not there is a conflict, said once', async () => {
    const partOf = { photo: 'gone', role: 'sidecar' } as const
    server.instead = () => problem(409, 'conflict', 'There is no such photo to be a part of')
    const refused = { kind: 'conflict', message: 'There is no such photo to be a part of' }
    await expect(send(await file(1_000), { partOf })).rejects.toMatchObject(refused)
    expect(server.requests).toEqual(['POST /v1/uploads'])
    server.instead = request => (request.startsWith('PATCH') ? problem(409, 'conflict', refused.message) : undefined)
    await expect(send(await file(9 * MiB), { partOf })).rejects.toMatchObject(refused)
    expect([counted('POST /v1/uploads'), server.open.size]).toEqual([2, 0])
  })

  test('bytes that arrived wrong are sent anew', async () => {
    server.instead = (request, nth) => (request === 'POST /v1/uploads' && nth === 1 ? { status: 460 } : undefined)
    expect(await send(await file(1_000))).toMatchObject({ duplicate: false })
    expect(counted('POST /v1/uploads')).toBe(2)
  })

  test('attempts are counted from the last byte that arrived', async () => {
    server.cuts = Array.from({ length: 12 }, () => 700_000)
    await send(await file(9 * MiB), { retryDelaysMs: [1, 1] })
    expect([counted('POST /v1/uploads'), counted('HEAD /v1/uploads/:id')]).toEqual([1, 12])
  })

  test('once a connection broke under it, a photo is sent so that the next break costs little', async () => {
    const sent = await file(MiB)
    server.cuts = [700_000, 700_000]
    let sentBytes = 0
    const told: string[] = []
    let last = 0
    await send(sent, {
      onProgress: bytes => {
        sentBytes += Math.max(0, bytes - last)
        last = bytes
      },
      pace: { isShaky: false, trouble: kind => told.push(kind) },
    })
    expect(told).toEqual(['lost', 'lost'])
    expect([counted('POST /v1/uploads'), counted('HEAD /v1/uploads/:id')]).toEqual([2, 1])
    expect(sha256(server.stored.get(sent.sha256)?.bytes)).toBe(sent.sha256)
    expect(sentBytes).toBeLessThan(3 * MiB)
  })

  test('a server that is asked too much is told to the pace, one that holds the upload is not', async () => {
    const told: string[] = []
    const answers = [429, 423, 503, 500]
    server.instead = (request, nth) => {
      const status = answers[nth - 1]
      return request === 'POST /v1/uploads' && status ? { status, headers: { 'retry-after': '0' } } : undefined
    }
    await send(await file(1_000), {
      retryDelaysMs: [1, 1, 1, 1],
      pace: { isShaky: false, trouble: kind => told.push(kind) },
    })
    expect(told).toEqual(['refused', 'refused', 'refused'])
  })

  test('what takes many round trips anyway is created first, so that a break loses little of it', async () => {
    await send(await file(MiB + 1))
    expect([counted('POST /v1/uploads'), counted('PATCH /v1/uploads/:id')]).toEqual([1, 1])
    await send(await file(MiB))
    expect([counted('POST /v1/uploads'), counted('PATCH /v1/uploads/:id')]).toEqual([2, 1])
  })

  test('where connections have just broken, only what is not worth resuming goes in one request', async () => {
    const pace = { isShaky: true, trouble: () => {} }
    await send(await file(MiB), { pace })
    expect([counted('POST /v1/uploads'), counted('PATCH /v1/uploads/:id')]).toEqual([1, 1])
    await send(await file(100_000), { pace })
    expect([counted('POST /v1/uploads'), counted('PATCH /v1/uploads/:id')]).toEqual([2, 1])
  })
})

describe('the file', () => {
  test.each<[string, (path: string) => Promise<void>, string]>([
    ['deleted', path => rm(path), 'is gone'],
    [
      'replaced',
      async path => {
        await writeFile(`${path}.new`, content(1, 12 * MiB))
        await rename(`${path}.new`, path)
      },
      'changed while it was sent',
    ],
  ])('one that is %s on the way is withdrawn', async (_title, harm, message) => {
    const sent = await file(12 * MiB)
    let harmed = false
    server.onArrived = async () => {
      if (harmed) return
      harmed = true
      await harm(sent.path)
    }
    await expect(send(sent)).rejects.toMatchObject({ message })
    expect([server.stored.size, server.open.size]).toEqual([0, 0])
  })
})

test('a move is followed as often as there is one, but not in circles', async () => {
  const asked: string[] = []
  const moved: string[] = []
  let points: Record<string, string> = { 'http://a': 'http://b' }
  const home = makeHome('http://a', address => moved.push(address))
  const call = () =>
    home.at(async address => {
      asked.push(address)
      const apiUrl = points[address]
      if (apiUrl) throw new AppError('misdirected', 'Elsewhere', { facts: { apiUrl } })
      return address
    })
  expect([await call(), await call()]).toEqual(['http://b', 'http://b'])
  points = { 'http://b': 'http://c' }
  expect(await Promise.all([call(), call()])).toEqual(['http://c', 'http://c'])
  points = { 'http://c': 'http://a', 'http://a': 'http://c' }
  await expect(call()).rejects.toMatchObject({ kind: 'misdirected' })
  expect(moved).toEqual(['http://b', 'http://c', 'http://a'])
})

test('servers that point on and on are not followed without an end', async () => {
  let asked = 0
  const home = makeHome('http://a', () => {})
  const call = home.at(async () => {
    throw new AppError('misdirected', 'Elsewhere', { facts: { apiUrl: `http://b${++asked}` } })
  })
  await expect(call).rejects.toMatchObject({ kind: 'misdirected', message: expect.stringContaining('without an end') })
  expect(asked).toBe(6)
})
