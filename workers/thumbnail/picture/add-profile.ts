/**
 * Puts a colour profile into a JPEG or WebP as encoders write them here: without metadata. sharp only takes a profile along from a
 * file, and a detour by one costs a third of the encoding. Pure.
 */
import type { RenditionSpec } from '../../../src/core/renditions.js'

/** `icc`: at most 64 KiB (colour.ts keeps smaller ones only). The file is of `spec.format`. */
export function addProfile(file: Buffer, icc: Buffer, { format }: Pick<RenditionSpec, 'format'>): Buffer {
  return format === 'jpeg' ? addToJpeg(file, icc) : addToWebp(file, icc)
}

/** ICC.1 §B.4: one APP2 segment, behind the start of the image. */
function addToJpeg(file: Buffer, icc: Buffer): Buffer {
  const mark = Buffer.from('\xff\xe2\0\0ICC_PROFILE\0\x01\x01', 'latin1')
  mark.writeUInt16BE(mark.length - 2 + icc.length, 2)
  return Buffer.concat([file.subarray(0, 2), mark, icc, file.subarray(2)])
}

const hasIcc = 0x20

/** RFC 9649 §2.7: a chunk ICCP behind VP8X, which is put before a simple file. */
function addToWebp(file: Buffer, icc: Buffer): Buffer {
  const chunks = file.subarray(12)
  const isExtended = chunks.toString('latin1', 0, 4) === 'VP8X'
  const head = isExtended ? Buffer.from(chunks.subarray(0, 18)) : extendedHeader(chunks)
  head.writeUInt8(head.readUInt8(8) | hasIcc, 8)
  const body = Buffer.concat([head, chunk('ICCP', icc), isExtended ? chunks.subarray(18) : chunks])
  const riff = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1')
  riff.writeUInt32LE(body.length + 4, 4)
  return Buffer.concat([riff, body])
}

/** Of a simple lossy file: RFC 6386 §9.1 has the sizes in 14 bits each, behind three bytes of tag and three of start code. */
function extendedHeader(vp8: Buffer): Buffer {
  if (vp8.toString('latin1', 0, 4) !== 'VP8 ') throw new TypeError('only lossy WebP can be given a profile')
  const content = Buffer.alloc(10)
  content.writeUIntLE((vp8.readUInt16LE(14) & 0x3fff) - 1, 4, 3)
  content.writeUIntLE((vp8.readUInt16LE(16) & 0x3fff) - 1, 7, 3)
  return chunk('VP8X', content)
}

function chunk(type: string, content: Buffer): Buffer {
  const header = Buffer.alloc(8)
  header.write(type)
  header.writeUInt32LE(content.length, 4)
  return Buffer.concat([header, content, Buffer.alloc(content.length % 2)])
}
