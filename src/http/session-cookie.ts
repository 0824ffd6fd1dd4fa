/** The cookie that carries a browser's session. Scripts can't read it, and no other site's page makes the browser send it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { limits } from '../core/limits.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The region that this server belongs to. */
    readonly regionId: string
  }
}

/** Cookies know hosts and no ports: two regions on one machine would take each other's. */
const nameFor = ({ server }: FastifyRequest): string => `photosync_session_${server.regionId}`

export function readSessionCookie(request: FastifyRequest): string | undefined {
  return request.cookies[nameFor(request)]
}

export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, token: string): void {
  reply.setCookie(nameFor(request), token, { ...attributes(request), maxAge: limits.sessionLifetimeMs / 1000 })
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  reply.clearCookie(nameFor(request), attributes(request))
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
