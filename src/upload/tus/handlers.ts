/**
 * What tus 1.0 says to each method, in terms of the engine: headers in, one answer out.
 *
 * https://tus.io/protocols/resumable-upload (1.0.0); quoted names are its sections.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../../accounts/caller.js'
import { AppError } from '../../core/errors.js'
import type { Body, Engine } from '../contract.js'
import { receiptHeaders, receiptOf } from '../receipt.js'
import type { Upload } from '../upload.js'
import { type Answer, isGone } from './answer.js'
import { bringsBytes, checksumOf, concatOf, type Final, headerOf, lengthOf, lengthOfNew, offsetOf } from './headers.js'

export interface Ask {
  req: IncomingMessage
  res: ServerResponse
  caller: Caller
  /** What the URL names below the collection; '' for the collection itself. */
  id: string
}

export type Handler = (ask: Ask) => Promise<Answer>
export type Handlers = Readonly<Record<'POST' | 'PATCH' | 'HEAD' | 'DELETE', Handler>>

/** `path`: where uploads are. Locations are relative to the origin, so they are right behind any proxy. */
export function makeHandlers(engine: Engine, path: string): Handlers {
  /** "Creation", "Creation With Upload", "Concatenation". */
  const post: Handler = async ({ req, res, caller }) => {
    const { headers } = req
    const metadata = headerOf(headers, 'upload-metadata') ?? ''
    const concat = concatOf(headers, path)
    if (typeof concat === 'object') return created(await concatenate(req, caller, concat, metadata))
    const checksum = checksumOf(headers)
    const brings = bringsBytes(headers) && (mayHaveBody(req) || checksum !== undefined)
    const creation = { sizeBytes: lengthOfNew(headers), metadata, kind: concat }
    const upload = await engine.create(caller, creation, brings ? bodyOf(req) : undefined)
    // Where it is can't be told any more, so nobody would go on with it.
    if (isGone(res) && upload.state !== 'done') await engine.terminate(caller, upload.id)
    return created(upload)
  }

  const concatenate = (req: IncomingMessage, caller: Caller, { concat, partials }: Final, metadata: string) => {
    const lengthBytes = announcedBytes(req)
    if (lengthBytes === undefined ? bringsBytes(req.headers) && mayHaveBody(req) : lengthBytes > 0) {
      throw new AppError('invalid', 'A final upload has the bytes of its parts. Send its creation without a body')
    }
    return engine.concatenate(caller, { metadata, partials, concat })
  }

  const created = (upload: Upload): Answer => ({
    status: 201,
    headers: { Location: `${path}/${upload.id}`, 'Upload-Offset': String(upload.offsetBytes), ...standing(upload) },
  })

  /** "PATCH", "Checksum". */
  const patch: Handler = async ({ req, caller, id }) => {
    const { headers } = req
    if (!bringsBytes(headers)) {
      throw new AppError('unsupported_media', 'A PATCH needs Content-Type: application/offset+octet-stream')
    }
    const upload = await engine.append(caller, id, offsetOf(headers), bodyOf(req), { sizeBytes: lengthOf(headers) })
    return { status: 204, headers: { 'Upload-Offset': String(upload.offsetBytes), ...standing(upload) } }
  }

  /** "HEAD". */
  const head: Handler = async ({ caller, id }) => {
    const upload = await engine.find(caller, id)
    return { status: 200, headers: { ...described(upload), ...standing(upload) } }
  }

  /** "Termination". */
  const remove: Handler = async ({ caller, id }) => {
    await engine.terminate(caller, id)
    return { status: 204, headers: {} }
  }

  return { POST: post, PATCH: patch, HEAD: head, DELETE: remove }
}

function described({ offsetBytes, sizeBytes, metadata, kind, concat }: Upload): Record<string, string> {
  const headers: Record<string, string> = { 'Upload-Offset': String(offsetBytes) }
  if (sizeBytes === null) headers['Upload-Defer-Length'] = '1'
  else headers['Upload-Length'] = String(sizeBytes)
  if (metadata !== '') headers['Upload-Metadata'] = metadata
  if (kind === 'partial') headers['Upload-Concat'] = 'partial'
  if (concat !== null) headers['Upload-Concat'] = concat
  return headers
}

/** The receipt of one that is stored, else until when it may be used ("Expiration"). */
function standing(upload: Upload): Record<string, string> {
  const receipt = receiptOf(upload)
  if (receipt) return receiptHeaders(receipt)
  return upload.usedBy === null ? { 'Upload-Expires': upload.expiresAt.toUTCString() } : {}
}

const bodyOf = (req: IncomingMessage): Body => ({
  stream: req,
  announcedBytes: announcedBytes(req),
  checksum: checksumOf(req.headers),
})

/** Undefined when it isn't said. Node lets nothing through that isn't digits, however many; what no double holds is too much anyway. */
function announcedBytes({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length']
  return length === undefined ? undefined : Math.min(Number(length), Number.MAX_SAFE_INTEGER)
}

/** False only when there is none: HTTP/2 need not say of a body that it comes. */
function mayHaveBody(req: IncomingMessage): boolean {
  const lengthBytes = announcedBytes(req)
  if (lengthBytes !== undefined) return lengthBytes > 0
  return req.headers['transfer-encoding'] !== undefined || req.httpVersionMajor > 1
}
