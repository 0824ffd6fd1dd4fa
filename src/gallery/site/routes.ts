/** The gallery's page: the built app, for everybody, since it holds nothing of anybody. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'
import { AppError } from '../../core/errors.js'

/** Nothing but our own files: no inline script, no other site, no frame around it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** `folder` is where the app was built: index.html, and assets/ whose names carry their hash. */
export const siteRoutes =
  ({ folder }: { folder: string }): FastifyPluginAsync =>
  async app => {
    const root = resolve(folder)
    if (!existsSync(join(root, 'index.html'))) {
      app.get('/', { config: { open: true } }, async () => {
        throw new AppError('not_found', 'The gallery is not built here. Run npm run build, then start again')
      })
      return
    }

    await app.register(fastifyStatic, { root, serve: false, cacheControl: false })
    app.get<{ Params: { '*': string } }>('/*', { config: { open: true } }, async (request, reply) => {
      const path = request.params['*']
      if (!isOurs(path)) return reply.callNotFound()
      reply.headers({
        'Content-Security-Policy': contentSecurityPolicy,
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cache-Control': path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      })
      // The app has paths of its own, which it reads itself; a file has a dot in its name.
      const isFile = path.slice(path.lastIndexOf('/') + 1).includes('.')
      return reply.sendFile(isFile ? path : 'index.html')
    })
  }

/** Neither the API's, nor a path that no build makes: those never reach the disk. */
function isOurs(path: string): boolean {
  return path !== 'v1' && !path.startsWith('v1/') && /^[\w./-]*$/.test(path) && !/(^|\/)\./.test(path)
}
