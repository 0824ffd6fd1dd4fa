/**
 * Where a picture keeps what it says of itself: EXIF's directories, XMP's packet, and the little that PNG has of its own. By
 * the file's structure, never by searching its bytes. Pure; never throws; what isn't whole isn't there.
 */
import { inflateSync } from 'node:zlib'
import { type Exif, type Metadata, openExif, openXmp, xmpBytesMax } from './blocks.js'
import { bmffMetadata } from './bmff-metadata.js'
import { decodeText } from './text.js'

const markersMax = 1_000
const chunksMax = 200_000

export function findMetadata(bytes: Buffer): Metadata {
  if (bytes.length < 16) return {}
  if (bytes.readUInt16BE(0) === 0xffd8) return jpegMetadata(bytes, 0)
  if (has(bytes, 0, '\x89PNG\r\n\x1a\n')) return pngMetadata(bytes)
  if (has(bytes, 0, 'RIFF') && has(bytes, 8, 'WEBP')) return webpMetadata(bytes)
  if (has(bytes, 4, 'ftyp')) return bmffMetadata(bytes)
  // Fujifilm's raws begin with a whole JPEG, which says it all.
  if (has(bytes, 0, 'FUJIFILMCCD-RAW') && bytes.length > 88) return jpegMetadata(bytes, bytes.readUInt32BE(84))
  return tiffMetadata(bytes)
}

function tiffMetadata(bytes: Buffer): Metadata {
  const exif = openExif(bytes)
  return { exif, xmp: openXmp(exif?.main?.bytes(0x02bc)) }
}

/** ITU T.81 annex B: segments until the first scan. */
function jpegMetadata(bytes: Buffer, start: number): Metadata {
  let exif: Exif | undefined
  let xmp: Buffer | undefined
  let at = start + 2
  for (let count = 0; count < markersMax && at + 4 <= bytes.length; count++) {
    if (bytes[at] !== 0xff) break
    const marker = bytes[at + 1] ?? 0
    if (marker === 0xff) {
      // Any number of fill bytes may stand before a marker; they are as many steps.
      at++
      continue
    }
    if (marker === 0xda || marker === 0xd9) break
    const segment = bytes.subarray(at + 4, at + 2 + bytes.readUInt16BE(at + 2))
    if (marker === 0xe1 && has(segment, 0, 'Exif\0')) exif ??= openExif(segment.subarray(6))
    if (marker === 0xe1 && has(segment, 0, xmpName)) xmp ??= openXmp(segment.subarray(xmpName.length))
    at += 2 + Math.max(2, bytes.readUInt16BE(at + 2))
  }
  return { exif, xmp }
}

const xmpName = 'http://ns.adobe.com/xap/1.0/\0'

/** PNG 3rd edition §11: chunks to the end, because texts may stand after the pixels. */
function pngMetadata(bytes: Buffer): Metadata {
  const texts = new Map<string, string>()
  let exif: Exif | undefined
  let xmp: Buffer | undefined
  let at = 8
  for (let count = 0; count < chunksMax && at + 12 <= bytes.length; count++) {
    const end = at + 8 + bytes.readUInt32BE(at)
    if (end > bytes.length) break
    const body = bytes.subarray(at + 8, end)
    if (has(bytes, at + 4, 'eXIf')) exif ??= openExif(body)
    else if (has(bytes, at + 4, 'iTXt')) {
      const text = internationalText(body)
      if (text?.keyword === 'XML:com.adobe.xmp') xmp ??= openXmp(text.value)
      else if (text) keepText(texts, text.keyword, decodeText(text.value))
    } else if (has(bytes, at + 4, 'tEXt')) {
      const zero = body.subarray(0, 80).indexOf(0)
      if (zero > 0) keepText(texts, body.toString('latin1', 0, zero), decodeText(body.subarray(zero + 1)))
    }
    at = end + 4
  }
  return { exif, xmp, texts }
}

function keepText(texts: Map<string, string>, keyword: string, value: string): void {
  if (/^(creation time|description)$/i.test(keyword) && !texts.has(keyword.toLowerCase()))
    texts.set(keyword.toLowerCase(), value)
}

/** Keyword, 0, is compressed, method, language, 0, keyword of that language, 0, text. */
function internationalText(body: Buffer): { keyword: string; value: Buffer } | undefined {
  const keywordEnd = body.subarray(0, 80).indexOf(0)
  if (keywordEnd < 1) return undefined
  const languageEnd = body.indexOf(0, keywordEnd + 3)
  const translatedEnd = languageEnd < 0 ? -1 : body.indexOf(0, languageEnd + 1)
  if (translatedEnd < 0) return undefined
  const keyword = body.toString('latin1', 0, keywordEnd)
  const value = body.subarray(translatedEnd + 1)
  if (body[keywordEnd + 1] !== 1) return { keyword, value }
  if (keyword !== 'XML:com.adobe.xmp') return undefined
  try {
    return { keyword, value: inflateSync(value, { maxOutputLength: xmpBytesMax }) }
  } catch {
    // Broken, or larger than any packet that is read here.
    return undefined
  }
}

/** WebP container §2.7: RIFF chunks, padded to even sizes. */
function webpMetadata(bytes: Buffer): Metadata {
  let exif: Exif | undefined
  let xmp: Buffer | undefined
  let at = 12
  for (let count = 0; count < chunksMax && at + 8 <= bytes.length; count++) {
    const size = bytes.readUInt32LE(at + 4)
    const body = bytes.subarray(at + 8, at + 8 + size)
    if (has(bytes, at, 'EXIF')) exif ??= openExif(body)
    if (has(bytes, at, 'XMP ')) xmp ??= openXmp(body)
    at += 8 + size + (size % 2)
  }
  return { exif, xmp }
}

function has(bytes: Buffer, at: number, text: string): boolean {
  return bytes.toString('latin1', at, at + text.length) === text
}
