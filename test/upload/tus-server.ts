/** A process that speaks tus on a port of its own, and requests to it that can be broken anywhere. */
import http from 'node:http'
import { createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { newId } from '../../src/core/ids.js'
import type { Placement } from '../../src/core/keys.js'
import type { Database } from '../../src/db/database.js'
import type { RequestHandler } from '../../src/http/expect.js'
import { Http2Request, Http2Response } from '../../src/http/http2-messages.js'
import { makeNodeServer, type NodeServer } from '../../src/http/node-server.js'
import { boundRest } from '../../src/http/rest-of-body.js'
import type { Signals } from '../../src/queue/signals.js'
import type { Bucket } from '../../src/storage/bucket.js'
import type { Engine } from '../../src/upload/contract.js'
import { makeEngine } from '../../src/upload/engine.js'
import { makeTusFront } from '../../src/upload/tus/front.js'
import type { MovableClock } from './region.js'

export const uploads = '/v1/uploads'

export interface TusServer {
  engine: Engine
  port: number
  /** Requests whose handler has not ended. */
  running(): number
  close(): Promise<void>
}

export interface TusServerParts {
  db: Database
  bucket: Bucket
  signals: Signals
  clock: MovableClock
  stallMs?: number
  /** Who calls, by the header `person`. */
  people: readonly Placement[]
  /** Only HTTP/2, without TLS. */
  http2?: boolean
}

export async function startTus({ people, http2 = false, ...parts }: TusServerParts): Promise<TusServer> {
  const engine = await makeEngine({ ...parts, newId })
  const front = makeTusFront({ engine, path: uploads, report: () => {} })
  const running = new Set<Promise<void>>()
  const { server, endAll } = (http2 ? makeHttp2 : makeNodeServer)((req, res) => {
    boundRest(req, res)
    const placement = people[Number(req.headers.person ?? 0)] as Placement
    const caller = { ...placement, device: null, session: false }
    const task = front(req, res, req.method === 'OPTIONS' ? undefined : caller).finally(() => running.delete(task))
    running.add(task)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    engine,
    port: (server.address() as AddressInfo).port,
    running: () => running.size,
    close: async () => {
      endAll()
      await new Promise(resolve => server.close(resolve))
      await Promise.all(running)
      engine.close()
    },
  }
}

/** As makeNodeServer does, but for TLS. */
function makeHttp2(handle: RequestHandler): Pick<NodeServer, 'server' | 'endAll'> {
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer({ Http2ServerRequest: Http2Request, Http2ServerResponse: Http2Response })
  server.on('session', session => sessions.add(session))
  server.on('request', handle as never)
  return {
    server: server as unknown as http.Server,
    endAll: () => {
      for (const session of sessions) session.destroy()
    },
  }
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  text: string
}

/** A list is one header sent several times. */
export type Headers = Readonly<Record<string, string | number | string[]>>

export interface RequestOptions {
  headers?: Headers
  body?: Buffer | string
  agent?: http.Agent
}

const tusHeaders = { 'Tus-Resumable': '1.0.0' }

/** A request that is under way: its body goes out as `write` and `end` say. */
export function begin(port: number, method: string, path: string, options: RequestOptions = {}) {
  const { headers = {}, agent } = options
  const request = http.request({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: { ...tusHeaders, ...headers },
    agent: agent ?? false,
  })
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject)
    request.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode as number, headers: response.headers, text })
      })
    })
  })
  // Who breaks the request off doesn't wait for its answer.
  answer.catch(() => {})
  return { request, answer }
}

/** A whole request. `Tus-Resumable: ''` in its headers leaves that one out. */
export function ask(port: number, method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { request, answer } = begin(port, method, path, options)
  if (options.headers?.['Tus-Resumable'] === '') request.removeHeader('Tus-Resumable')
  request.end(options.body)
  return answer
}

export const offsetBody = { 'Content-Type': 'application/offset+octet-stream' }

export function metadataOf(entries: Record<string, string>): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}
