/**
 * Node's server below the routes: HTTP/1.1, or with a certificate HTTP/2 and HTTP/1.1 on the same port, as the client and we agree by
 * ALPN. Time limits that fit slow uploads, and an end that lets requests finish.
 */
import { createServer, type Server } from 'node:http'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { heedExpectations, type RequestHandler } from './expect.js'
import { boundUnread, windows } from './http2-flow.js'
import { Http2Request, Http2Response } from './http2-messages.js'
import type { Tls } from './tls.js'

export interface NodeServer {
  server: Server
  /** Ends connections that no request is under way on; the others end with their last request's answer. */
  endIdle(): void
  /** Ends every connection, whatever is under way. */
  endAll(): void
}

/** A handshake and a head must be complete by then; bodies have no limit of their own, since a slow upload is still an upload. */
const headersTimeoutMs = 30_000
/** Longer than the usual 60 s of a load balancer, so that it is never we who close a connection it is about to use. */
const keepAliveTimeoutMs = 75_000
const timeouts = { headersTimeout: headersTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs, requestTimeout: 0 }

/** Requests at once on one HTTP/2 connection: the least that RFC 9113 §6.5.2 recommends. A gallery's thumbnails come 100 a round trip. */
const streamsPerConnection = 100
/**
 * What may wait to be sent on one connection; above it Node refuses requests. A hundred pictures of 300 KB for a browser that is far
 * away are more than the 10 MB that Node would allow.
 */
const sessionMemoryMb = 32
/** The same as Node's for HTTP/1.1. */
const headerBytes = 16 * 1024

/** Not listening yet. */
export function makeNodeServer(handle: RequestHandler, tls?: Tls): NodeServer {
  const sessions = new Set<ServerHttp2Session>()
  const server = tls ? secureServer(tls, sessions) : createServer(timeouts)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', handle)
  heedExpectations(server, handle)
  return {
    server,
    endIdle: () => {
      server.closeIdleConnections()
      for (const session of sessions) session.close()
    },
    endAll: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Typed as what Fastify and our routes expect; the differences are made up for in http2-messages.ts. */
function secureServer(tls: Tls, sessions: Set<ServerHttp2Session>): Server {
  const server: Http2SecureServer = createSecureServer({
    ...tls,
    allowHTTP1: true,
    handshakeTimeout: headersTimeoutMs,
    maxSessionMemory: sessionMemoryMb,
    settings: {
      initialWindowSize: windows.streamBytes,
      maxConcurrentStreams: streamsPerConnection,
      maxHeaderListSize: headerBytes,
    },
    Http2ServerRequest: Http2Request,
    Http2ServerResponse: Http2Response,
  })
  // For HTTP/1.1, where Node would end every upload after five minutes, and no idle connection.
  Object.assign(server, timeouts, { requireHostHeader: true })
  server.on('session', session => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.setTimeout(keepAliveTimeoutMs, () => session.close())
    session.setLocalWindowSize(windows.connectionBytes)
  })
  boundUnread(server)
  return server as unknown as Server
}
