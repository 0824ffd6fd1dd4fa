/**
 * Reads what a photo says about itself from its EXIF: JPEG, PNG, WebP, AVIF, HEIC and TIFF. What is malformed is left out
 * (null), never an error: a photo with a broken date is still a photo. Pure.
 */
import ExifReader from 'exifreader'
import { photoFactsLimits as limits, noFacts, type PhotoFacts } from '../../src/library/photo-facts.js'
import { gpsMoment, offsetBetween, parseOffset, parseWallTime } from './exif-time.js'

const tags = [
  'Make',
  'Model',
  'LensModel',
  'Orientation',
  'DateTimeOriginal',
  'DateTimeDigitized',
  'DateTime',
  'OffsetTimeOriginal',
  'OffsetTime',
  'ExposureTime',
  'FNumber',
  'ISOSpeedRatings',
  'FocalLength',
  'GPSLatitude',
  'GPSLatitudeRef',
  'GPSLongitude',
  'GPSLongitudeRef',
  'GPSDateStamp',
  'GPSTimeStamp',
] as const

type Tag = (typeof tags)[number]
/** Numbers, texts and lists of them; from outside, so anything. */
type Exif = (tag: Tag) => unknown

export function readFacts(original: Buffer, { now }: { now: Date }): PhotoFacts {
  const exif = readExif(original)
  if (exif === undefined) return noFacts
  return {
    ...when(exif, now),
    cameraMake: text(exif('Make')),
    cameraModel: text(exif('Model')),
    lens: text(exif('LensModel')),
    ...where(exif),
    orientation: integer(exif('Orientation'), 8),
    exposureSeconds: positive(exif('ExposureTime'), limits.exposureSeconds),
    fNumber: positive(exif('FNumber'), limits.fNumber),
    iso: iso(exif('ISOSpeedRatings')),
    focalLengthMm: positive(exif('FocalLength'), limits.focalLengthMm),
  }
}

function readExif(original: Buffer): Exif | undefined {
  try {
    const view = new DataView(original.buffer, original.byteOffset, original.byteLength)
    const { exif } = ExifReader.loadView(view, { expanded: true, computed: true, includeTags: { exif: [...tags] } })
    const read = exif as Readonly<Record<string, { computed?: unknown } | undefined>> | undefined
    return tag => read?.[tag]?.computed
  } catch {
    // It throws on files without metadata and on broken metadata alike; both mean that nothing is known.
    return undefined
  }
}

function when(exif: Exif, now: Date): Pick<PhotoFacts, 'takenAt' | 'takenOffsetMinutes'> {
  const taken =
    parseWallTime(exif('DateTimeOriginal'), now) ??
    parseWallTime(exif('DateTimeDigitized'), now) ??
    parseWallTime(exif('DateTime'), now)
  if (taken === undefined) return { takenAt: null, takenOffsetMinutes: null }
  const offset =
    parseOffset(exif('OffsetTimeOriginal')) ??
    parseOffset(exif('OffsetTime')) ??
    offsetBetween(taken, gpsMoment(exif('GPSDateStamp'), exif('GPSTimeStamp')))
  return { takenAt: taken, takenOffsetMinutes: offset ?? null }
}

function where(exif: Exif): Pick<PhotoFacts, 'latitude' | 'longitude'> {
  const latitude = degrees(exif('GPSLatitude'), exif('GPSLatitudeRef'), 'NS', 90)
  const longitude = degrees(exif('GPSLongitude'), exif('GPSLongitudeRef'), 'EW', 180)
  // Exactly 0, 0 is what receivers write before they know where they are.
  const isUnknown = latitude === undefined || longitude === undefined || (latitude === 0 && longitude === 0)
  return isUnknown ? { latitude: null, longitude: null } : { latitude, longitude }
}

/** [degrees, minutes, seconds] and the half of the world, e.g. 'N'; to a centimetre. */
function degrees(value: unknown, half: unknown, halves: string, max: number): number | undefined {
  if (!Array.isArray(value) || value.length !== 3 || typeof half !== 'string') return undefined
  if (!value.every(part => Number.isFinite(part) && part >= 0)) return undefined
  const sign = [1, -1][halves.indexOf(half.slice(0, 1) || '?')]
  const [whole, minutes, seconds] = value as [number, number, number]
  const sum = whole + minutes / 60 + seconds / 3600
  if (sign === undefined || sum > max) return undefined
  return (sign * Math.round(sum * 1e7)) / 1e7 || 0
}

/** Control, formatting (they can turn text around) and broken characters go; spaces are joined; long names are cut. */
function text(value: unknown): string | null {
  const first = Array.isArray(value) ? value[0] : value
  if (typeof first !== 'string') return null
  const clean = first
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return [...clean].slice(0, limits.textChars).join('').trim() || null
}

function positive(value: unknown, max: number): number | null {
  return typeof value === 'number' && value > 0 && value <= max ? value : null
}

function integer(value: unknown, max: number): number | null {
  return Number.isInteger(value) ? positive(value, max) : null
}

/** EXIF 2.3 §4.6.5: 65535 means that the real value didn't fit in 16 bits. */
function iso(value: unknown): number | null {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return first === 65_535 ? null : integer(first, limits.iso)
}
