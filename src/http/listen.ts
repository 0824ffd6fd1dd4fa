/** Opens a server's port. */
import { Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../core/errors.js'

export interface Listen {
  host: string
  /** 0: any free one. */
  port: number
  /** The environment variable that says which port, for the error. */
  variable: string
}

/** Resolves with the address; rejects with one sentence when the port can't be had. */
export async function listen(app: FastifyInstance, { host, port, variable }: Listen): Promise<string> {
  try {
    const address = await app.listen({ host, port })
    return app.server instanceof TlsServer ? address.replace(/^http:/, 'https:') : address
  } catch (cause) {
    const reason = reasons.get((cause as { code?: string }).code ?? '')
    if (!reason) throw cause
    throw new AppError('unavailable', `Port ${port} of ${host} ${reason}. Choose another in ${variable}`, { cause })
  }
}

const reasons = new Map([
  ['EADDRINUSE', 'is in use'],
  ['EACCES', 'may not be used by this user'],
  ['EADDRNOTAVAIL', 'is not an address of this machine'],
  ['ENOTFOUND', 'is not an address of this machine'],
])
