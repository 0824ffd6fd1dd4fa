/**
 * The goal: whatever a server says of an upload, sending it ends, soon and with a reason; no byte of it is sent for ever, what had
 * arrived is not thrown away because the server wants a pause, and the token goes to no other place.
 */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type HashedFile,
  hashFile,
  makeApi,
  makeResumeFolder,
  makeUploadHttp,
  type SendOptions,
  sendFile,
} from '../../src/client/index.js'
import { transfer } from '../../src/client/transfer.js'
import { makeHttpStack } from '../../src/client/upload-http.js'
import { type Answer, type ProtocolServer, startProtocolServer } from './protocol-server.js'
import { content, MiB } from './push-scene.js'

let server: ProtocolServer
let folder: string
beforeEach(async () => {
  server = await startProtocolServer()
  folder = await mkdtemp(join(tmpdir(), 'photosync-nonsense-'))
})
afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

async function file(sizeBytes: number): Promise<HashedFile> {
  const path = join(folder, 'clip.mp4')
  await writeFile(path, content(sizeBytes, sizeBytes))
  return { path, name: 'clip.mp4', mediaType: 'video/mp4', ...(await hashFile(path)) }
}
const send = (sent: HashedFile, more: Partial<SendOptions> = {}) =>
  sendFile(sent, { server: server.url, token: server.token, retryDelaysMs: [1, 1, 1], ...more })
const counted = (request: string) => server.requests.filter(other => other.startsWith(request)).length
/** Instead of the server’s own answer to each request of that kind. */
const answer = (kind: string, said: Answer, from = 1) => {
  server.instead = (request, nth) => (request.startsWith(kind) && nth >= from ? said : undefined)
}

describe('what arrived', () => {
  test.each([undefined, '0', '-5', '1e3', '99999999999', '9437183.5', '', 'all of it'])(
    'a PATCH that is answered by an offset of %j ends it, withdrawn',
    async offset => {
      answer('PATCH', { status: 204, headers: offset === undefined ? {} : { 'upload-offset': offset } })
      const message = expect.stringContaining('of it arrived|what arrived'.split('|')[offset === '0' ? 0 : 1] ?? '')
      await expect(send(await file(2 * MiB))).rejects.toMatchObject({ kind: 'invalid', message })
      expect([counted('POST'), counted('PATCH'), server.open.size]).toEqual([1, 1, 0])
    },
  )

  test('a POST that takes a whole photo and says that nothing of it arrived ends it', async () => {
    answer('POST', { status: 201, headers: { location: '/v1/uploads/1', 'upload-offset': '0' } })
    await expect(send(await file(1_000))).rejects.toMatchObject({ kind: 'invalid' })
    expect(counted('P')).toBe(1)
  })

  test.each(['-5', '1e3', '99999999999'])('a HEAD that says %s ends it', async offset => {
    server.cuts = [MiB]
    answer('HEAD', { status: 200, headers: { 'upload-offset': offset, 'upload-length': String(2 * MiB) } })
    await expect(send(await file(2 * MiB))).rejects.toMatchObject({ kind: 'invalid' })
    expect([counted('PATCH'), counted('HEAD')]).toEqual([1, 1])
  })

  test('a server that forgets again and again what it had is begun anew with, and not for ever', async () => {
    let told = 0
    server.instead = request => {
      if (request.startsWith('PATCH')) return { status: 502 }
      if (!request.startsWith('HEAD')) return undefined
      const offset = told++ % 2 === 0 ? '1000' : '0'
      return { status: 200, headers: { 'upload-offset': offset, 'upload-length': String(2 * MiB) } }
    }
    await expect(send(await file(2 * MiB))).rejects.toMatchObject({ message: expect.stringContaining('has lost') })
    expect([counted('POST'), counted('HEAD')]).toEqual([3, 6])
  })
})

describe('where it goes', () => {
  test.each(['http://127.0.0.1:9/v1/uploads/1', '//127.0.0.1:9/x', 'https://localhost/x', 'javascript:alert(1)'])(
    'an upload at %s is refused',
    async location => {
      answer('POST', { status: 201, headers: { location } })
      const message = expect.stringContaining('elsewhere')
      await expect(send(await file(2 * MiB))).rejects.toMatchObject({ kind: 'invalid', message })
      expect(server.requests).toEqual(['POST /v1/uploads'])
    },
  )

  test('no token and no byte goes to a stranger', async () => {
    const stranger = await startProtocolServer()
    try {
      answer('POST', { status: 201, headers: { location: `${stranger.url}/v1/uploads/1` } })
      await expect(send(await file(2 * MiB))).rejects.toMatchObject({ kind: 'invalid' })
      expect(stranger.requests).toEqual([])
    } finally {
      await stranger.close()
    }
  })
})

describe('a pause', () => {
  test.each(['3600', '999999999999', new Date(Date.now() + 3600_000).toUTCString()])(
    'a server that wants one until %s in the middle of a file has it, and what arrived stays',
    async retryAfter => {
      const sent = await file(2 * MiB)
      const resume = makeResumeFolder(join(folder, 'begun'))
      server.cuts = [MiB]
      server.instead = (request, nth) =>
        request.startsWith('PATCH') && nth === 2 ? { status: 503, headers: { 'retry-after': retryAfter } } : undefined
      await expect(send(sent, { resume })).rejects.toMatchObject({ kind: 'unavailable' })
      expect([counted('DELETE'), [...server.open.values()].map(({ offset }) => offset)]).toEqual([0, [MiB]])
      let first: number | undefined
      await send(sent, {
        resume,
        onProgress: bytes => {
          first ??= bytes
        },
      })
      expect([counted('POST'), first]).toEqual([1, MiB])
    },
  )

  test('the end of a pause is told by the server’s clock', async () => {
    const sent = await file(2 * MiB)
    const theirs = Date.now() + 365 * 24 * 3600_000
    server.instead = (request, nth) =>
      request.startsWith('PATCH') && nth === 1
        ? {
            status: 503,
            headers: { date: new Date(theirs).toUTCString(), 'retry-after': new Date(theirs + 1_000).toUTCString() },
          }
        : undefined
    expect(await send(sent)).toMatchObject({ duplicate: false })
  })

  test('a 409 with a pause of years is asked again at once', async () => {
    const sent = await file(2 * MiB)
    server.instead = (request, nth) =>
      request.startsWith('PATCH') && nth === 1 ? { status: 409, headers: { 'retry-after': '99999999' } } : undefined
    expect(await send(sent)).toMatchObject({ duplicate: false })
  })
})

describe('answers without an end', () => {
  let endless: http.Server
  let timers: NodeJS.Timeout[]
  beforeEach(() => {
    timers = []
  })
  afterEach(async () => {
    for (const timer of timers) clearInterval(timer)
    endless.closeAllConnections()
    await new Promise(resolve => endless.close(resolve))
  })
  async function listen(serve: http.RequestListener): Promise<string> {
    endless = http.createServer(serve)
    await new Promise<void>(resolve => endless.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(endless.address() as AddressInfo).port}`
  }
  const pour = (response: http.ServerResponse) => {
    const piece = Buffer.alloc(256 * 1024, 'x')
    const more = () => {
      while (!response.destroyed && response.write(piece));
    }
    response.on('drain', more)
    more()
  }

  test.each<[string, (response: http.ServerResponse) => void]>([
    ['trickles', response => timers.push(setInterval(() => response.write('x'), 20))],
    ['pours', pour],
  ])('one to an upload that %s', async (_title, body) => {
    const url = await listen((request, response) => {
      request.resume()
      response.writeHead(201, { location: '/v1/uploads/1' })
      body(response)
    })
    const held = makeUploadHttp({ stallMs: 400 })
    await expect(send(await file(1_000), { server: url, http: held, retryDelaysMs: [1] })).rejects.toMatchObject({
      kind: 'unavailable',
    })
    held.close()
  })

  test('one that begins letter by letter', async () => {
    const url = await listen(request => {
      request.resume()
      request.socket.write('HTTP/1.1 201 ')
      timers.push(setInterval(() => request.socket.write('x'), 20))
    })
    const held = makeUploadHttp({ stallMs: 200 })
    await expect(send(await file(1_000), { server: url, http: held, retryDelaysMs: [] })).rejects.toMatchObject({
      kind: 'unavailable',
    })
    held.close()
  })

  test('one to a question does not fill the memory', async () => {
    let poured = 0
    const url = await listen((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      pour(response)
      response.on('close', () => {
        poured = response.socket?.bytesWritten ?? 0
      })
    })
    await expect(makeApi({ server: url, token: 't', attemptsMax: 1 }).me()).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('does not answer like a photosync server'),
    })
    expect(poured).toBeLessThan(64 * MiB)
  })

  test('one to a question that trickles', async () => {
    const url = await listen((_request, response) => {
      timers.push(setInterval(() => response.write(' '), 20))
    })
    await expect(makeApi({ server: url, token: 't', attemptsMax: 1, timeoutMs: 300 }).me()).rejects.toMatchObject({
      kind: 'unavailable',
    })
  })
})

test.each([
  [1_700_000_000_000, '2023-11-14T22:13:20.000Z'],
  [9e15, undefined],
  [-9e15, undefined],
  [Number.NaN, undefined],
  [Date.UTC(10_000, 0), undefined],
  [-1e14, undefined],
])('a time of change of %d ms is said as %s', async (modifiedMs, said) => {
  const { path, sizeBytes, sha256 } = await file(100)
  const handle = await open(path)
  const held = makeUploadHttp()
  try {
    const stillSame = async () => {}
    const slice = (start: number, end: number) => ({ handle, start, size: end - start, beforeEnd: stillSame })
    const facts = { fileName: 'clip.mp4', mediaType: 'video/mp4', sizeBytes, sha256, modifiedMs }
    const original = { ...facts, stillSame, slice, httpStack: makeHttpStack(held) }
    await transfer(original, { server: server.url, token: server.token })
    expect(server.stored.get(sha256)?.metadata.modified).toBe(said)
  } finally {
    held.close()
    await handle.close()
  }
})
