/** Range requests (RFC 9110 §14): from headers to the bytes that are asked for. Pure. */

/** Both ends inclusive and inside the object. */
export type RequestedRange =
  | { kind: 'whole' }
  | { kind: 'part'; start: number; end: number }
  | { kind: 'unsatisfiable' }

export const wholeObject = { kind: 'whole' } as const

export interface RangeHeaders {
  range?: string | undefined
  'if-range'?: string | undefined
}

/**
 * One range of bytes is honoured. Anything that isn't one (another unit, several ranges, bad syntax) is passed over and the
 * whole is answered, as RFC 9110 §14.2 allows; a range that starts beyond the end is unsatisfiable (416).
 */
export function requestedRange(
  headers: RangeHeaders,
  { sizeBytes, etag }: { sizeBytes: number; etag: string },
): RequestedRange {
  // If-Range asks for the part only if the object is still the one that is known; a date never proves that as strongly.
  if (headers['if-range'] !== undefined && headers['if-range'] !== etag) return wholeObject
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(headers.range ?? '')
  if (!match) return wholeObject
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? wholeObject : suffix(Number(last), sizeBytes)
  const start = Number(first)
  if (last !== '' && Number(last) < start) return wholeObject
  if (start >= sizeBytes) return { kind: 'unsatisfiable' }
  return { kind: 'part', start, end: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) }
}

/** The last so many bytes. */
function suffix(lengthBytes: number, sizeBytes: number): RequestedRange {
  if (lengthBytes === 0 || sizeBytes === 0) return { kind: 'unsatisfiable' }
  return { kind: 'part', start: Math.max(0, sizeBytes - lengthBytes), end: sizeBytes - 1 }
}
