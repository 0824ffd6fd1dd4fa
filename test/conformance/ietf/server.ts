/** A process of a region that speaks both dialects at one address, as the API does: over HTTP/1.1, and over HTTP/2 beside it. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { newId } from '../../../src/core/ids.js'
import type { Placement } from '../../../src/core/keys.js'
import type { Database } from '../../../src/db/database.js'
import { Http2Request, Http2Response } from '../../../src/http/http2-messages.js'
import { boundRest } from '../../../src/http/rest-of-body.js'
import type { Signals } from '../../../src/queue/signals.js'
import type { Bucket } from '../../../src/storage/bucket.js'
import type { Engine } from '../../../src/upload/contract.js'
import { makeEngine } from '../../../src/upload/engine.js'
import { isIetf, makeIetfFront } from '../../../src/upload/ietf/front.js'
import { makeTusFront } from '../../../src/upload/tus/front.js'
import type { MovableClock } from '../../upload/region.js'

export const uploads = '/v1/uploads'

export interface IetfServer {
  engine: Engine
  /** HTTP/1.1. */
  port: number
  /** HTTP/2 without TLS, by prior knowledge. */
  http2Port: number
  /** Errors that were reported since the start. */
  reported: unknown[]
  close(): Promise<void>
}

export interface IetfServerParts {
  db: Database
  bucket: Bucket
  signals: Signals
  clock: MovableClock
  /** Who calls, by the header `person`. */
  people: readonly Placement[]
  stallMs?: number
}

export async function startIetf({ people, ...parts }: IetfServerParts): Promise<IetfServer> {
  const engine = await makeEngine({ ...parts, newId })
  const reported: unknown[] = []
  const deps = { engine, path: uploads, report: (error: unknown) => void reported.push(error) }
  const ietf = makeIetfFront({ ...deps, clock: parts.clock })
  const tus = makeTusFront(deps)
  const running = new Set<Promise<void>>()
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    boundRest(req, res)
    const placement = people[Number(req.headers.person ?? 0)] as Placement
    const caller = { ...placement, device: null, session: false }
    const front = isIetf(req) ? ietf : tus
    const task = front(req, res, req.method === 'OPTIONS' ? undefined : caller).finally(() => running.delete(task))
    running.add(task)
  }
  const plain = http.createServer(handle)
  const sessions = new Set<http2.ServerHttp2Session>()
  const options = { Http2ServerRequest: Http2Request, Http2ServerResponse: Http2Response }
  const multiplexed = http2.createServer(options, handle as unknown as (req: Http2Request, res: Http2Response) => void)
  multiplexed.on('session', session => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  const [port, http2Port] = [await listen(plain), await listen(multiplexed)]
  return {
    engine,
    port,
    http2Port,
    reported,
    close: async () => {
      plain.closeAllConnections()
      for (const session of sessions) session.destroy()
      await Promise.all([plain, multiplexed].map(server => new Promise(resolve => server.close(resolve))))
      await Promise.all(running)
      engine.close()
    },
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
