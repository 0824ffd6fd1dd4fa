/**
 * Reads what a picture says about itself from its EXIF, its maker's note and its XMP: JPEG, PNG, WebP, AVIF, HEIC, TIFF and the
 * camera raws that are built like one of them. What is malformed is left out (null), never an error: a photo with a broken
 * date is still a photo. Pure.
 */
import { noFacts, type PhotoFacts } from '../../../src/library/photo-facts.js'
import { readAppleNotes } from './apple-notes.js'
import type { Exif } from './blocks.js'
import {
  gpsMoment,
  offsetBetween,
  parseIsoTime,
  parseOffset,
  parseWallTime,
  type Taken,
  utcClock,
} from './exif-time.js'
import { readExposure } from './exposure.js'
import { findMetadata } from './metadata.js'
import { findMotion } from './motion.js'
import { cleanDescription, cleanId, cleanName, decodeText } from './text.js'
import type { Directory } from './tiff.js'
import { readXmp, type Xmp } from './xmp.js'

/** EXIF 2.32 §4.6. */
const tag = {
  description: 0x010e,
  make: 0x010f,
  model: 0x0110,
  orientation: 0x0112,
  changed: 0x0132,
  rating: 0x4746,
  original: 0x9003,
  digitized: 0x9004,
  offset: 0x9010,
  offsetOriginal: 0x9011,
  offsetDigitized: 0x9012,
  makerNote: 0x927c,
  lens: 0xa434,
} as const

const gpsTag = { latitudeRef: 1, latitude: 2, longitudeRef: 3, longitude: 4, time: 7, date: 29 } as const

interface Sources {
  exif: Exif | undefined
  xmp: Xmp | undefined
  texts: ReadonlyMap<string, string> | undefined
  now: Date
}

/** `original` is all of the file: whoever looks for its moving half looks at its end. */
export function readFacts(original: Buffer, { now }: { now: Date }): PhotoFacts {
  const found = findMetadata(original)
  const xmp = found.xmp && readXmp(found.xmp)
  const sources: Sources = { exif: found.exif, xmp, texts: found.texts, now }
  const exif = found.exif
  const name = (value: number, property: string) =>
    cleanName(text(exif, value) ?? undefined) ?? cleanName(xmp?.text(property))
  const apple = readAppleNotes(exif?.photo?.bytes(tag.makerNote))
  const cameraMake = name(tag.make, 'tiff:Make')
  return {
    ...noFacts,
    ...when(sources),
    cameraMake,
    cameraModel: name(tag.model, 'tiff:Model'),
    lens: name(tag.lens, 'exifEX:LensModel') ?? cleanName(xmp?.text('aux:Lens')),
    ...where(sources),
    orientation: orientation(exif?.main?.number(tag.orientation)),
    ...readExposure(exif),
    rating: rating(sources),
    description: description(sources),
    burst: apple.burst ?? cleanId(xmp?.text('GCamera:BurstID')),
    live: apple.live,
    motion: findMotion(original, { xmp, make: cameraMake }),
  }
}

/** What a file of XMP alone says; undefined when it is none. */
export function readXmpFacts(packet: Buffer, { now }: { now: Date }): PhotoFacts | undefined {
  const xmp = readXmp(packet)
  if (!xmp.isRdf) return undefined
  const sources: Sources = { exif: undefined, xmp, texts: undefined, now }
  return {
    ...noFacts,
    ...when(sources),
    ...where(sources),
    rating: rating(sources),
    description: description(sources),
  }
}

/** Fields that belong to the photo's directory stand in the first one in some raws. */
function text(exif: Exif | undefined, wanted: number): string | undefined {
  const field = exif?.photo?.bytes(wanted) ?? exif?.main?.bytes(wanted)
  return field && asciiOf(field)
}

/** Up to its first 0; what stands before any text is padding. */
function asciiOf(field: Buffer): string | undefined {
  let start = 0
  while (start < field.length && field[start] === 0) start++
  const end = field.indexOf(0, start)
  return decodeText(field.subarray(start, end < 0 ? field.length : end)) || undefined
}

/** When it was taken by any clock; then when it was last changed, which for most is the same; then by the satellites'. */
function when(sources: Sources): Pick<PhotoFacts, 'takenAt' | 'takenOffsetMinutes'> {
  const { exif, xmp, texts, now } = sources
  const moment = gpsMoment(gpsText(exif?.gps, gpsTag.date), exif?.gps?.numbers(gpsTag.time))
  const fromExif = (date: number, ...offsets: number[]): Taken | undefined => {
    const written = text(exif, date)
    const wall = parseWallTime(written, now)
    if (wall === undefined) return undefined
    const offset = [...offsets.map(value => text(exif, value)), written?.slice(19).trim()].map(parseOffset)
    return { wall, offsetMinutes: offset.find(minutes => minutes !== undefined) ?? offsetBetween(wall, moment) }
  }
  const fromXmp = (property: string) => parseIsoTime(xmp?.text(property), now)
  const taken =
    fromExif(tag.original, tag.offsetOriginal, tag.offset) ??
    fromExif(tag.digitized, tag.offsetDigitized, tag.offset) ??
    fromXmp('exif:DateTimeOriginal') ??
    fromXmp('photoshop:DateCreated') ??
    fromXmp('xmp:CreateDate') ??
    fromExif(tag.changed, tag.offset) ??
    parsePngTime(texts?.get('creation time'), now) ??
    utcClock(moment, 1980, now)
  if (taken === undefined) return { takenAt: null, takenOffsetMinutes: null }
  const offset = taken.offsetMinutes ?? offsetBetween(taken.wall, moment)
  return { takenAt: taken.wall, takenOffsetMinutes: offset ?? null }
}

/** PNG asks for RFC 1123 ('Mon, 02 Jan 2023 10:00:00 GMT'); most write EXIF's or ISO's form. */
function parsePngTime(written: string | undefined, now: Date): Taken | undefined {
  if (written === undefined || written.length > 64) return undefined
  const rfc = /^(?:\w{3}, )?(\d{1,2}) (\w{3}) (\d{4}) (\d\d:\d\d:\d\d) ?(GMT|UT|UTC|[+-]\d{4})?$/.exec(written.trim())
  if (!rfc) return parseIsoTime(written, now)
  const [, day = '', month = '', year, clock, zone] = rfc
  const at = 'JanFebMarAprMayJunJulAugSepOctNovDec'.indexOf(month)
  if (at < 0 || at % 3 !== 0) return undefined
  const wall = parseWallTime(`${year}-${String(at / 3 + 1).padStart(2, '0')}-${day.padStart(2, '0')} ${clock}`, now)
  return wall === undefined
    ? undefined
    : { wall, offsetMinutes: zone?.startsWith('G') || zone?.startsWith('U') ? 0 : parseOffset(zone) }
}

function where({ exif, xmp }: Sources): Pick<PhotoFacts, 'latitude' | 'longitude'> {
  const gps = exif?.gps
  const latitude =
    degrees(gps?.numbers(gpsTag.latitude), gpsText(gps, gpsTag.latitudeRef), 'NS', 90) ??
    xmpDegrees(xmp?.text('exif:GPSLatitude'), 'NS', 90)
  const longitude =
    degrees(gps?.numbers(gpsTag.longitude), gpsText(gps, gpsTag.longitudeRef), 'EW', 180) ??
    xmpDegrees(xmp?.text('exif:GPSLongitude'), 'EW', 180)
  // Exactly 0, 0 is what receivers write before they know where they are.
  const isUnknown = latitude === undefined || longitude === undefined || (latitude === 0 && longitude === 0)
  return isUnknown ? { latitude: null, longitude: null } : { latitude, longitude }
}

function gpsText(gps: Directory | undefined, wanted: number): string | undefined {
  const field = gps?.bytes(wanted)
  return field && asciiOf(field)
}

/** '33,51.522S' or '33,51,31S' (XMP Part 2 §2.6.1). */
function xmpDegrees(value: string | undefined, halves: string, max: number): number | undefined {
  const match = /^(\d{1,3}),(\d{1,2}(?:\.\d{1,12})?)(?:,(\d{1,2}))?([NSEW])$/.exec(value ?? '')
  return match ? degrees([Number(match[1]), Number(match[2]), Number(match[3] ?? 0)], match[4], halves, max) : undefined
}

/** [degrees, minutes, seconds] and the half of the world, e.g. 'N'; to a centimetre. Some write degrees alone, or no seconds. */
function degrees(
  parts: readonly number[] | undefined,
  half: string | undefined,
  halves: string,
  max: number,
): number | undefined {
  const [whole, minutes, seconds] = parts ?? []
  if (whole === undefined || minutes === undefined || seconds === undefined || half === undefined) return undefined
  if (![whole, minutes, seconds].every(part => Number.isFinite(part) && part >= 0)) return undefined
  const sign = [1, -1][halves.indexOf(half.slice(0, 1).toUpperCase() || '?')]
  const sum = whole + minutes / 60 + seconds / 3600
  if (sign === undefined || sum > max) return undefined
  return (sign * Math.round(sum * 1e7)) / 1e7 || 0
}

function orientation(value: number | undefined): number | null {
  return value !== undefined && Number.isInteger(value) && value >= 1 && value <= 8 ? value : null
}

function rating({ exif, xmp }: Sources): number | null {
  const written = xmp?.text('xmp:Rating')?.trim() ?? ''
  const stars = /^-?\d(\.0*)?$/.test(written) ? Number(written) : exif?.main?.number(tag.rating)
  return stars !== undefined && Number.isInteger(stars) && stars >= -1 && stars <= 5 ? stars || 0 : null
}

function description({ exif, xmp, texts }: Sources): string | null {
  const written = exif?.main?.bytes(tag.description)
  return (
    cleanDescription(xmp?.text('dc:description')) ??
    cleanDescription(written && asciiOf(written)) ??
    cleanDescription(texts?.get('description'))
  )
}
