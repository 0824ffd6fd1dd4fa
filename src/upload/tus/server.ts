/**
 * tus-node-server's Server, with handlers that get Node's own request and answer on its own response. The stock ones are given
 * web Requests and Responses, whose conversion costs more than a small upload itself; they read the body through a web stream,
 * and can say "complete" before the photo is stored.
 *
 * It answers by `handle` alone; the stock ways that begin with a web Request have no handlers here. Every answer has Tus-Resumable.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server } from '@tus/server'
import { DataStore, TUS_RESUMABLE, TUS_VERSION } from '@tus/utils'
import type { Caller } from '../../accounts/caller.js'
import { AppError } from '../../core/errors.js'
import { limits } from '../../core/limits.js'
import { type Answer, cut, send } from './answer.js'
import type { Handlers } from './handlers.js'
import { checksumAlgorithms, idOfPath, methodOf } from './headers.js'

export interface TusServerParts {
  path: string
  handlers: Handlers
  /** What is told of an error; undefined when there is nobody to tell. */
  explain: (error: unknown, res: ServerResponse, method: string) => Answer | undefined
}

/** Only what is offered is asked of it: bytes and rows are the engine's, which must know whose they are. */
class Offer extends DataStore {
  override extensions = [
    'creation',
    'creation-with-upload',
    'creation-defer-length',
    'expiration',
    'checksum',
    'termination',
    'concatenation',
  ]

  override getExpiration(): number {
    return limits.uploadLifetimeMs
  }
}

export class TusServer extends Server {
  declare handlers: Server['handlers'] & Handlers
  readonly #path: string
  readonly #explain: TusServerParts['explain']
  readonly #offered: Answer

  constructor({ path, handlers, explain }: TusServerParts) {
    const datastore = new Offer()
    super({ path, datastore, maxSize: limits.uploadSizeBytes, relativeLocation: true })
    Object.assign(this.handlers, handlers)
    this.#path = path
    this.#explain = explain
    this.#offered = {
      status: 200,
      headers: {
        Allow: 'POST, HEAD, PATCH, DELETE, OPTIONS',
        'Tus-Version': TUS_VERSION.join(','),
        'Tus-Extension': datastore.extensions.join(','),
        'Tus-Max-Size': String(limits.uploadSizeBytes),
        'Tus-Checksum-Algorithm': checksumAlgorithms,
      },
    }
  }

  /** Resolves once the answer is handed to the connection. `caller` is undefined for OPTIONS only, which needs none. */
  override async handle(req: IncomingMessage, res: ServerResponse, caller?: Caller): Promise<void> {
    const method = methodOf(req.method ?? '', req.headers)
    const answer = await this.#answer(req, res, method, caller).catch(error => this.#explain(error, res, method))
    if (answer) send(res, answer, method === 'HEAD')
    else cut(req)
  }

  async #answer(req: IncomingMessage, res: ServerResponse, method: string, caller?: Caller): Promise<Answer> {
    if (method === 'OPTIONS') return this.#offered
    const id = idOfPath(req.url ?? '', this.#path)
    if (!isOurs(method) || (method === 'POST' && id !== '')) return notAllowed(id)
    if (req.headers['tus-resumable'] !== TUS_RESUMABLE) return otherVersion
    if (!caller) throw new Error('an upload was asked for by nobody')
    if (isSafe(req.method) && !isSafe(method)) {
      throw new AppError(
        'invalid',
        `${method} may come as a POST with X-HTTP-Method-Override, but not as a ${req.method}`,
      )
    }
    return this.handlers[method]({ req, res, caller, id })
  }
}

const isOurs = (method: string): method is keyof Handlers =>
  method === 'POST' || method === 'PATCH' || method === 'HEAD' || method === 'DELETE'

/** RFC 9110 §9.2.1. What is asked of the others (who calls, from which site) is settled before an override is known. */
const isSafe = (method: string | undefined) => method === 'HEAD' || method === 'GET'

/** "Tus-Resumable". */
const otherVersion: Answer = {
  status: 412,
  headers: { 'Tus-Version': TUS_VERSION.join(',') },
  text: `This server speaks tus ${TUS_VERSION.join(', ')}. Say so in Tus-Resumable`,
}

const notAllowed = (id: string): Answer => ({
  status: 405,
  headers: { Allow: id === '' ? 'POST, OPTIONS' : 'HEAD, PATCH, DELETE, OPTIONS' },
  text: id === '' ? 'Uploads are created here, by POST' : 'An upload takes HEAD, PATCH and DELETE',
})
