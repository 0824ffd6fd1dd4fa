/** The goal: the small parts that a push is made of keep their word on their own. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBoundedQueue } from '../../src/client/bounded-queue.js'
import { findRoots, galleryFiles, hashFile, makeApi, mediaTypeOf } from '../../src/client/index.js'
import { errorOfAnswer, isPassing, parseRetryAfter } from '../../src/client/problem.js'
import { AppError } from '../../src/core/errors.js'
import { type ProtocolServer, problem, startProtocolServer } from './protocol-server.js'

let folder: string
let server: ProtocolServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'photosync-parts-'))
  server = await startProtocolServer()
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

test.each([
  ['a.jpg', 'image/jpeg'],
  ['a.JPEG', 'image/jpeg'],
  ['a.b.heic', 'image/heic'],
  ['clip.3gp', 'video/3gpp'],
  ['raw.dng', 'image/x-adobe-dng'],
  ['notes.txt', undefined],
  ['jpg', undefined],
  ['.jpg', undefined],
  ['a.jpg.part', undefined],
  ['a.constructor', undefined],
  ['a.', undefined],
])('%s is %s', (name, mediaType) => {
  expect(mediaTypeOf(name)).toBe(mediaType)
})

describe('the walk', () => {
  test('goes in the order of names, and calls files relative to one folder or below each of several', async () => {
    for (const name of ['b', 'a/z', 'c']) await mkdir(join(folder, 'walk', name), { recursive: true })
    for (const name of ['c/1.jpg', 'a/z/2.jpg', 'a/1.jpg', 'B.png', 'b.jpg'])
      await writeFile(join(folder, 'walk', name), name)
    const names = async (paths: string[]) => {
      const all = []
      for await (const found of galleryFiles(await findRoots(paths)))
        all.push(found.kind === 'file' ? found.file.name : found)
      return all
    }
    const walk = join(folder, 'walk')
    expect(await names([walk])).toEqual(['B.png', 'a/1.jpg', 'a/z/2.jpg', 'b.jpg', 'c/1.jpg'])
    expect(await names([`${walk}/a/`, join(walk, 'b.jpg')])).toEqual([`${walk}/a/1.jpg`, `${walk}/a/z/2.jpg`, 'b.jpg'])
    await expect(findRoots([walk, join(folder, 'nowhere')])).rejects.toMatchObject({ kind: 'not_found' })
  })
})

test('a hash is that of the whole file, and an empty file has one', async () => {
  await writeFile(join(folder, 'empty'), '')
  await writeFile(join(folder, 'abc'), 'abc')
  expect((await hashFile(join(folder, 'abc'))).sha256).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
  expect(await hashFile(join(folder, 'empty'))).toMatchObject({
    sizeBytes: 0,
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  })
  await expect(hashFile(join(folder, 'none'))).rejects.toMatchObject({ kind: 'invalid', message: 'is gone' })
})

describe('the queue', () => {
  const never = new AbortController().signal

  test('holds no more than its capacity and keeps the order', async () => {
    const queue = makeBoundedQueue<number>(2, never)
    let put = 0
    const putting = (async () => {
      for (; put < 5; put++) await queue.put(put)
      queue.end()
    })()
    await new Promise(resolve => setImmediate(resolve))
    expect(put).toBe(2)
    const taken = []
    for (let item = await queue.take(); item !== undefined; item = await queue.take()) taken.push(item)
    await putting
    expect(taken).toEqual([0, 1, 2, 3, 4])
  })

  test('several takers share the items, and all learn of the end', async () => {
    const queue = makeBoundedQueue<number>(10, never)
    const taken: number[] = []
    const takers = Array.from({ length: 4 }, async () => {
      for (let item = await queue.take(); item !== undefined; item = await queue.take()) taken.push(item)
    })
    for (let i = 0; i < 50; i++) await queue.put(i)
    queue.end()
    await Promise.all(takers)
    expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  test('a batch is full, or old, or the last', async () => {
    const queue = makeBoundedQueue<number>(10, never)
    for (let i = 0; i < 7; i++) await queue.put(i)
    expect(await queue.takeBatch(4, 60_000)).toEqual([0, 1, 2, 3])
    expect(await queue.takeBatch(4, 5)).toEqual([4, 5, 6])
    await queue.put(7)
    queue.end()
    expect(await queue.takeBatch(4, 60_000)).toEqual([7])
    expect(await queue.takeBatch(4, 60_000)).toEqual([])
  })

  test('every wait ends with the signal', async () => {
    const stop = new AbortController()
    const queue = makeBoundedQueue<number>(1, stop.signal)
    const waits = [queue.take(), queue.takeBatch(2, 60_000)]
    stop.abort(new Error('enough'))
    for (const wait of waits) await expect(wait).rejects.toThrow('enough')
    await expect(queue.put(1)).rejects.toThrow('enough')
  })
})

describe('what went wrong', () => {
  const answer = (status: number, body = '', headers: Record<string, string> = {}) =>
    errorOfAnswer({ server: 'https://s.example', status, body, header: name => headers[name] }, Date.UTC(2025, 0, 1))

  test.each([
    [401, 'unauthenticated'],
    [404, 'not_found'],
    [408, 'unavailable'],
    [415, 'unsupported_media'],
    [423, 'held'],
    [429, 'too_many'],
    [502, 'unavailable'],
    [302, 'invalid'],
  ])('status %i is %s', (status, kind) => {
    expect(answer(status).kind).toBe(kind)
  })

  test('a problem’s own kind, sentence and facts come before the status', () => {
    const { body } = problem(400, 'too_large', 'Larger\u001b[2J than 10 GB', { offset: 7, inner: { a: 1 } })
    expect(answer(400, body)).toMatchObject({
      kind: 'too_large',
      message: 'Larger [2J than 10 GB',
      facts: { offset: 7 },
    })
    expect(answer(400, body).facts).not.toHaveProperty('inner')
  })

  test.each([
    ['120', 120],
    ['0', 0],
    ['Wed, 01 Jan 2025 00:00:30 GMT', 30],
    ['Tue, 31 Dec 2024 00:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['9'.repeat(400), 999_999_999],
    ['', undefined],
    [undefined, undefined],
  ])('Retry-After %s is %s', (text, seconds) => {
    expect(parseRetryAfter(text, Date.UTC(2025, 0, 1))).toBe(seconds)
  })

  test.each([
    ['Thu, 01 Jan 2026 00:00:30 GMT', 'Thu, 01 Jan 2026 00:00:00 GMT', 30],
    ['Wed, 01 Jan 2025 00:00:30 GMT', 'whenever', 30],
    ['120', 'Thu, 01 Jan 2026 00:00:00 GMT', 120],
  ])('Retry-After %s of an answer of %s is %s', (text, date, seconds) => {
    expect(answer(503, '', { 'retry-after': text, date }).retryAfterSeconds).toBe(seconds)
  })

  test.each([
    [undefined, 'later'],
    ['61', 'in 61 s'],
    ['600', 'in 10 min'],
    ['86400', 'in 24 h'],
  ])('too much, with a Retry-After of %s, is said as such', (text, when) => {
    const { message } = answer(429, '', text === undefined ? {} : { 'retry-after': text })
    expect(message).toBe(`https://s.example is asked too much and wants to be asked again ${when}`)
  })

  test('waiting is worth while only when it is not told to be long', () => {
    expect(isPassing(new AppError('too_many', 'x', { retryAfterSeconds: 5 }))).toBe(true)
    expect(isPassing(new AppError('too_many', 'x', { retryAfterSeconds: 3600 }))).toBe(false)
    expect(isPassing(new AppError('unauthenticated', 'x'))).toBe(false)
  })
})

async function listen(listener: http.Server): Promise<string> {
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
}

async function close(listener: http.Server): Promise<void> {
  listener.closeAllConnections()
  await new Promise(resolve => listener.close(resolve))
}

describe('the API', () => {
  test('nobody there, silence, and another kind of server each have their sentence', async () => {
    const token = server.token
    const silent = http.createServer(() => {})
    const quiet = await listen(silent)
    await expect(
      makeApi({ server: quiet, token, attemptsMax: 2, firstDelayMs: 1, timeoutMs: 50 }).me(),
    ).rejects.toMatchObject({
      kind: 'unavailable',
      message: `${quiet} cannot be reached (no answer in time): check the address and the connection`,
    })
    await close(silent)
    const gone = http.createServer()
    const nobody = await listen(gone)
    await close(gone)
    await expect(makeApi({ server: nobody, token, attemptsMax: 1 }).me()).rejects.toMatchObject({
      kind: 'unavailable',
      message: `${nobody} cannot be reached (nothing listens there): check the address and the connection`,
    })
    server.instead = () => ({ status: 200, body: '<html>' })
    await expect(makeApi({ server: server.url, token }).me()).rejects.toMatchObject({ kind: 'invalid' })
    server.instead = () => ({ status: 301, headers: { location: 'https://elsewhere.example/' } })
    await expect(makeApi({ server: server.url, token }).me()).rejects.toMatchObject({ kind: 'invalid' })
    server.instead = () => undefined
  })

  test('a path in the address is kept', async () => {
    await expect(makeApi({ server: `${server.url}/photos`, token: server.token }).me()).rejects.toThrow()
    expect(server.requests.at(-1)).toBe('GET /photos/v1/me')
  })
})
