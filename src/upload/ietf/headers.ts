/**
 * What requests of the draft say: headers in, facts for the engine out. Pure. Values that can't be parsed are ignored, as the draft and
 * RFC 9651 §4.2 want it, and where the request can't be answered without them it is `invalid`. Some errors carry the fact `type`, the
 * problem type that the answer names.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../../core/errors.js'
import { limits } from '../../core/limits.js'
import type { AppendFacts, Checksum, Creation } from '../contract.js'
import { hasMediaType, parseByteCount, parseMetadata, partHeaders, readFileFacts } from '../protocol.js'
import { type Dialect, interopVersions, partialUpload } from './dialect.js'
import { dispositionName } from './disposition-name.js'
import { problemTypes } from './problem-types.js'
import { parseBoolean, parseByteSequences, parseInteger } from './structured-fields.js'

/** What is said of a request's content. */
export interface Content {
  announcedBytes: number | undefined
  checksum: Checksum | undefined
  /** Its end is the end of the file. */
  isLast: boolean
}

export interface CreationRequest {
  creation: Creation
  content: Content
}

export interface AppendRequest {
  offset: number
  content: Content
  facts: AppendFacts
}

/** "Upload Creation". */
export function readCreation(headers: IncomingHttpHeaders, dialect: Dialect): CreationRequest {
  const isLast = completenessOf(headers, dialect)
  if (isLast === undefined) {
    throw new AppError(
      'invalid',
      `Say in ${dialect.completeness} whether this request brings the end of the file: ?1 or ?0. ` +
        `The draft's interop versions that are spoken here: ${interopVersions.join(', ')}`,
    )
  }
  requireNoCoding(headers)
  const content = contentOf(headers, isLast)
  const sizeBytes = lengthOf(headers, 0, content)
  return { creation: { sizeBytes, metadata: metadataOf(headers), sha256: sha256Of(headers) }, content }
}

/** "Upload Append". */
export function readAppend(headers: IncomingHttpHeaders, dialect: Dialect): AppendRequest {
  if (dialect.hasMediaType && !hasMediaType(headers['content-type'], partialUpload)) {
    throw new AppError('unsupported_media', `What is appended to an upload has Content-Type: ${partialUpload}`)
  }
  requireNoCoding(headers)
  const offset = byteCount(headers, 'upload-offset')
  if (offset === undefined) {
    throw new AppError('invalid', 'Say in Upload-Offset, as a whole number of bytes, where this request begins')
  }
  // One that says nothing promises nothing: an upload of known length is complete by its bytes alone.
  const content = contentOf(headers, completenessOf(headers, dialect) ?? false)
  return { offset, content, facts: { sizeBytes: lengthOf(headers, offset, content), sha256: sha256Of(headers) } }
}

/** "Offset Retrieval" and "Upload Cancellation": up to draft -05 fields that mean something else are refused. */
export function requirePlain(headers: IncomingHttpHeaders, { refused }: Dialect): void {
  const name = refused.find(field => headers[field] !== undefined)
  if (name) throw new AppError('invalid', `This request must not bring ${name}`)
}

/** undefined when it isn't said. */
function completenessOf(headers: IncomingHttpHeaders, { completeness }: Dialect): boolean | undefined {
  const field = text(headers, completeness.toLowerCase())
  const value = field === undefined ? undefined : parseBoolean(field)
  if (completeness === 'Upload-Complete') return value
  // Left out it says "complete", so what can't be read must not pass for left out.
  if (field !== undefined && value === undefined) {
    throw new AppError('invalid', 'Upload-Incomplete must be ?0 or ?1')
  }
  return value !== true
}

function contentOf(headers: IncomingHttpHeaders, isLast: boolean): Content {
  const length = text(headers, 'content-length')
  return {
    announcedBytes: length === undefined ? undefined : parseByteCount(length),
    checksum: checksumOf(headers),
    isLast,
  }
}

/** "Length": said by Upload-Length, or by Content-Length when the content reaches the file's end. Both must agree. */
function lengthOf(
  headers: IncomingHttpHeaders,
  offset: number,
  { announcedBytes, isLast }: Content,
): number | undefined {
  const said = byteCount(headers, 'upload-length')
  const end = announcedBytes === undefined ? undefined : offset + announcedBytes
  if (said !== undefined && (said < (end ?? offset) || (isLast && end !== undefined && said !== end))) {
    throw inconsistentLength(`Upload-Length is ${said}, and this request ends at byte ${end ?? offset}`)
  }
  return said ?? (isLast ? end : undefined)
}

export function inconsistentLength(sentence: string): AppError {
  return new AppError('invalid', sentence, { facts: { type: problemTypes.inconsistentLength } })
}

/** What the file is, in Upload-Metadata's form, so that it is told in every dialect alike. */
function metadataOf(headers: IncomingHttpHeaders): string {
  const sent = withPart(text(headers, 'upload-metadata')?.trim() ?? '', headers)
  const pairs = parseMetadata(sent)
  const known = readFileFacts(pairs)
  const { fileName, mediaType } = readFileFacts(
    new Map([
      // A part may be what no photo is.
      ...[...pairs].filter(([key]) => key === 'partOf' || key === 'role'),
      ['filename', dispositionName(text(headers, 'content-disposition') ?? '') ?? ''],
      [
        'filetype',
        saysNothing.some(type => hasMediaType(headers['content-type'], type)) ? '' : (headers['content-type'] ?? ''),
      ],
    ]),
  )
  let metadata = sent
  const add = (key: string, value: string | null) => {
    if (!value || pairs.has(key)) return
    const more = [metadata, `${key} ${Buffer.from(value).toString('base64')}`].filter(text => text !== '').join(',')
    // What the client itself says of the file comes first, and may leave no room.
    if (Buffer.byteLength(more) <= limits.metadataBytes) metadata = more
  }
  add('filename', known.fileName === null ? fileName : null)
  add('filetype', known.mediaType === null ? mediaType : null)
  return metadata
}

/** What headers of ours say of the file, after what the client's own metadata says. */
function withPart(metadata: string, headers: IncomingHttpHeaders): string {
  const known = parseMetadata(metadata)
  const more = Object.entries(partHeaders).flatMap(([key, name]) => {
    const value = known.has(key) ? undefined : text(headers, name.toLowerCase())
    return value === undefined ? [] : [`${key} ${Buffer.from(value.trim()).toString('base64')}`]
  })
  return [metadata, ...more].filter(text => text !== '').join(',')
}

/** Types that say how the request is made, or that HTTP libraries add by themselves; none says what the file is. */
const saysNothing = [partialUpload, 'application/offset+octet-stream', 'application/x-www-form-urlencoded']

/** The file is kept as its bytes come, and bytes under a coding would not be the file. */
function requireNoCoding(headers: IncomingHttpHeaders): void {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (coding !== '' && coding !== 'identity') {
    throw new AppError('unsupported_media', 'Send the file as it is, without a Content-Encoding')
  }
}

/** RFC 9530 §2. SHA-256 and SHA-512 are the algorithms it holds to be secure; others are passed over. */
function checksumOf(headers: IncomingHttpHeaders): Checksum | undefined {
  const digests = digestsOf(headers, 'Content-Digest')
  if (digests.sha256) return { algorithm: 'sha256', digest: digests.sha256 }
  return digests.sha512 && { algorithm: 'sha512', digest: digests.sha512 }
}

/** RFC 9530 §3. Checked when the file is whole, by the one hash that is known of every photo. */
function sha256Of(headers: IncomingHttpHeaders): Buffer | undefined {
  return digestsOf(headers, 'Repr-Digest').sha256
}

/** A digest is there to be checked: one that can't be read is refused rather than passed over. */
function digestsOf(headers: IncomingHttpHeaders, name: 'Content-Digest' | 'Repr-Digest') {
  const members = parseByteSequences(text(headers, name.toLowerCase()) ?? '')
  const unreadable = new AppError('invalid', `${name} must be like sha-256=:<the digest in base64>:`, {
    facts: { type: problemTypes.invalidDigest },
  })
  if (!members) throw unreadable
  const digest = (algorithm: string, sizeBytes: number) => {
    const value = members.get(algorithm)
    if (value === undefined) return undefined
    if (value?.byteLength !== sizeBytes) throw unreadable
    return value
  }
  return { sha256: digest('sha-256', 32), sha512: digest('sha-512', 64) }
}

/** An Item that is a non-negative Integer. */
function byteCount(headers: IncomingHttpHeaders, name: 'upload-offset' | 'upload-length'): number | undefined {
  const field = text(headers, name)
  const value = field === undefined ? undefined : parseInteger(field)
  return value !== undefined && value >= 0 ? value : undefined
}

function text(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}
