/** A TCP proxy on loopback that breaks connections after so many bytes from the client: a link that fails in mid-upload. */
import { connect, createServer, type Socket } from 'node:net'

export interface CuttingProxy {
  url: string
  /** Connections broken so far. */
  cuts(): number
  close(): Promise<void>
}

export interface CuttingOptions {
  targetPort: number
  /** For each new connection: bytes from the client to let through before it breaks. */
  bytesUntilCut: () => number
}

export async function startCuttingProxy({ targetPort, bytesUntilCut }: CuttingOptions): Promise<CuttingProxy> {
  let cuts = 0
  const open = new Set<Socket>()
  const server = createServer(client => {
    const target = connect(targetPort, '127.0.0.1')
    for (const socket of [client, target]) {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      socket.on('error', () => {})
    }
    let left = bytesUntilCut()
    client.on('data', chunk => {
      const passed = chunk.subarray(0, left)
      left -= passed.length
      if (passed.length > 0 && !target.write(passed)) {
        client.pause()
        target.once('drain', () => client.resume())
      }
      if (left > 0) return
      cuts++
      // The client sees a reset at once; the server gets what passed and then the end.
      client.resetAndDestroy()
      target.end(() => target.destroy())
    })
    client.once('end', () => target.end())
    target.pipe(client)
    target.once('close', () => client.destroy())
    client.once('close', () => target.destroySoon())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('the proxy has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    cuts: () => cuts,
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
