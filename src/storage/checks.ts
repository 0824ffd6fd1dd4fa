/**
 * The rules every bucket holds its callers to, so that what works on one implementation works on all: forms of keys,
 * ranges and parts. Pure; breaking a rule is an AppError `invalid`.
 */
import { AppError } from '../core/errors.js'
import type { ByteRange, Part } from './bucket.js'

/** S3's limit on a key, and what file systems allow for one name; both in bytes of UTF-8. */
const keySizeBytesMax = 1024
const segmentSizeBytesMax = 255
/** S3's rules for multiparts: every part but the last has at least this size, and there are at most 10,000. */
export const partSizeBytesMin = 5 * 1024 * 1024
const partNumberMax = 10_000

// Control characters and U+FFFE/U+FFFF can't stand in S3's XML; a backslash separates folders on some systems.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const forbidden = /[\u0000-\u001f\u007f\\\ufffe\uffff]/

/** A key is segments joined by '/', none of them empty, '.' or '..': as a path it stays below where it begins. */
export function checkKey(key: string): void {
  checkText(key)
  for (const segment of key.split('/')) checkSegment(segment, key)
}

/** The start of a key, or nothing: its last segment may be cut off anywhere. */
export function checkPrefix(prefix: string): void {
  checkText(prefix)
  for (const segment of prefix.split('/').slice(0, -1)) checkSegment(segment, prefix)
}

function checkText(text: string): void {
  if (Buffer.byteLength(text) > keySizeBytesMax) throw badKey(text, `is longer than ${keySizeBytesMax} bytes`)
  if (forbidden.test(text)) throw badKey(text, 'holds a control character or a backslash')
  if (/\p{Surrogate}/u.test(text)) throw badKey(text, "isn't well-formed Unicode")
}

function checkSegment(segment: string, key: string): void {
  if (segment === '' || segment === '.' || segment === '..') throw badKey(key, "has an empty segment, '.' or '..'")
  if (Buffer.byteLength(segment) > segmentSizeBytesMax) {
    throw badKey(key, `has a segment longer than ${segmentSizeBytesMax} bytes`)
  }
}

function badKey(key: string, what: string): AppError {
  return new AppError('invalid', `The object key ${JSON.stringify(key.slice(0, 100))} ${what}`)
}

/** The order of listings: by the bytes of UTF-8, as S3 has it. JavaScript's own order differs beyond U+FFFF. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Whole numbers in order; whether it lies within an object is found when the object's size is known. */
export function checkRange(range: ByteRange): void {
  const { start, end = start } = range
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new AppError(
      'invalid',
      `The byte range ${start}-${range.end ?? ''} is not one: start and end are whole numbers in order`,
    )
  }
}

/** The bytes of an object of this size that a range names, both ends inclusive. */
export function withinObject(range: ByteRange, sizeBytes: number): { start: number; end: number } {
  if (range.start >= sizeBytes) throw rangeBeyond(range)
  return { start: range.start, end: Math.min(range.end ?? Number.POSITIVE_INFINITY, sizeBytes - 1) }
}

export function rangeBeyond(range: ByteRange | undefined, cause?: unknown): AppError {
  return new AppError('invalid', `The byte range starts at ${range?.start ?? 0}, beyond the end of the object`, {
    cause,
  })
}

export function checkPartNumber(number: number): void {
  if (!Number.isInteger(number) || number < 1 || number > partNumberMax) {
    throw new AppError('invalid', `The part number ${number} is not a whole number from 1 to ${partNumberMax}`)
  }
}

/** The parts in the order of their numbers, each once, every one but the last big enough. */
export function partsInOrder(parts: readonly Part[]): Part[] {
  if (parts.length === 0) throw new AppError('invalid', 'A multipart object needs at least one part')
  const ordered = parts.toSorted((a, b) => a.number - b.number)
  for (const [index, part] of ordered.entries()) {
    checkPartNumber(part.number)
    if (part.number === ordered[index + 1]?.number) throw new AppError('invalid', `Part ${part.number} is named twice`)
    if (index < ordered.length - 1 && part.sizeBytes < partSizeBytesMin) {
      throw new AppError('invalid', `Part ${part.number} is smaller than 5 MiB and not the last one`)
    }
  }
  return ordered
}

export const noObject = (cause?: unknown): AppError => new AppError('not_found', 'There is no such object', { cause })

export const noMultipart = (cause?: unknown): AppError =>
  new AppError('not_found', 'There is no such multipart: it was completed, aborted or never begun', { cause })

export const alreadyThere = (cause?: unknown): AppError =>
  new AppError('conflict', 'An object of this key exists already', { cause })

export const wrongPart = (number: number, cause?: unknown): AppError =>
  new AppError(
    'invalid',
    `Part ${number} is not among those uploaded, was replaced, or is not named; name what uploadPart answered last`,
    { cause },
  )
