/**
 * Headers in, facts out: everything that can be said about a request without looking at the upload. Pure, and shared by the
 * fronts. Values that break the grammar are undefined or an AppError `invalid` that says what was wrong.
 */
import { AppError } from '../core/errors.js'
import { isId } from '../core/ids.js'
import { limits } from '../core/limits.js'
import { type PartRole, partRoles } from '../core/part-roles.js'

/** A non-negative integer that a double holds exactly; no sign, no blanks, no exponent (tus: "Upload-Offset", "Upload-Length"). */
export function parseByteCount(text: string): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

/** Whether a Content-Type names this media type, written in lower case (RFC 9110 §8.3.1: in any case, parameters may follow). */
export function hasMediaType(contentType: string | undefined, mediaType: string): boolean {
  if (contentType === mediaType) return true
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === mediaType
}

/** What a handset says of a file; each is optional. */
export interface FileFacts {
  fileName: string | null
  mediaType: string | null
  modifiedAt: Date | null
  sha256: Buffer | null
  /** The photo that it is to be a part of, and which part; both or neither. */
  partOf: string | null
  role: PartRole | null
  /** Content that its owner has deleted stays so; else it comes back. */
  keepDeleted: boolean
}

/**
 * Upload-Metadata (tus 1.0, Creation): comma-separated pairs of a key and, optionally, a base64 value. Keys are unique,
 * non-empty, without spaces, commas and non-ASCII characters.
 */
export function parseMetadata(header: string): Map<string, string> {
  if (Buffer.byteLength(header) > limits.metadataBytes) {
    throw new AppError('invalid', `Upload-Metadata is longer than ${limits.metadataBytes} bytes`)
  }
  const entries = new Map<string, string>()
  if (header.trim() === '') return entries
  for (const pair of header.split(',')) {
    const [key = '', value = '', ...rest] = pair.trim().split(' ')
    if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(key) || rest.length > 0) {
      throw new AppError('invalid', 'Upload-Metadata must be pairs of a key and a base64 value, separated by commas')
    }
    if (entries.has(key)) throw new AppError('invalid', `Upload-Metadata names ${key} twice`)
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
      throw new AppError('invalid', `Upload-Metadata: the value of ${key} is not base64`)
    }
    entries.set(key, Buffer.from(value, 'base64').toString('utf8'))
  }
  return entries
}

/** What the known keys say. Unknown keys are echoed to whoever asks and otherwise ignored. */
export function readFileFacts(metadata: ReadonlyMap<string, string>): FileFacts {
  const part = partOf(metadata.get('partOf'), metadata.get('role'))
  return {
    fileName: fileNameOf(metadata.get('filename') ?? metadata.get('name')),
    mediaType: mediaTypeOf(metadata.get('filetype') ?? metadata.get('type'), part.role),
    modifiedAt: dateOf(metadata.get('modified')),
    sha256: sha256Of(metadata.get('sha256')),
    ...part,
    keepDeleted: keepDeletedOf(metadata.get('ifDeleted')),
  }
}

/** Keys of Upload-Metadata that other dialects say in a header of ours. */
export const partHeaders = {
  partOf: 'Photosync-Part-Of',
  role: 'Photosync-Role',
  ifDeleted: 'Photosync-If-Deleted',
} as const

function partOf(photo: string | undefined, role: string | undefined): Pick<FileFacts, 'partOf' | 'role'> {
  if (photo === undefined && role === undefined) return { partOf: null, role: null }
  if (photo === undefined) throw new AppError('invalid', 'role needs partOf: the id of the photo that it is a part of')
  if (role === undefined) throw new AppError('invalid', `partOf needs role: ${partRoles.join(', ')}`)
  if (!isId(photo)) throw new AppError('invalid', 'partOf must be the id of a photo')
  const known = partRoles.find(name => name === role)
  if (!known) throw new AppError('invalid', `role must be one of ${partRoles.join(', ')}`)
  return { partOf: photo, role: known }
}

function keepDeletedOf(text: string | undefined): boolean {
  if (text === undefined || text === 'restore') return false
  if (text === 'keep') return true
  throw new AppError('invalid', 'ifDeleted must be keep or restore')
}

/** A name to show and to download by, never part of a key or a path: without folders, control and bidi-override characters. */
function fileNameOf(text: string | undefined): string | null {
  const base = text?.split(/[/\\]/).at(-1) ?? ''
  const clean = base.replace(unshowable, '').trim()
  if (clean === '' || clean === '.' || clean === '..') return null
  return cutToBytes(clean, limits.fileNameBytes)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const unshowable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/g

/** Keeps the ending, which tells people what kind of file it is. */
function cutToBytes(name: string, bytesMax: number): string {
  if (Buffer.byteLength(name) <= bytesMax) return name
  const ending = /\.[A-Za-z0-9]{1,8}$/.exec(name)?.[0] ?? ''
  const stem = Buffer.from(name.slice(0, name.length - ending.length))
  let end = bytesMax - Buffer.byteLength(ending)
  // Not in the middle of a character: its bytes but the first begin with the bits 10.
  while (end > 0 && ((stem[end] ?? 0) & 0xc0) === 0x80) end--
  return stem.toString('utf8', 0, end) + ending
}

function mediaTypeOf(text: string | undefined, role: PartRole | null): string | null {
  // What a sidecar is only its bytes tell: no two programs send it by the same name.
  if (role === 'sidecar') return null
  const type = text?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type === '' || type === 'application/octet-stream') return null
  if (!/^(image|video)\/[a-z0-9.+-]{1,100}$/.test(type)) {
    throw new AppError(
      'unsupported_media',
      'Only pictures and videos are kept here, and this file says it is something else',
    )
  }
  return type
}

function dateOf(text: string | undefined): Date | null {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)) return null
  const date = new Date(text)
  const year = date.getUTCFullYear()
  return year >= 1900 && year <= 9999 ? date : null
}

function sha256Of(text: string | undefined): Buffer | null {
  if (text === undefined) return null
  if (!/^[0-9a-fA-F]{64}$/.test(text))
    throw new AppError('invalid', 'sha256 in Upload-Metadata must be 64 hexadecimal digits')
  return Buffer.from(text, 'hex')
}
