/** Ports for the demo's two regions, looked at before anything is made. */
import { createServer } from 'node:net'
import { AppError } from '../../core/errors.js'

const usualPort = 4000

/** Those asked for, or the usual ones, or any that are free. */
export async function choosePorts(asked: number | undefined): Promise<[number, number]> {
  if (asked !== undefined) {
    for (const port of [asked, asked + 1]) {
      if ((await tryPort(port)) === undefined) {
        throw new AppError(
          'unavailable',
          `Port ${port} cannot be used: something listens on it, or this user may not. Choose another with --port`,
        )
      }
    }
    return [asked, asked + 1]
  }
  const usual = [await tryPort(usualPort), await tryPort(usualPort + 1)] as const
  if (usual[0] && usual[1]) return [usual[0], usual[1]]
  return freePorts()
}

export async function freePorts(): Promise<[number, number]> {
  const first = await tryPort(0)
  let second = await tryPort(0)
  while (second === first) second = await tryPort(0)
  return [first as number, second as number]
}

/** The port, if it can be listened on now. */
function tryPort(port: number): Promise<number | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1' }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}
