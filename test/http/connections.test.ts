/** Goal: what goes wrong on one connection is told to its client where it can be, and never costs another request its answer. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { rawRoutes } from '../../src/http/raw.js'
import { boundRest } from '../../src/http/rest-of-body.js'
import { setSessionCookie } from '../../src/http/session-cookie.js'
import { closeOf } from '../support/close-of.js'
import { waitUntil } from '../support/wait-until.js'
import { startScene, token } from './scene.js'

test('a client that sends on and on after its answer is cut off', async () => {
  const server = createServer((request, response) => {
    boundRest(request, response, 100)
    response.writeHead(409).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
  socket.resume().write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 ** 40}\r\n\r\n`)
  const sending = setInterval(() => socket.writableNeedDrain || socket.write(Buffer.alloc(1_000)), 5)
  onTestFinished(() => clearInterval(sending))
  // Or this test would time out.
  await closeOf(socket)
})

test('nonsense after a request does not get into its answer', async () => {
  let finish: (() => void) | undefined
  const here = await startScene({
    routes: parts => [
      rawRoutes(parts, {
        prefix: '/v1/uploads',
        handle: async (_request, response) => {
          response.writeHead(200, { 'Content-Length': 1_000 }).write('begun')
          await new Promise<void>(resolve => {
            finish = resolve
          })
        },
        options: async () => {},
      }),
    ],
  })
  const socket = await here.socket()
  socket.write(`GET /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  await waitUntil(async () => text.endsWith('begun'), { what: 'the beginning of the answer', deadlineMs: 5_000 })
  socket.write('nonsense\r\n\r\n')
  await closeOf(socket)
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(text).toMatch(/begun$/)
  finish?.()
  await here.close()
})

test.each([
  [{}],
  [{ 'X-Forwarded-Proto': 'https, javascript:, \t,,' }],
  [{ 'X-Forwarded-Proto': 'x'.repeat(5_000) }],
  [{ 'X-Forwarded-For': 'nonsense, 999.999.999.999, ::::, 10.0.0.1/8' }],
  [{ 'X-Forwarded-For': ','.repeat(3_000), 'X-Forwarded-Host': '[::1, http://]', 'X-Forwarded-Port': '-1' }],
  [{ Forwarded: 'for=;;;by="', 'X-Forwarded-Proto': 'https\u00e9' }],
])('whatever a proxy says of where a request came from, it is answered: %j', async headers => {
  const here = await startScene({
    trustedProxies: ['127.0.0.1'],
    routes: () => [
      async app => {
        app.post('/v1/test', { config: { open: true } }, async (request, reply) => {
          setSessionCookie(request, reply, 'x')
          const { ip, ips, protocol, host } = request
          return { ip, ips, protocol, host }
        })
      },
    ],
  })
  const response = await here.ask('POST', '/v1/test', { headers: headers as Record<string, string> })
  await here.close()
  expect([response.status, response.headers.has('set-cookie')]).toEqual([200, true])
})
