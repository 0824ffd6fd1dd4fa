/** The HTTP server alone, without what lies behind it: one caller who is known by a token or a cookie, routes of the test's own. */
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { connect as connectSocket, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { Caller } from '../../src/accounts/caller.js'
import { AppError } from '../../src/core/errors.js'
import { newId } from '../../src/core/ids.js'
import { makeReport, type Report } from '../../src/http/report.js'
import { buildHttp, closeHttp, type HttpParts } from '../../src/http/server.js'
import type { Tls } from '../../src/http/tls.js'
import { openLog } from '../../src/observe/log.js'
import { type Metrics, makeMetrics } from '../../src/observe/metrics.js'
import type { AskOptions } from './region.js'

export const token = 'a-token-that-is-known'
export const cookie = 'photosync_session_us-west-2=a-session-that-is-known'
const person = { person: 'ana', epoch: 1, device: null }

export interface Scene {
  app: FastifyInstance
  metrics: Metrics
  port: number
  url: string
  /** By HTTP/1.1, over TLS where the server has it. Bytes as they are, for what no client would send. */
  socket(): Promise<Socket>
  /** Fails the test unless the server speaks HTTP/2. */
  session(): Promise<ClientHttp2Session>
  /** HTTP/2 where the server has TLS, else HTTP/1.1. */
  ask(method: string, path: string, options?: AskOptions): Promise<Response>
  close(): Promise<void>
}

export interface SceneOptions extends Pick<HttpParts, 'corsOrigins' | 'tls'> {
  trustedProxies?: readonly string[]
  routes: (parts: { report: Report }) => FastifyPluginAsync[]
}

export async function startScene({ routes, tls, corsOrigins, trustedProxies = [] }: SceneOptions): Promise<Scene> {
  const metrics = makeMetrics()
  const report = makeReport(openLog({ name: 'test', level: 'silent' }), metrics)
  const parts = { regionId: 'us-west-2', authenticate, metrics, report, newId }
  const app = await buildHttp({
    ...parts,
    tls,
    corsOrigins,
    trustedProxies,
    routes: routes({ report }),
    rawPrefixes: { '/v1/uploads': { 'Tus-Resumable': '1.0.0' } },
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen on a port')
  const { port } = address
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  const sessions = new Set<ClientHttp2Session>()
  const session = async () => {
    const opened = await openSession(url, tls)
    sessions.add(opened)
    return opened
  }
  let shared: Promise<ClientHttp2Session> | undefined
  return {
    app,
    metrics,
    port,
    url,
    socket: () => openSocket(port, tls),
    session,
    ask: async (method, path, options = {}) => {
      if (!tls) return fetch(url + path, asRequest(method, options))
      shared ??= session()
      return askOver(await shared, method, path, options)
    },
    async close() {
      for (const opened of sessions) opened.destroy()
      await closeHttp(app, { deadlineMs: 1_000 })
    },
  }
}

async function authenticate(credentials: { bearer?: unknown; sessionToken?: unknown }): Promise<Caller> {
  if (credentials.bearer === token) return { ...person, session: false } as Caller
  if (credentials.sessionToken !== undefined) return { ...person, session: true } as Caller
  throw new AppError('unauthenticated', 'Sign in')
}

async function openSocket(port: number, tls: Tls | undefined): Promise<Socket> {
  const to = { host: '127.0.0.1', port }
  const socket = tls ? connectTls({ ...to, ca: tls.cert, ALPNProtocols: ['http/1.1'] }) : connectSocket(to)
  await once(socket, tls ? 'secureConnect' : 'connect')
  return socket.on('error', () => {})
}

async function openSession(url: string, tls: Tls | undefined): Promise<ClientHttp2Session> {
  if (!tls) throw new Error('it speaks no HTTP/2')
  // Else Node's client refuses its own requests, when much waits to be sent.
  const session = connect(url, { ca: tls.cert, maxSessionMemory: 1_000 })
  session.on('error', () => {})
  await once(session, 'remoteSettings')
  return session
}

function headersOf({ token: bearer, cookie: cookies, json, headers }: AskOptions): Record<string, string> {
  return {
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    ...(cookies !== undefined && { cookie: cookies }),
    ...(json !== undefined && { 'content-type': 'application/json' }),
    ...Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
  }
}

function asRequest(method: string, options: AskOptions): RequestInit {
  const body = options.json === undefined ? options.body : JSON.stringify(options.json)
  return { method, headers: headersOf(options), ...(body !== undefined && { body, duplex: 'half' }) }
}

/** The same as fetch would make of it. */
export async function askOver(
  session: ClientHttp2Session,
  method: string,
  path: string,
  options: AskOptions = {},
): Promise<Response> {
  const body = options.json === undefined ? options.body : JSON.stringify(options.json)
  const stream = session.request(
    { ':method': method, ':path': path, ...headersOf(options) },
    { endStream: body === undefined },
  )
  if (body !== undefined) void send(stream, body)
  const { ':status': status = 0, ...headers } = await headOf(stream)
  const answer = await bodyOf(stream)
  const bodiless = method === 'HEAD' || status === 204
  const fields = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)])
  return new Response(bodiless ? null : answer, { status: Number(status), headers: fields })
}

function headOf(stream: ClientHttp2Stream): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    stream.once('response', resolve).once('error', reject)
    stream.once('close', () => reject(new Error('the stream closed without an answer')))
  })
}

/** To its end, also when the server didn't want the whole request. */
export async function bodyOf(stream: ClientHttp2Stream): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(stream, 'end')
  return Buffer.concat(chunks)
}

async function send(stream: ClientHttp2Stream, body: BodyInit): Promise<void> {
  if (!(body instanceof ReadableStream)) {
    stream.end(body)
    return
  }
  for await (const chunk of body) stream.write(chunk)
  stream.end()
}

/** All that comes on the socket from now on, until the server ends it or `until` holds. */
export async function readUntil(socket: Socket, until: (text: string) => boolean = () => false): Promise<string> {
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString('latin1')
    if (until(text)) break
  }
  return text
}
