/** HTTP/2 by hand, for what clients do on a bad line and Node's own client does not: frames as bytes (RFC 9113 §4). */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import type { Tls } from '../../src/http/tls.js'

const types = { data: 0, headers: 1, rstStream: 3, settings: 4 }
const endHeaders = 4

export interface Frames {
  /** Opens stream 1 with an upload that has no end yet. */
  begin(headers: Readonly<Record<string, string>>): void
  data(bytes: Buffer, flags?: number): void
  reset(code: number): void
  /** What came for stream 1, in order: its type, "+end" where that is the end of the answer, and the code of a reset. */
  received(): string[]
  socket: TLSSocket
}

export const endStream = 1

/** Speaks the preface, and then whatever it is told to. */
export async function openFrames(port: number, tls: Tls): Promise<Frames> {
  const socket = connect({ host: '127.0.0.1', port, ca: tls.cert, ALPNProtocols: ['h2'] })
  await once(socket, 'secureConnect')
  let bytes = Buffer.alloc(0)
  socket
    .on('error', () => {})
    .on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
    })
  const send = (type: number, flags: number, stream: number, payload: Buffer) => {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head.writeUInt8(type, 3)
    head.writeUInt8(flags, 4)
    head.writeUInt32BE(stream, 5)
    socket.write(Buffer.concat([head, payload]))
  }
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  send(types.settings, 0, 0, Buffer.alloc(0))
  return {
    socket,
    begin: headers => {
      const all = { ':method': 'POST', ':scheme': 'https', ':authority': 'x', ':path': '/v1/uploads/x', ...headers }
      // Each a literal that is not indexed (RFC 7541 §6.2.2).
      const fields = Object.entries(all).map(texts => Buffer.concat([Buffer.from([0]), ...texts.map(literal)]))
      send(types.headers, endHeaders, 1, Buffer.concat(fields))
    },
    data: (bytes, flags = 0) => send(types.data, flags, 1, bytes),
    received: () => describe(bytes),
    reset: code => {
      const payload = Buffer.alloc(4)
      payload.writeUInt32BE(code)
      send(types.rstStream, 0, 1, payload)
    },
  }
}

function describe(bytes: Buffer): string[] {
  const found: string[] = []
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const [type = 0, flags = 0] = bytes.subarray(at + 3)
    if (bytes.readUInt32BE(at + 5) !== 1) continue
    if (type === types.rstStream) found.push(`reset ${bytes.readUInt32BE(at + 9)}`)
    if (type === types.headers || type === types.data) {
      found.push(`${type === types.data ? 'data' : 'headers'}${flags & endStream ? '+end' : ''}`)
    }
  }
  return found
}

const literal = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
