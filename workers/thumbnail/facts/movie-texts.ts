/**
 * The texts in a film's `moov` box: when, where and by what it was taken. Apple's phones write them under long keys, others
 * as user data (QuickTime File Format, "Metadata" and "User data"; 3GPP TS 26.244 §8). Pure; never throws.
 */
import { type Box, boxesIn, childBox } from './boxes.js'
import { parseIsoTime } from './exif-time.js'
import { cleanDescription, cleanId, cleanName, decodeText } from './text.js'

export interface MovieTexts {
  takenAt: string | null
  takenOffsetMinutes: number | null
  latitude: number | null
  longitude: number | null
  cameraMake: string | null
  cameraModel: string | null
  description: string | null
  /** What the halves of a Live Photo share. */
  live: string | null
}

const apple = 'com.apple.quicktime.'
const android = 'com.android.'

export function readMovieTexts(bytes: Buffer, moov: Box, { now }: { now: Date }): MovieTexts {
  const udta = childBox(bytes, moov, 'udta')
  const texts = new Map([
    ...userTexts(bytes, udta),
    ...keyedTexts(bytes, childBox(bytes, udta, 'meta')),
    ...keyedTexts(bytes, childBox(bytes, moov, 'meta')),
  ])
  const first = <T>(names: readonly string[], read: (text: string) => T | null | undefined): T | null => {
    for (const name of names) {
      const text = texts.get(name)
      const value = text === undefined ? undefined : read(text)
      if (value !== undefined && value !== null) return value
    }
    return null
  }
  const taken = first([`${apple}creationdate`, '\xa9day', 'date'], text => parseIsoTime(text, now))
  const place = first([`${apple}location.ISO6709`, '\xa9xyz'], parsePlace) ?? threeGppPlace(bytes, udta)
  return {
    takenAt: taken?.wall ?? null,
    takenOffsetMinutes: taken?.offsetMinutes ?? null,
    latitude: place?.latitude ?? null,
    longitude: place?.longitude ?? null,
    cameraMake: first([`${apple}make`, `${android}manufacturer`, '\xa9mak'], cleanName),
    cameraModel: first([`${apple}model`, `${android}model`, '\xa9mod'], cleanName),
    description: first([`${apple}description`, '\xa9des'], cleanDescription),
    live: first([`${apple}content.identifier`], cleanId),
  }
}

/** QuickTime's international texts: length, language, text; repeated for each language, of which the first counts. */
function userTexts(bytes: Buffer, udta: Box | undefined): [string, string][] {
  const texts: [string, string][] = []
  if (!udta) return texts
  for (const { type, body, end } of boxesIn(bytes, udta.body, udta.end)) {
    // Some cameras have a date that is nothing but text.
    if (type === 'date') texts.push([type, textIn(bytes, body, end)])
    if (!type.startsWith('\xa9') || body + 4 > end) continue
    const length = bytes.readUInt16BE(body)
    if (length > 0 && body + 4 + length <= end) texts.push([type, textIn(bytes, body + 4, body + 4 + length)])
  }
  return texts
}

/**
 * `keys` names what the boxes of `ilst` hold, by number; without it their types are the names, as in iTunes' lists. In
 * QuickTime `meta` is a plain box, in ISO's files a full one.
 */
function keyedTexts(bytes: Buffer, meta: Box | undefined): [string, string][] {
  if (!meta || meta.body + 8 > meta.end) return []
  const isPlain = bytes.toString('latin1', meta.body + 4, meta.body + 8) === 'hdlr'
  const inside = { body: meta.body + (isPlain ? 0 : 4), end: meta.end }
  const names = keyNames(bytes, childBox(bytes, inside, 'keys'))
  const ilst = childBox(bytes, inside, 'ilst')
  const texts: [string, string][] = []
  for (const entry of ilst ? boxesIn(bytes, ilst.body, ilst.end) : []) {
    const data = childBox(bytes, entry, 'data')
    const name = names ? names[bytes.readUInt32BE(entry.start + 4) - 1] : entry.type
    if (!data || name === undefined || data.body + 8 > data.end) continue
    const kind = bytes.readUInt32BE(data.body)
    if (kind === 1) texts.push([name, textIn(bytes, data.body + 8, data.end)])
  }
  return texts
}

/** Phones write about ten. */
const keysMax = 1_000

function keyNames(bytes: Buffer, keys: Box | undefined): string[] | undefined {
  if (!keys || keys.body + 8 > keys.end) return undefined
  const names: string[] = []
  const count = Math.min(bytes.readUInt32BE(keys.body + 4), keysMax)
  let at = keys.body + 8
  while (names.length < count && at + 8 <= keys.end) {
    const size = bytes.readUInt32BE(at)
    if (size < 8 || at + size > keys.end) break
    names.push(bytes.toString('latin1', at + 8, Math.min(at + size, at + 264)))
    at += size
  }
  return names
}

function textIn(bytes: Buffer, from: number, to: number): string {
  return decodeText(bytes.subarray(from, to)).split('\0')[0] ?? ''
}

interface Place {
  latitude: number
  longitude: number
}

/** ISO 6709 annex H: '+27.5916+086.5640+8850/', with degrees, degrees and minutes, or those and seconds before the point. */
function parsePlace(text: string): Place | undefined {
  const match = /^([+-]\d{1,6}(?:\.\d{1,12})?)([+-]\d{1,7}(?:\.\d{1,12})?)(?:[+-]|\/|CRS|$)/.exec(text.trim())
  return match ? placeOf(angle(match[1] ?? '', 2), angle(match[2] ?? '', 3)) : undefined
}

function angle(written: string, degreeDigits: number): number {
  const digits = (written.slice(1).split('.')[0] as string).length
  const value = Number(written.slice(1))
  let degrees = value
  if (digits === degreeDigits + 2) degrees = Math.floor(value / 100) + (value % 100) / 60
  if (digits === degreeDigits + 4)
    degrees = Math.floor(value / 10_000) + (Math.floor(value / 100) % 100) / 60 + (value % 100) / 3600
  return written.startsWith('-') ? -degrees : degrees
}

/** `loci`: version and flags, language, name, 0, role, longitude, latitude in fixed point, 16.16. */
function threeGppPlace(bytes: Buffer, udta: Box | undefined): Place | undefined {
  const loci = childBox(bytes, udta, 'loci')
  if (!loci) return undefined
  const name = bytes.subarray(loci.body + 6, Math.min(loci.end, loci.body + 262)).indexOf(0)
  const at = loci.body + 6 + name + 2
  if (name < 0 || at + 8 > loci.end) return undefined
  // A step of its numbers is a metre and a half.
  return placeOf(bytes.readInt32BE(at + 4) / 65_536, bytes.readInt32BE(at) / 65_536, 5)
}

/** Exactly 0, 0 is what receivers write before they know where they are. */
function placeOf(latitude: number, longitude: number, digits = 7): Place | undefined {
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180) || (latitude === 0 && longitude === 0)) return undefined
  const rounded = (value: number) => Number(value.toFixed(digits)) || 0
  return { latitude: rounded(latitude), longitude: rounded(longitude) }
}
