/** Cross-site request forgery: a browser sends the session's cookie by itself, so it must also say that our own page asked. */
import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../core/errors.js'

/**
 * Rejects with `forbidden` when the browser says that another site's page made the request. Programs send neither header
 * and have no cookie that another site could borrow. (OWASP: fetch metadata, with the origin as fallback.)
 */
export function requireSameOrigin(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site']
  // Browsers say it of pages that came by https or from this machine. It holds behind a proxy that rewrites Host, too.
  if (site === 'same-origin' || site === 'none') return
  // The host alone is compared: behind a proxy that ends TLS, we don't see the scheme that the browser used.
  const host = headers.host ?? headers[':authority'] // as HTTP/2 calls it
  const isOwn = headers.origin === undefined || hostOf(headers.origin) === String(host).toLowerCase()
  if (site === undefined && isOwn) return
  throw new AppError(
    'forbidden',
    'This was asked for by a page of another site. Open the gallery itself and do it there',
  )
}

export function isUnsafe(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}

/** "null", which sandboxed pages send, has none. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
