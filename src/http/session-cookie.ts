/** The cookie that carries a browser's session. Scripts can't read it, and no other site's page makes the browser send it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { limits } from '../core/limits.js'

const name = 'photosync_session'

export function readSessionCookie(request: FastifyRequest): string | undefined {
  return request.cookies[name]
}

export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, token: string): void {
  reply.setCookie(name, token, { ...attributes(request), maxAge: limits.sessionLifetimeMs / 1000 })
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  reply.clearCookie(name, attributes(request))
}

function attributes(request: FastifyRequest) {
  return { path: '/', httpOnly: true, sameSite: 'strict', secure: cameByHttps(request) } as const
}

/**
 * Behind a proxy that ends TLS the connection itself is plain, and no proxy's header is trusted here. The browser names the
 * scheme in Origin; whoever lies about it only gets a cookie that is kept more strictly.
 */
function cameByHttps(request: FastifyRequest): boolean {
  return request.protocol === 'https' || request.headers.origin?.startsWith('https://') === true
}
