/**
 * The queues for operators to look at, by bull-board, behind their sign-in: /queues on the worker's own port. It only shows: none of
 * bull-board's routes that change something exists here. Jobs carry ids, so ids are all that is shown of anybody.
 *
 * Nothing is fetched from elsewhere: the page's reference to a font service is left out, and its policy forbids any.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { basicSignIn } from '../../src/http/basic-sign-in.js'
import { openBullQueues } from '../../src/queue/bullmq-queue.js'
import type { QueueConnection } from '../../src/queue/queue.js'
import { type Board, collectBoard } from './board.js'

const base = '/queues'

export interface BoardParts {
  connection: QueueConnection
  /** Of the user `operator`. */
  password: string
  /** Hears of connections that break. */
  onError: (error: unknown) => void
}

/** Styles stand in the page and on elements; scripts are files. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const boardRoutes =
  ({ connection, password, onError }: BoardParts): FastifyPluginAsync =>
  async app => {
    const { queues, close } = openBullQueues(connection, onError)
    app.addHook('onClose', close)
    const { board, serverAdapter } = collectBoard()
    createBullBoard({
      queues: [...queues.values()].map(queue => new BullMQAdapter(queue, { readOnlyMode: true })),
      serverAdapter,
      options: { uiConfig: { boardTitle: 'photosync', hideDocsLink: true } },
    })
    await app.register(async shown => showBoard(shown, board(), password), { prefix: base })
  }

async function showBoard(app: FastifyInstance, board: Board, password: string): Promise<void> {
  app.addHook('onRequest', basicSignIn({ user: 'operator', password }))
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'Content-Security-Policy': contentSecurityPolicy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    })
  })
  await app.register(fastifyStatic, { root: board.staticFolder, prefix: '/static/', cacheControl: false })

  const page = await readFile(join(board.viewsFolder, 'index.ejs'), 'utf8')
  for (const url of board.pagePaths) {
    app.get(url, async (_request, reply) => reply.type('text/html; charset=utf-8').send(board.render(page, base)))
  }
  for (const { url, answer } of board.questions) {
    app.get(url, async (request, reply) => {
      const { status, body } = await answer(request)
      return reply.code(status).send(body)
    })
  }
}
