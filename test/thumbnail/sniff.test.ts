/** Goal: a file's kind is told by its bytes alone, and what isn't known is called unknown. */
import { expect, test } from 'vitest'
import { sniff } from '../../workers/thumbnail/sniff.js'
import { draw } from './drawing.js'

const box = (...brands: string[]) => {
  const [major = '', ...others] = brands
  const size = String.fromCharCode(16 + others.length * 4)
  return `\0\0\0${size}ftyp${major}\0\0\0\0${others.join('')}`
}

/** Little-endian TIFF with one directory of LONG values. */
function tiff(tags: Readonly<Record<number, number>>): string {
  const entries = Object.entries(tags)
  const bytes = Buffer.alloc(8 + 2 + entries.length * 12 + 4)
  bytes.write('II*\0\x08\0\0\0', 'latin1')
  bytes.writeUInt16LE(entries.length, 8)
  for (const [index, [tag, value]] of entries.entries()) {
    const entry = 10 + index * 12
    bytes.writeUInt16LE(Number(tag), entry)
    bytes.writeUInt16LE(4, entry + 2)
    bytes.writeUInt32LE(1, entry + 4)
    bytes.writeUInt32LE(value, entry + 8)
  }
  return bytes.toString('latin1')
}

test.each([
  ['', 'unknown', 'unknown'],
  ['\xff', 'unknown', 'unknown'],
  ['\xff\xd8\xff\xe1', 'jpeg', 'picture'],
  ['\x89PNG\r\n\x1a\n', 'png', 'picture'],
  ['\x89PNG\n', 'unknown', 'unknown'],
  ['GIF89a', 'gif', 'picture'],
  ['RIFF\0\0\0\0WEBPVP8 ', 'webp', 'picture'],
  ['RIFF\0\0\0\0AVI LIST', 'avi', 'video'],
  ['RIFF\0\0\0\0WAVEfmt ', 'wav', 'unknown'],
  [box('avif', 'mif1', 'miaf'), 'avif', 'picture'],
  [box('mif1', 'avif', 'miaf'), 'avif', 'picture'],
  [box('heic', 'mif1', 'heic'), 'heic', 'picture'],
  [box('mif1', 'heic'), 'heic', 'picture'],
  [box('mif1'), 'heif', 'picture'],
  [box('qt  '), 'mov', 'video'],
  [box('isom', 'iso2', 'avc1', 'mp41'), 'mp4', 'video'],
  [box('mp42', 'isom'), 'mp4', 'video'],
  [box('3gp4', 'isom'), '3gp', 'video'],
  [box('crx ', 'isom'), 'cr3', 'picture'],
  [box('M4A ', 'mp42'), 'm4a', 'unknown'],
  [box('jp2 '), 'unknown', 'unknown'],
  ['\0\0\0\x0cjP  \r\n\x87\n', 'jp2', 'unknown'],
  ['\0\0\0\x0cJXL \r\n\x87\n', 'jxl', 'unknown'],
  ['\xff\x0a\xfa\x1f', 'jxl', 'unknown'],
  ['BM\x46\0\0\0\0\0\0\0', 'bmp', 'unknown'],
  ['BM is how this text begins', 'unknown', 'unknown'],
  ['8BPS\0\x01', 'psd', 'unknown'],
  ['FUJIFILMCCD-RAW 0201', 'raf', 'picture'],
  ['IIRO\x08\0\0\0', 'orf', 'picture'],
  ['IIU\0\x08\0\0\0', 'rw2', 'picture'],
  ['\0\0\0\x08wide\0\0\0\0mdat', 'mov', 'video'],
  ['\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm', 'webm', 'video'],
  ['\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska', 'mkv', 'video'],
  [tiff({ 256: 640 }), 'tiff', 'picture'],
  ['MM\0*\0\0\0\x08', 'tiff', 'picture'],
  [tiff({ 256: 640, 50706: 0x00000401 }), 'dng', 'picture'],
  [tiff({ 254: 1, 330: 99 }), 'raw', 'picture'],
  [tiff({ 254: 0, 330: 99 }), 'tiff', 'picture'],
  [tiff({ 259: 65535 }), 'raw', 'picture'],
  [tiff({ 259: 5 }), 'tiff', 'picture'],
  ['II*\0\x10\0\0\0CR\x02\0', 'cr2', 'picture'],
  ['<svg xmlns="http://www.w3.org/2000/svg">', 'svg', 'vector'],
  ['\xef\xbb\xbf  <svg>', 'svg', 'vector'],
  ['<?xml version="1.0"?><!-- drawn --><svg>', 'svg', 'vector'],
  ['<!DOCTYPE html><svg>', 'unknown', 'unknown'],
  ['%PDF-1.7', 'unknown', 'unknown'],
])('%j is %s', (text, name, sort) => {
  expect(sniff(Buffer.from(text, 'latin1'))).toMatchObject({ name, sort })
})

test.each(['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const)('a real %s', async format => {
  const bytes = await draw(8, 8)[format]().toBuffer()
  expect(sniff(bytes)).toEqual({ name: format, mediaType: `image/${format}`, sort: 'picture' })
})
