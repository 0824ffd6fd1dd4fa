/**
 * One HTTP request over a kept-alive connection, and the beginning of its answer. Bytes in memory are sent as they lie there,
 * neither copied nor joined. Opens connections by the agent it is given and touches nothing else.
 *
 * Guarantees: every wait has a deadline, and the signal ends it at any moment. Once the promise has settled, either way, and with an
 * answer of failure once that has been read, nothing reads the body's bytes any more.
 */
import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { request as httpsRequest } from 'node:https'

/** For a connection, be it a new one or one that another call is done with. */
export const connectionTimeoutMs = 5_000
/** Without a byte in either direction. */
export const silenceMs = 60_000

export interface Target {
  protocol: 'http:' | 'https:'
  hostname: string
  port: string
  agent: Agent
  /** Default: those above. */
  deadlines?: { connectionTimeoutMs: number; silenceMs: number }
}

export interface Message {
  method: string
  /** With the query, encoded. */
  path: string
  headers: OutgoingHttpHeaders
  body?: readonly Uint8Array[] | AsyncIterable<Uint8Array> | undefined
}

/**
 * Resolves with the answer, whose body the caller reads to its end or destroys; one of success only when all of the body has been
 * sent. Rejects with the connection's error, the signal's reason, or what the body's iteration threw.
 */
export function exchange(
  { protocol, hostname, port, agent, deadlines = { connectionTimeoutMs, silenceMs } }: Target,
  { method, path, headers, body = [] }: Message,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const isSecure = protocol === 'https:'
    const begin = isSecure ? httpsRequest : httpRequest
    const request = begin({ hostname, port, agent, method, path, headers, timeout: deadlines.silenceMs })
    let answer: IncomingMessage | undefined
    let isAnswered = false
    const answered = (response: IncomingMessage) => {
      isAnswered = true
      resolve(response)
    }
    const end = (reason: unknown) => {
      reject(reason)
      const error = reason instanceof Error ? reason : new Error('The request was ended', { cause: reason })
      if (answer) answer.destroy(error)
      else request.destroy(error)
    }
    const onAbort = () => end(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const connecting = setTimeout(
      () => end(timeoutError('connection', deadlines.connectionTimeoutMs)),
      deadlines.connectionTimeoutMs,
    )
    const onConnected = () => clearTimeout(connecting)
    request
      .once('socket', socket => {
        if (socket.connecting) socket.once(isSecure ? 'secureConnect' : 'connect', onConnected)
        else onConnected()
      })
      .on('timeout', () => {
        // An answer that has come whole has a slow reader, who keeps what came; only the connection goes.
        if (answer?.complete) request.socket?.destroy()
        else end(timeoutError('byte', deadlines.silenceMs))
      })
      .on('error', reject)
      .once('close', () => {
        clearTimeout(connecting)
        signal?.removeEventListener('abort', onAbort)
        if (!isAnswered) reject(new Error('The connection was closed before an answer had come'))
      })
      .once('response', response => {
        answer = response
        if (request.writableFinished) answered(response)
        else if (isSuccess(response)) {
          // Node says `finish` of a connection that broke, too, and in the same moment destroys it.
          request.once('finish', () => process.nextTick(() => request.socket?.destroyed || answered(response)))
        } else {
          // Refused with the body still on its way: what is left of it would keep the connection busy for nothing.
          response.once('end', () => request.destroy())
          answered(response)
        }
      })
    send(request, body).catch(end)
  })
}

export function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300
}

/** Reads the answer to its end and forgets it, so that its connection can be used again. */
export function drained(answer: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => {
      if (!answer.readableEnded) reject(new Error('The answer broke off'))
    }
    answer.on('error', reject).once('end', resolve).once('close', onClose).resume()
    // One that broke before anybody looked tells nobody any more.
    if (answer.destroyed) onClose()
  })
}

async function send(request: ClientRequest, body: NonNullable<Message['body']>): Promise<void> {
  if (Symbol.asyncIterator in body) {
    for await (const chunk of body) {
      if (request.destroyed) return
      if (!request.write(chunk)) await writable(request)
    }
  } else {
    for (const chunk of body) request.write(chunk)
  }
  request.end()
}

function writable(request: ClientRequest): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      request.off('drain', done).off('close', done)
      resolve()
    }
    if (request.destroyed) done()
    else request.on('drain', done).on('close', done)
  })
}

/** Its code is what the system calls it. */
function timeoutError(missing: 'connection' | 'byte', timeoutMs: number): Error {
  return Object.assign(new Error(`No ${missing} within ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}
