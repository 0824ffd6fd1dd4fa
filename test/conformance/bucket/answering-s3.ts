/** A service that answers as S3 would on a bad day, as a test tells it to, and remembers what it was asked. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Heard {
  method: string | undefined
  url: string | undefined
  headers: IncomingMessage['headers']
  body: Buffer
  /** Counted from 1. */
  connection: number
}

/** `nth` counts requests, from 1. */
export type Answer = (request: IncomingMessage, answer: ServerResponse, nth: number) => unknown

const ends: (() => unknown)[] = []

/** Has something done when the test ends; what was asked last is done first. */
export function atEndOfTest(end: () => unknown): void {
  ends.push(end)
}

export async function endOfTest(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end()
}

/** Hears each request to its end, then answers; as long as it isn't told otherwise with success and no words. */
export async function serving(answer?: Answer): Promise<{ endpoint: string; heard: Heard[] }> {
  const heard: Heard[] = []
  const { port } = await listening(createServer(hearing(heard, answer)))
  return { endpoint: `http://127.0.0.1:${port}`, heard }
}

export function hearing(heard: Heard[], answer: Answer = (_, response) => response.end()) {
  const connections = new Map<unknown, number>()
  let requests = 0
  return async (request: IncomingMessage, response: ServerResponse) => {
    const nth = ++requests
    const { method, url, headers, socket } = request
    if (!connections.has(socket)) connections.set(socket, connections.size + 1)
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return
    }
    heard.push({ method, url, headers, body: Buffer.concat(chunks), connection: connections.get(socket) ?? 0 })
    await answer(request, response, nth)
  }
}

/** Until the test ends. */
export async function listening(server: Server, host = '127.0.0.1'): Promise<AddressInfo> {
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  atEndOfTest(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  return server.address() as AddressInfo
}

/** Of an Authorization header. */
export function signatureOf(request: Heard | undefined): { credential: string; names: string[] } | undefined {
  const found = /Credential=([^,]+), SignedHeaders=([^,]+), /.exec(request?.headers.authorization ?? '')
  return found ? { credential: found[1] ?? '', names: (found[2] ?? '').split(';') } : undefined
}
