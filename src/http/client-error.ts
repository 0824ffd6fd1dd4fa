/** What isn't HTTP, or not in time: answered on the bare socket, since there is no request yet. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { problem } from './problem.js'

const answers: Readonly<Record<string, readonly [number, string, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request’s head took too long to arrive'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The request’s head is too long. Send shorter headers'],
}

export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  // An answer to an earlier request may be on its way: what is written into its midst would be taken for part of it.
  const { _httpMessage: answering } = socket as Socket & { _httpMessage?: ServerResponse | null }
  if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent) {
    socket.destroy()
    return
  }
  const [status, words, detail] = answers[error.code ?? ''] ?? [
    400,
    'Bad Request',
    'This is not a request that can be read',
  ]
  const { headers, body } = problem(status, 'invalid', detail)
  const text = JSON.stringify(body)
  const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(text), Connection: 'close' })
  socket.write(
    `HTTP/1.1 ${status} ${words}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`,
  )
  socket.destroySoon()
}
