/** A TCP proxy on loopback that keeps every byte its clients send: what a listener on the line would have of them. */
import { connect, createServer, type Socket } from 'node:net'

export interface RecordingProxy {
  url: string
  /** What came from clients since `forget`, a piece for each connection, in the order in which they were opened. */
  sent(): Buffer[]
  /** As if it had just been started; what comes over connections that are still open is not kept. */
  forget(): void
  close(): Promise<void>
}

export async function startRecordingProxy(targetPort: number): Promise<RecordingProxy> {
  let connections: Buffer[][] = []
  const open = new Set<Socket>()
  const server = createServer(client => {
    const kept: Buffer[] = []
    connections.push(kept)
    const target = connect(targetPort, '127.0.0.1')
    for (const socket of [client, target]) {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      socket.on('error', () => {})
    }
    client.on('data', chunk => kept.push(chunk))
    client.pipe(target).pipe(client)
    client.once('close', () => target.destroySoon())
    target.once('close', () => client.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('the proxy has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    sent: () => connections.map(kept => Buffer.concat(kept)),
    forget() {
      connections = []
    },
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

export interface RecordedRequest {
  /** Method and path. */
  line: string
  /** By name in lower case. */
  headers: Record<string, string>
  body: Buffer
}

/** What one connection carried, as requests of HTTP/1.1. Throws at anything that is none, so that no byte goes unread. */
export function requestsIn(bytes: Buffer): RecordedRequest[] {
  const requests: RecordedRequest[] = []
  for (let rest = bytes; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n')
    const [first = '', ...lines] = rest.subarray(0, Math.max(0, end)).toString('latin1').split('\r\n')
    const line = /^(\S+ \S+) HTTP\/1\.1$/.exec(first)?.[1]
    const headers = Object.fromEntries(lines.map(text => [text.split(':', 1)[0]?.toLowerCase(), valueIn(text)]))
    const sizeBytes = Number(headers['content-length'] ?? 0)
    const body = rest.subarray(end + 4, end + 4 + sizeBytes)
    if (end < 0 || !line || 'transfer-encoding' in headers || body.length !== sizeBytes) {
      throw new Error(`this is no whole request with a known length: ${rest.subarray(0, 300).toString('latin1')}`)
    }
    requests.push({ line, headers, body })
    rest = rest.subarray(end + 4 + sizeBytes)
  }
  return requests
}

const valueIn = (text: string): string => text.slice(text.indexOf(':') + 1).trim()

/** `Upload-Metadata` (tus 1.0): keys, and values in base64. */
export function metadataIn(header: string): Record<string, string> {
  const pairs = header.split(',').map(pair => pair.trim().split(' '))
  return Object.fromEntries(pairs.map(([key = '', value = '']) => [key, Buffer.from(value, 'base64').toString()]))
}
