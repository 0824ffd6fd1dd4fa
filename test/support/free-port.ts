/** Free TCP ports on loopback for servers that want their port told. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * A port that nobody listens on now. It lies below the range that systems take outgoing connections' ports from (from
 * 32,768 up): a server that is killed and restarted there finds its port free, and a client that knocks meanwhile
 * can't be connected to itself.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(15_000, 32_000)
    if (await isFree(port)) return port
  }
  throw new Error('No free TCP port between 15000 and 32000 on 127.0.0.1 in 100 attempts')
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
