/**
 * What the headers of a tus 1.0 request say. Pure: headers in, facts out. What breaks the grammar is an AppError `invalid` that
 * says what was wrong. Sections named are those of https://tus.io/protocols/resumable-upload (1.0.0).
 */
import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../../core/errors.js'
import type { Checksum, ChecksumAlgorithm } from '../contract.js'
import { hasMediaType, parseByteCount } from '../protocol.js'

/** "PATCH", "Creation With Upload": bytes of an upload are announced by this Content-Type; anything else in a body is not looked at. */
export const bringsBytes = (headers: IncomingHttpHeaders): boolean =>
  hasMediaType(headers['content-type'], 'application/offset+octet-stream')

/** A header that is sent twice arrives as one, its values joined by commas. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(',') : value
}

/** "X-HTTP-Method-Override": for clients that cannot send every method. */
export function methodOf(method: string, headers: IncomingHttpHeaders): string {
  const override = headerOf(headers, 'x-http-method-override')
  // Everybody may ask for OPTIONS, so nothing else may come in its name.
  if (override === undefined || method === 'OPTIONS') return method
  return override.toUpperCase()
}

/** "Upload-Offset". */
export function offsetOf(headers: IncomingHttpHeaders): number {
  const offset = byteCount(headers, 'Upload-Offset')
  if (offset === undefined) throw new AppError('invalid', 'Upload-Offset is missing')
  return offset
}

/** "Upload-Length" of a PATCH: said once, for an upload whose length was not known. */
export const lengthOf = (headers: IncomingHttpHeaders): number | undefined => byteCount(headers, 'Upload-Length')

/** "Creation", POST: the length, or that it comes later, and never both. Undefined when it comes later. */
export function lengthOfNew(headers: IncomingHttpHeaders): number | undefined {
  const length = lengthOf(headers)
  const isDeferred = defersLength(headers)
  if (isDeferred && length !== undefined) {
    throw new AppError(
      'invalid',
      'Upload-Length says the size, and Upload-Defer-Length that it comes later. Send one of them',
    )
  }
  if (!isDeferred && length === undefined) {
    throw new AppError(
      'invalid',
      'Say the size of the file in Upload-Length, or Upload-Defer-Length: 1 if it comes later',
    )
  }
  return length
}

function defersLength(headers: IncomingHttpHeaders): boolean {
  const value = headerOf(headers, 'upload-defer-length')
  if (value !== undefined && value !== '1') throw new AppError('invalid', 'Upload-Defer-Length must be 1 or left out')
  return value === '1'
}

/** What is offered to tus clients, with the bytes of each; the first is the best. */
const digestBytes = new Map<string, number>([
  ['sha256', 32],
  ['sha1', 20],
  ['md5', 16],
  ['crc32', 4],
] satisfies [ChecksumAlgorithm, number][])

/** "Tus-Checksum-Algorithm". */
export const checksumAlgorithms = [...digestBytes.keys()].join(',')

/** "Upload-Checksum": a lower-case name, a space, base64. */
export function checksumOf(headers: IncomingHttpHeaders): Checksum | undefined {
  const header = headerOf(headers, 'upload-checksum')
  if (header === undefined) return undefined
  const [algorithm = '', base64 = '', ...rest] = header.split(' ')
  const sizeBytes = digestBytes.get(algorithm)
  if (sizeBytes === undefined) {
    throw new AppError('invalid', `Upload-Checksum must begin with an algorithm of this server: ${checksumAlgorithms}`)
  }
  const digest = Buffer.from(base64, 'base64')
  // Node skips what is no base64; what was meant is only known when it reads back the same.
  if (rest.length > 0 || digest.byteLength !== sizeBytes || digest.toString('base64') !== base64) {
    throw new AppError('invalid', `Upload-Checksum: ${algorithm} must be followed by ${sizeBytes} bytes in base64`)
  }
  return { algorithm: algorithm as ChecksumAlgorithm, digest }
}

/** The value as it came, and the ids of the uploads it names. */
export interface Final {
  concat: string
  partials: string[]
}

/** "Upload-Concat". */
export function concatOf(headers: IncomingHttpHeaders, path: string): 'whole' | 'partial' | Final {
  const concat = headerOf(headers, 'upload-concat')
  if (concat === undefined) return 'whole'
  if (concat === 'partial') return 'partial'
  const list = /^final;(.*)$/.exec(concat)?.[1]
  if (list === undefined)
    throw new AppError('invalid', 'Upload-Concat must be "partial", or "final;" and uploads’ URLs')
  if (lengthOf(headers) !== undefined || defersLength(headers)) {
    throw new AppError('invalid', 'The length of a final upload is the sum of its parts. Leave out Upload-Length')
  }
  const urls = list.split(' ').filter(url => url !== '')
  if (urls.length === 0) throw new AppError('invalid', 'Upload-Concat: final names no upload')
  return { concat, partials: urls.map(url => idOfUrl(url, path)) }
}

/** What a URL below `path` names; '' for `path` itself. */
export function idOfPath(url: string, path: string): string {
  const end = url.indexOf('?')
  return url.slice(path.length + 1, end === -1 ? undefined : end)
}

/** Absolute or relative (RFC 3986 §4.2). Only the path counts: which names this server is reached by, only its proxies know. */
function idOfUrl(url: string, path: string): string {
  const base = `http://here.invalid${path}`
  if (URL.canParse(url, base)) {
    const { protocol, pathname } = new URL(url, base)
    if (/^https?:$/.test(protocol) && pathname.startsWith(`${path}/`)) return pathname.slice(path.length + 1)
  }
  throw new AppError('invalid', 'Upload-Concat: final may name uploads of this server only')
}

function byteCount(headers: IncomingHttpHeaders, title: 'Upload-Length' | 'Upload-Offset'): number | undefined {
  const text = headerOf(headers, title.toLowerCase())
  if (text === undefined) return undefined
  const value = parseByteCount(text)
  if (value === undefined) throw new AppError('invalid', `${title} must be a whole number of bytes`)
  return value
}
