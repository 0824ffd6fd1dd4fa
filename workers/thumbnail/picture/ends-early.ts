/**
 * Whether a file that didn't decode stops before its own end. It explains a failure and never causes one: decoders know
 * better whether what is missing mattered. Pure; never throws.
 */
import { firstIfd } from '../tiff-ifd.js'

const tests: Readonly<Record<string, (bytes: Buffer) => boolean>> = {
  jpeg: bytes => bytes.lastIndexOf('\xff\xd9', undefined, 'latin1') < jpegScan(bytes),
  png: bytes => !bytes.includes('IEND', 0, 'latin1'),
  gif: bytes => bytes.at(-1) !== 0x3b,
  webp: bytes => bytes.length < 12 || bytes.readUInt32LE(4) + 8 > bytes.length,
  avif: bytes => boxesEnd(bytes) > bytes.length,
  heic: bytes => boxesEnd(bytes) > bytes.length,
  heif: bytes => boxesEnd(bytes) > bytes.length,
  tiff: bytes => firstIfd(bytes) === undefined,
}

export function endsEarly(kind: string, bytes: Buffer): boolean {
  return tests[kind]?.(bytes) ?? false
}

/** Where the picture's data begins (ITU T.81 §B.2.3), past thumbnails in the metadata; Infinity when it never does. */
function jpegScan(bytes: Buffer): number {
  let offset = 2
  while (offset + 4 <= bytes.length && bytes[offset] === 0xff) {
    if (bytes[offset + 1] === 0xda) return offset
    offset += 2 + bytes.readUInt16BE(offset + 2)
  }
  return offset + 4 > bytes.length ? Infinity : 0
}

/** Where the last top-level box (ISO 14496-12 §4.2) says it ends. */
function boxesEnd(bytes: Buffer): number {
  let offset = 0
  while (offset + 16 <= bytes.length) {
    const size = bytes.readUInt32BE(offset)
    if (size === 0) return bytes.length
    const wide = size === 1 ? Number(bytes.readBigUInt64BE(offset + 8)) : size
    if (wide < 8) return bytes.length
    offset += wide
  }
  return offset
}
