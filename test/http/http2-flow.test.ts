/** Goal: bodies that nobody reads don't pile up in memory, however many clients send them, and all of it arrives in the end. */
import { once } from 'node:events'
import { connect, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { boundUnread } from '../../src/http/http2-flow.js'
import { waitUntil } from '../support/wait-until.js'
import { makeCertificate } from './certificate.js'
import { bodyOf } from './scene.js'

const MiB = 1024 * 1024

async function startServer(unreadBytesMax: number) {
  const tls = makeCertificate()
  const server = createSecureServer({ ...tls, settings: { initialWindowSize: 8 * MiB } })
  boundUnread(server, unreadBytesMax)
  const streams: ServerHttp2Stream[] = []
  server.on('session', session => session.setLocalWindowSize(16 * MiB))
  server.on('stream', stream => void streams.push(stream.on('error', () => {})))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const open = async () => {
    const session = connect(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, { ca: tls.cert })
    onTestFinished(() => session.destroy())
    await once(session, 'remoteSettings')
    return session
  }
  const unreadBytes = () => streams.reduce((sum, { readableLength }) => sum + readableLength, 0)
  /** Once no more arrives. */
  const settled = async () => {
    let last = -1
    let same = 0
    const look = async () => {
      const now = unreadBytes()
      same = now === last && now > 0 ? same + 1 : 0
      last = now
      return same >= 20
    }
    await waitUntil(look, { what: 'no more bytes', deadlineMs: 20_000 })
    return last
  }
  return { open, streams, unreadBytes, settled }
}

async function answerWithSize(stream: ServerHttp2Stream): Promise<void> {
  let sizeBytes = 0
  for await (const chunk of stream) sizeBytes += (chunk as Buffer).length
  stream.respond()
  stream.end(String(sizeBytes))
}

test('what lies unread stays near its bound, and goes on when it is read', async () => {
  const { open, streams, unreadBytes, settled } = await startServer(4 * MiB)
  const sessions = await Promise.all(Array.from({ length: 8 }, open))
  const body = Buffer.alloc(8 * MiB, 'b')
  const requests = sessions.map(session => session.request({ ':method': 'POST', ':path': '/' }).end(body))
  await waitUntil(async () => streams.length === 8, { what: 'all requests', deadlineMs: 10_000 })

  // 64 MiB are sent and their windows would let them in; a turn of the loop can bring each connection's 2 MiB before it is stopped.
  expect(await settled()).toBeLessThan(4 * MiB + 8 * 2 * MiB)

  for (const stream of streams) void answerWithSize(stream)
  const sizes = await Promise.all(requests.map(async request => (await bodyOf(request)).toString()))
  expect(new Set(sizes)).toEqual(new Set([String(body.length)]))
  expect(unreadBytes()).toBe(0)
})

test('who sends little is not held for what others send', async () => {
  const { open, streams, settled } = await startServer(4 * MiB)
  const [heavy, light] = [await open(), await open()]
  heavy.request({ ':method': 'POST', ':path': '/' }).end(Buffer.alloc(16 * MiB))
  await settled()
  // Lies unread, too, while the same client's other requests come and go for many times as long as it takes to hold a connection.
  const first = light.request({ ':method': 'POST', ':path': '/' }).end(Buffer.alloc(100_000))
  for (let left = 40; left > 0; left--) {
    const before = streams.length
    const request = light.request({ ':method': 'POST', ':path': '/' }).end('small')
    await waitUntil(async () => streams.length > before, { what: 'a small request', deadlineMs: 5_000 })
    void answerWithSize(streams.at(-1) as ServerHttp2Stream)
    await bodyOf(request)
  }
  const [, unread, ...others] = streams.filter(stream => !stream.readableEnded)
  if (!unread || others.length > 0) expect.unreachable('two bodies lie unread')
  void answerWithSize(unread)
  expect((await bodyOf(first)).toString()).toBe('100000')
})
