/**
 * "Expect: 100-continue" (RFC 9110 §10.1.1): a client holds its body back until we want it. "100 Continue" goes out when the body is
 * first read, by whatever way; so one that is refused for its head alone (401, 404, 412, 413, 415) never sends it.
 * An answer without the 100 ends an HTTP/1.1 connection, which Node sees to: the client may or may not send the body after it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void

/** Node asks here before it would say "continue" by itself, and here alone about requests that expect anything. */
export function heedExpectations(server: Pick<Server, 'on'>, handle: RequestHandler): void {
  const heed: RequestHandler = (request, response) => {
    if (!expectsSomethingElse(request)) continueWhenRead(request, response)
    handle(request, response)
  }
  server.on('checkContinue', heed)
  server.on('checkExpectation', heed)
}

/** Such a request may be refused with 417. HTTP/1.0 has no expectations. */
export function expectsSomethingElse({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.expect !== undefined && httpVersion !== '1.0' && !/^\s*100-continue\s*$/i.test(headers.expect)
}

/** Streams call _read whenever somebody wants bytes, be it for a listener, a pipe or a loop. */
function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  const read = request._read
  request._read = sizeBytes => {
    request._read = read
    // Once there is an answer, reading only clears the connection.
    if (!response.headersSent && !response.destroyed) response.writeContinue()
    read.call(request, sizeBytes)
  }
}
