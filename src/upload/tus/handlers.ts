/**
 * What tus 1.0 says to each method, in terms of the store: headers in, one answer out. These stand in for the stock
 * handlers, which read the body through a web stream and can say "complete" before the photo is stored.
 *
 * https://tus.io/protocols/resumable-upload (1.0.0)
 */
import type { IncomingMessage } from 'node:http'
import { AppError } from '../../core/errors.js'
import type { Body } from '../engine.js'
import { parseByteCount } from '../protocol.js'
import type { Upload } from '../upload.js'
import type { UploadStore } from './store.js'

export interface Answer {
  status: number
  headers: Record<string, string>
  body?: string
}

export const bodyType = 'application/offset+octet-stream'

/** "Creation" and "Creation With Upload". */
export async function post(store: UploadStore, req: IncomingMessage, path: string): Promise<Answer> {
  if (req.headers['upload-concat'] !== undefined)
    throw new AppError('invalid', 'Concatenation is not offered by this server')
  if (req.headers['upload-defer-length'] !== undefined) {
    throw new AppError('invalid', 'Upload-Defer-Length is not offered by this server. Say the size in Upload-Length')
  }
  const sizeBytes = byteCount(req, 'upload-length')
  const metadata = header(req, 'upload-metadata') ?? ''
  const hasBody = header(req, 'content-type') === bodyType
  const upload = await store.begin({ sizeBytes, metadata }, hasBody ? bodyOf(req) : undefined)
  // Where it is can't be told any more, so nobody would go on with it.
  if (req.destroyed && !req.complete) await store.remove(upload.id)
  const location = `${path}/${upload.id}`
  return {
    status: 201,
    headers: { Location: location, 'Upload-Offset': String(upload.offsetBytes), ...standing(upload) },
  }
}

/** "PATCH". */
export async function patch(store: UploadStore, req: IncomingMessage, id: string): Promise<Answer> {
  const offset = byteCount(req, 'upload-offset')
  const upload = await store.append(id, offset, bodyOf(req))
  return { status: 204, headers: { 'Upload-Offset': String(upload.offsetBytes), ...standing(upload) } }
}

/** "HEAD". */
export async function head(store: UploadStore, id: string): Promise<Answer> {
  const upload = await store.find(id)
  const metadata: Record<string, string> = upload.metadata ? { 'Upload-Metadata': upload.metadata } : {}
  const where = { 'Upload-Offset': String(upload.offsetBytes), 'Upload-Length': String(upload.sizeBytes) }
  return { status: 200, headers: { ...where, ...metadata, 'Cache-Control': 'no-store', ...standing(upload) } }
}

/** "Termination". */
export async function remove(store: UploadStore, id: string): Promise<Answer> {
  await store.remove(id)
  return { status: 204, headers: {} }
}

/** The receipt of one that is stored, else until when it may be continued ("Expiration"). */
function standing(upload: Upload): Record<string, string> {
  if (upload.state !== 'done' || upload.storedAs === null) return { 'Upload-Expires': upload.expiresAt.toUTCString() }
  return { 'Photosync-Photo': upload.storedAs, 'Photosync-Duplicate': upload.duplicate ? '?1' : '?0' }
}

function bodyOf(req: IncomingMessage): Body {
  const length = header(req, 'content-length')
  return { stream: req, announcedBytes: length === undefined ? undefined : parseByteCount(length) }
}

function byteCount(req: IncomingMessage, name: 'upload-length' | 'upload-offset'): number {
  const text = header(req, name)
  const value = text === undefined ? undefined : parseByteCount(text)
  if (value !== undefined) return value
  const title = name === 'upload-length' ? 'Upload-Length' : 'Upload-Offset'
  throw new AppError('invalid', `${title} ${text === undefined ? 'is missing' : 'must be a whole number of bytes'}`)
}

function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name]
  return Array.isArray(value) ? value.join(',') : value
}
