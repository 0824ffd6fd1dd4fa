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
  socket: TLSSocket
}

export const endStream = 1

/** Speaks the preface, and then whatever it is told to. */
export async function openFrames(port: number, tls: Tls): Promise<Frames> {
  const socket = connect({ host: '127.0.0.1', port, ca: tls.cert, ALPNProtocols: ['h2'] })
  await once(socket, 'secureConnect')
  socket.on('error', () => {}).resume()
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
    reset: code => {
      const payload = Buffer.alloc(4)
      payload.writeUInt32BE(code)
      send(types.rstStream, 0, 1, payload)
    },
  }
}

const literal = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
