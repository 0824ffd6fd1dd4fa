/**
 * Which of the draft's versions a request speaks, and what differs between them. Pure.
 *
 * draft-ietf-httpbis-resumable-upload: interop version 3 is -01 (iOS 17), 4 is -02, 5 is -03 (iOS 18.0; tus-js-client's
 * `ietf-draft-03`), 6 is -04 and -05 (iOS 18.1; tus-js-client's `ietf-draft-05`), 7 is -06 to -08, and 8 is -09 to -11 (iOS 26).
 *
 * A version that isn't known here is answered by the newest rules, without a 104: "Server implementations MUST NOT send a 104 response
 * when the interop version in the request is missing or mismatching". So its client's upload falls back to a conventional one
 * instead of failing. The same holds for a client that names no version, as those of the finished RFC will.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { hasMediaType } from '../protocol.js'
import { type ProblemType, problemTypes } from './problem-types.js'
import { parseInteger } from './structured-fields.js'

export interface Dialect {
  /** To be echoed, and to announce the upload to by a 104; undefined when none came, or one that is not known here. */
  version: number | undefined
  /** No version came at all: nothing but the address will tell this client's later requests apart from other dialects'. */
  isUnversioned: boolean
  /** The older one says the opposite, and its absence says "complete". */
  completeness: 'Upload-Complete' | 'Upload-Incomplete'
  /** An append must be application/partial-upload. */
  hasMediaType: boolean
  /** Fields that HEAD and DELETE must not bring: 400 (up to -05). */
  refused: readonly string[]
  /** The key in Upload-Limit of how many seconds an upload still lives. */
  lifetime: 'expires' | 'max-age'
  /** Of an append that doesn't complete the upload. */
  appendedStatus: 201 | 204
  /** Of whatever is asked of an upload that has ended: up to -05 always 404. */
  endedStatus: 404 | 410
  /** The problem of appending to an upload that is complete. */
  completedType: ProblemType
}

type Rules = Omit<Dialect, 'version' | 'isUnversioned'>

const v3: Rules = {
  completeness: 'Upload-Incomplete',
  hasMediaType: false,
  refused: ['upload-offset', 'upload-incomplete'],
  lifetime: 'expires',
  appendedStatus: 201,
  endedStatus: 404,
  completedType: problemTypes.completedUpload,
}
const v5: Rules = { ...v3, completeness: 'Upload-Complete', refused: ['upload-offset', 'upload-complete'] }
const v6: Rules = { ...v5, hasMediaType: true, refused: [...v5.refused, 'upload-length'] }
const v8: Rules = {
  ...v6,
  refused: [],
  lifetime: 'max-age',
  appendedStatus: 204,
  endedStatus: 410,
  completedType: problemTypes.inconsistentLength,
}

const rulesOf = new Map([
  [3, v3],
  [4, v5],
  [5, v5],
  [6, v6],
  [7, v8],
  [8, v8],
])

/** The versions that are spoken here. */
export const interopVersions: readonly number[] = [...rulesOf.keys()]

export function dialectOf(headers: IncomingHttpHeaders): Dialect {
  const field = headers[versionField]
  const version = typeof field === 'string' ? parseInteger(field) : undefined
  const rules = version === undefined ? undefined : rulesOf.get(version)
  return { ...(rules ?? v8), version: rules && version, isUnversioned: field === undefined }
}

const versionField = 'upload-draft-interop-version'

/** Ends the address of an upload whose client names no version: nothing else of its HEAD and DELETE shows which dialect they are. */
export const dialectMark = '?dialect=ietf'

export const partialUpload = 'application/partial-upload'

/** Whether a request is for this front. Requests of tus 1.0 say so themselves. */
export function isIetf({ headers, url }: { headers: IncomingHttpHeaders; url?: string | undefined }): boolean {
  if (headers[versionField] !== undefined) return true
  if (headers['tus-resumable'] !== undefined) return false
  return (
    headers['upload-complete'] !== undefined ||
    hasMediaType(headers['content-type'], partialUpload) ||
    url?.endsWith(dialectMark) === true
  )
}
