/**
 * What nobody reads of a body over HTTP/1.1, once its request is answered. It is read away for a while, so that the answer arrives and
 * the connection can be used again; then the connection ends. Over HTTP/2 the stream ends with the answer (http2-messages.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** In it the rest of a photo comes over a link of 2 Mbit/s, also from a client that looks at the answer only when it has sent all. */
const readAwayMs = 30_000

/** To be called with every request, before its body is read. Costs nothing where there is none. */
export function boundRest(request: IncomingMessage, response: ServerResponse, deadlineMs = readAwayMs): void {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  const hasBody = coding !== undefined || (length !== undefined && length !== '0')
  if (!hasBody || request.httpVersionMajor !== 1) return
  response.once('close', () => {
    if (request.readableEnded || request.destroyed) return
    const timer = setTimeout(() => request.destroy(), deadlineMs)
    const stop = () => clearTimeout(timer)
    request.once('end', stop).once('close', stop).resume()
  })
}
