/**
 * Stands between a server and its S3 service and counts what passes, by operation. For counting only: it would cost a timed
 * round dearly. What it forwards is unchanged, the Host included, so the signatures hold.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

export interface CountingProxy {
  url: string
  /** How many of each since the last `take`; starts again from nothing. Every request counts, failed and repeated ones too. */
  take(): Map<string, number>
  close(): Promise<void>
}

export async function startCountingProxy(endpoint: string): Promise<CountingProxy> {
  let calls = new Map<string, number>()
  const agent = new Agent({ keepAlive: true })
  const server = createServer((incoming, answer) => {
    const operation = operationOf(incoming)
    calls.set(operation, (calls.get(operation) ?? 0) + 1)
    forward(endpoint, agent, incoming, answer)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => {
      const taken = calls
      calls = new Map()
      return taken
    },
    close: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      agent.destroy()
      await closed
    },
  }
}

function forward(endpoint: string, agent: Agent, incoming: IncomingMessage, answer: ServerResponse): void {
  const { hostname, port } = new URL(endpoint)
  // "100 Continue" has been said here already; the next hop's connection is its own.
  const { expect: _said, connection: _ours, ...headers } = incoming.headers
  const onward = request({ hostname, port, method: incoming.method, path: incoming.url, headers, agent })
  pipeline(incoming, onward, error => {
    if (error) answer.destroy()
  })
  onward.on('response', response => {
    answer.writeHead(response.statusCode ?? 502, response.headers)
    pipeline(response, answer, () => {})
  })
  onward.on('error', () => answer.destroy())
}

/** As the S3 API names it, as far as a method and a query tell; of a bucket or of an object. */
function operationOf({ method = '', url = '' }: IncomingMessage): string {
  const { searchParams, pathname } = new URL(url, 'http://s3')
  const isBucket = pathname.split('/').filter(Boolean).length < 2
  const is = (name: string) => searchParams.has(name)
  if (isBucket) return method === 'POST' && is('delete') ? 'DeleteObjects' : `${method} of the bucket`
  if (method === 'PUT') return is('partNumber') ? 'UploadPart' : 'PutObject'
  if (method === 'POST') return is('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload'
  if (method === 'GET') return is('uploadId') ? 'ListParts' : 'GetObject'
  if (method === 'HEAD') return 'HeadObject'
  return is('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject'
}
