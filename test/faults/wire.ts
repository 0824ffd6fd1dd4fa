/** One HTTP request on a connection of its own, as a bad network carries it: it may break on the way there, or on the way back. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'

export interface WireRequest {
  port: number
  method: 'POST' | 'PATCH' | 'HEAD' | 'DELETE'
  path: string
  headers: Record<string, string>
  body?: Buffer
  /** The connection breaks after so many bytes of the body. */
  cutAfterBytes?: number | undefined
  /** The connection breaks once the request is sent. */
  losesAnswer?: boolean
  /** Content-Length is not said. */
  isChunked?: boolean
}

export interface WireAnswer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

const deadlineMs = 20_000

/** undefined: there was no answer. */
export function send(wanted: WireRequest): Promise<WireAnswer | undefined> {
  const { port, method, path, headers, body = Buffer.alloc(0), cutAfterBytes, losesAnswer, isChunked } = wanted
  return new Promise(resolve => {
    const length = isChunked ? {} : { 'Content-Length': String(body.length) }
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { 'Tus-Resumable': '1.0.0', ...headers, ...(method === 'HEAD' ? {} : length) },
      agent: false,
      signal: AbortSignal.timeout(deadlineMs),
    })
    request.on('error', () => resolve(undefined))
    request.on('close', () => resolve(undefined))
    request.on('response', response => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      response.on('error', () => resolve(undefined))
    })
    const cut = () => request.destroy()
    if (cutAfterBytes !== undefined) request.write(body.subarray(0, cutAfterBytes), cut)
    else request.end(body, () => losesAnswer && cut())
  })
}
