/** What Node's responses have no method for: a 104 ahead of the answer, and an end without one. HTTP/1.1 and HTTP/2 alike. */
import type { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { Headers } from './answers.js'

/** Whether an answer can still be sent. */
export function isOpen(res: ServerResponse): boolean {
  const stream = streamOf(res)
  if (stream) return !stream.destroyed && !stream.closed && !res.headersSent
  // The request's: a response that waits for an earlier one on its connection has no socket yet.
  return !res.destroyed && !res.headersSent && !res.req.socket.destroyed
}

/**
 * "104 Upload Resumption Supported". False: it can't be sent, because the connection is gone or its HTTP knows no interim responses
 * (RFC 9110 §15.2). `headers` are our own, with nothing of the request's in them.
 */
export function sendInterim(res: ServerResponse, headers: Headers): boolean {
  if (!isOpen(res)) return false
  const stream = streamOf(res)
  if (stream) {
    stream.additionalHeaders({ [constants.HTTP2_HEADER_STATUS]: 104, ...headers })
    return true
  }
  if (res.req.httpVersionMajor !== 1 || res.req.httpVersionMinor === 0) return false
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  // What Node's own writeEarlyHints writes its 103 with; it keeps the order of pipelined answers.
  const raw = res as RawWriter
  return raw._writeRaw?.(`HTTP/1.1 104 Upload Resumption Supported\r\n${lines.join('')}\r\n`, 'latin1') !== undefined
}

/** Ends the request without an answer, as if its connection had broken: clients of this draft resume then, and only then. */
export function breakOff(res: ServerResponse): void {
  const stream = streamOf(res)
  if (stream) stream.close(constants.NGHTTP2_CANCEL)
  else res.destroy()
}

interface RawWriter extends ServerResponse {
  _writeRaw?(data: string, encoding: BufferEncoding): boolean
}

/** Of a response of Node's HTTP/2 compatibility API. */
function streamOf(res: ServerResponse & { stream?: ServerHttp2Stream }): ServerHttp2Stream | undefined {
  return res.stream
}
