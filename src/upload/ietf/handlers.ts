/**
 * What the draft says to each method, in terms of the engine: headers in, one answer out. Quoted names are the draft's sections. What a
 * request is refused with is thrown, in the draft's words; `known` then has what the answer says of the upload all the same.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../../accounts/caller.js'
import type { Clock } from '../../core/clock.js'
import { type AppError, isAppError } from '../../core/errors.js'
import { BodyBroken } from '../append.js'
import type { Body, Engine } from '../contract.js'
import type { Upload } from '../upload.js'
import { type Headers, refusedAppend, refusedCreation, stateOf, uploadLimits } from './answers.js'
import { isOpen, sendInterim } from './connection.js'
import { type Dialect, dialectMark } from './dialect.js'
import { type AppendRequest, type Content, readAppend, readCreation, requirePlain } from './headers.js'

/** One request, and what becomes known of its upload. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly caller: Caller
  readonly dialect: Dialect
  /** What the address names below the collection; '' for the collection itself. */
  readonly id: string
  /** For the answer, whatever becomes of the request. */
  readonly known: Headers
  /** A 104 has said where the upload is. */
  isAnnounced: boolean
}

export interface Answer {
  status: number
  headers: Headers
}

export type Handler = (exchange: Exchange) => Promise<Answer>

export interface Handlers {
  create: Handler
  append: Handler
  find: Handler
  cancel: Handler
}

/** `path`: where uploads are. Locations are relative to the origin, so they are right behind any proxy. */
export function makeHandlers(engine: Engine, { path, clock }: { path: string; clock: Clock }): Handlers {
  const told = (upload: Upload, dialect: Dialect) => stateOf(upload, dialect, clock.now())

  /** "104 Upload Resumption Supported", to those who named a version. */
  const announce = (exchange: Exchange, upload: Upload): void => {
    const { res, dialect, known } = exchange
    const Location = `${path}/${upload.id}${dialect.isUnversioned ? dialectMark : ''}`
    known.Location = Location
    if (dialect.version === undefined) return
    exchange.isAnnounced = sendInterim(res, {
      Location,
      'Upload-Draft-Interop-Version': String(dialect.version),
      'Upload-Limit': uploadLimits(upload, dialect, clock.now()),
    })
  }

  /** A refusal says where the upload is. Asking ends a request that still writes to it, as "Concurrency" recommends. */
  const explain = async (error: unknown, request: AppendRequest, exchange: Exchange): Promise<unknown> => {
    const { res, caller, dialect, id, known } = exchange
    if (!isAppError(error) || !isAboutUpload.has(error.kind) || !isOpen(res)) return error
    const upload = await engine.find(caller, id).catch(() => undefined)
    if (!upload) return error
    Object.assign(known, told(upload, dialect))
    return refusedAppend(error, request, upload, dialect)
  }

  return {
    /** "Upload Creation". */
    create: async exchange => {
      const { req, caller, dialect } = exchange
      const { creation, content } = readCreation(req.headers, dialect)
      const body = content.announcedBytes === 0 && !content.checksum ? undefined : bodyOf(req, content)
      try {
        const upload = await engine.create(caller, creation, body, created => announce(exchange, created))
        // A 201 would say that all that was sent is here.
        if (body && !req.readableEnded && upload.state !== 'done') throw new BodyBroken('The request broke off')
        return { status: 201, headers: told(upload, dialect) }
      } catch (error) {
        throw refusedCreation(error, creation)
      }
    },
    /** "Upload Append". */
    append: async exchange => {
      const { req, caller, dialect, id } = exchange
      const request = readAppend(req.headers, dialect)
      const { offset, content, facts } = request
      try {
        const upload = await engine.append(caller, id, offset, bodyOf(req, content), facts)
        // The final answer is what the creation would have got.
        return { status: upload.state === 'done' ? 201 : dialect.appendedStatus, headers: told(upload, dialect) }
      } catch (error) {
        throw await explain(error, request, exchange)
      }
    },
    /** "Offset Retrieval". */
    find: async ({ req, caller, dialect, id }) => {
      requirePlain(req.headers, dialect)
      return { status: 204, headers: told(await engine.find(caller, id), dialect) }
    },
    /** "Upload Cancellation". */
    cancel: async ({ req, caller, dialect, id }) => {
      requirePlain(req.headers, dialect)
      await engine.terminate(caller, id)
      return { status: 204, headers: {} }
    },
  }
}

/** Kinds of errors whose client may go on from where the upload is. */
const isAboutUpload: ReadonlySet<AppError['kind']> = new Set(['conflict', 'invalid', 'too_large', 'checksum_mismatch'])

function bodyOf(req: IncomingMessage, { announcedBytes, checksum, isLast }: Content): Body {
  return { stream: req, announcedBytes, checksum, isLast }
}
