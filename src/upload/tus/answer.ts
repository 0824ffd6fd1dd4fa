/**
 * One answer onto Node's own response, over HTTP/1.1 as over HTTP/2. What is left of a body that nobody read is the HTTP server's
 * to deal with (src/http/rest-of-body.ts, src/http/http2-messages.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { TUS_RESUMABLE } from '@tus/utils'

export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  /** A sentence. */
  text?: string
}

/** `isHead`: its answer has no body, also when it came as a POST that said it was a HEAD. Does nothing when nobody is there to hear. */
export function send(res: ServerResponse, { status, headers, text }: Answer, isHead: boolean): void {
  if (isGone(res)) return
  const body = isHead || text === undefined ? '' : `${text}\n`
  // What an upload is told is true now, and must not come from a cache ("HEAD").
  const all: Record<string, string> = { 'Tus-Resumable': TUS_RESUMABLE, 'Cache-Control': 'no-store', ...headers }
  // RFC 9110 §8.6: none where there is no content.
  if (status !== 204) all['Content-Length'] = String(Buffer.byteLength(body))
  if (body !== '') all['Content-Type'] = 'text/plain; charset=utf-8'
  res.writeHead(status, all)
  if (body === '') res.end()
  else res.end(body)
}

/** Ends the exchange without an answer: the client sees that it broke off, and asks where the upload is. */
export const cut = (req: IncomingMessage): void => void req.destroy()

/** Whether nobody is left to hear an answer: the connection has ended, or the body broke off, which ends it. */
export function isGone(res: ServerResponse & { stream?: ServerHttp2Stream }): boolean {
  const { req, stream } = res
  return req.socket.destroyed || (req.destroyed && !req.complete) || stream?.closed === true
}
