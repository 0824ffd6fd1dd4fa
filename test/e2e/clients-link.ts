/**
 * The way from clients to the API processes of one region, as through a balancer on a bad network: each connection goes to a random one
 * of them, and may break after a random number of bytes.
 */
import { connect, createServer, type Socket } from 'node:net'
import { startCuttingProxy } from '../support/cutting-proxy.js'
import type { SeededRandom } from '../support/seed.js'

export interface Link {
  url: string
  /** Connections broken so far. */
  cuts(): number
  close(): Promise<void>
}

export interface LinkOptions {
  /** The processes' addresses. */
  servers: readonly string[]
  random: SeededRandom
  /** Of a new connection: how many bytes of the client it lets through before it breaks. Default: it never does. */
  bytesUntilCut?: () => number
}

export async function startLink({
  servers,
  random,
  bytesUntilCut = () => Number.POSITIVE_INFINITY,
}: LinkOptions): Promise<Link> {
  const ports = servers.map(server => Number(new URL(server).port))
  const open = new Set<Socket>()
  const balancer = createServer(client => {
    const target = connect(ports[random.between(0, ports.length - 1)] as number, '127.0.0.1')
    for (const socket of [client, target]) {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      socket.on('error', () => {})
    }
    client.pipe(target).pipe(client)
    target.once('close', () => client.destroySoon())
    client.once('close', () => target.destroySoon())
  })
  await new Promise<void>(resolve => balancer.listen(0, '127.0.0.1', resolve))
  const address = balancer.address()
  if (typeof address !== 'object' || !address) throw new Error('the balancer has no port')
  const proxy = await startCuttingProxy({ targetPort: address.port, bytesUntilCut })
  return {
    url: proxy.url,
    cuts: proxy.cuts,
    close: async () => {
      await proxy.close()
      for (const socket of open) socket.destroy()
      await new Promise(resolve => balancer.close(resolve))
    },
  }
}
