/**
 * Who calls: every route demands a caller unless its config says `open: true`. It is settled before a body is read.
 * A route gets the caller by `callerOf(request)`.
 */
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Credentials } from '../accounts/authenticate.js'
import type { Caller } from '../accounts/caller.js'
import { AppError } from '../core/errors.js'
import { isUnsafe, requireSameOrigin } from './same-site.js'
import { readSessionCookie } from './session-cookie.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on open routes, and until the request is known to be somebody's. */
    caller: Caller | null
  }
  interface FastifyContextConfig {
    /** For everybody: no caller is looked for. */
    open?: boolean
    /** What it is sent is of a gallery: for handsets whose owner agreed to that. */
    gallery?: boolean
  }
}

export type Authenticate = (credentials: Credentials) => Promise<Caller>

export function authHook(authenticate: Authenticate): onRequestAsyncHookHandler {
  return async request => {
    if (request.is404 || request.routeOptions.config.open) return
    const bearer = bearerOf(request.headers.authorization)
    const sessionToken = readSessionCookie(request)
    const caller = await authenticate({ bearer, sessionToken })
    if (caller.session && isUnsafe(request.method)) requireSameOrigin(request.headers)
    if (caller.mayNotSend && request.routeOptions.config.gallery && sends(request.method)) {
      const sentence = 'The owner of this handset has not agreed to its sending photos, or took that back'
      throw new AppError('forbidden', `${sentence}. Their yes is given by PUT /v1/consents/sync`)
    }
    request.caller = caller
  }
}

/** What was begun may be looked at and taken back. */
const sends = (method: string): boolean => isUnsafe(method) && method !== 'DELETE'

/** The caller of a route that isn't open. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error('an open route asked for its caller')
  return request.caller
}

/** RFC 6750 §2.1. Undefined when there is no such header; any other scheme is refused rather than passed over. */
export function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(header)?.[1]
  if (token !== undefined) return token
  throw new AppError('unauthenticated', 'Send the device token as "Authorization: Bearer <token>"')
}
