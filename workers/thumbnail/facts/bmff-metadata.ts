/**
 * EXIF and XMP in files of boxes: HEIF and AVIF keep them as items (ISO 23008-12 annex A), Canon's CR3 in boxes of its own.
 * Pure; never throws.
 */
import { type Metadata, openExif, openXmp } from './blocks.js'
import { type Box, boxesIn, childBox } from './boxes.js'
import { openTiff } from './tiff.js'

/** Tiles are items too: a 200 MP picture has a few hundred. */
const itemsMax = 16_384
/** EXIF with a preview in it; more is none. */
const itemBytesMax = 16 * 1024 * 1024

const canonUuid = 'uuid85c0b687820f11e08111f4ce462b6a48'
const xmpUuid = 'uuidbe7acfcb97a942e89c71999491e3afac'

export function bmffMetadata(bytes: Buffer): Metadata {
  let found: Metadata = {}
  for (const box of boxesIn(bytes, 0, bytes.length)) {
    if (box.type === 'meta') found = { ...found, ...itemMetadata(bytes, box) }
    if (box.type === 'moov') found = { ...canonMetadata(bytes, box), ...found }
    if (box.type === xmpUuid) found = { xmp: openXmp(bytes.subarray(box.body, box.end)), ...found }
  }
  return found
}

/** CR3: the directories stand apart, each with a header of its own. */
function canonMetadata(bytes: Buffer, moov: Box): Metadata {
  const canon = childBox(bytes, moov, canonUuid)
  if (!canon) return {}
  const open = (type: string) => {
    const box = childBox(bytes, canon, type)
    return box && openTiff(bytes.subarray(box.body, box.end))
  }
  return { exif: { main: open('CMT1'), photo: open('CMT2'), gps: open('CMT4') } }
}

function itemMetadata(bytes: Buffer, meta: Box): Metadata {
  // A full box: version and flags stand before its children.
  const inside = { body: meta.body + 4, end: meta.end }
  const wanted = wantedItems(bytes, childBox(bytes, inside, 'iinf'))
  const idat = childBox(bytes, inside, 'idat')
  const found: { exif?: Metadata['exif']; xmp?: Metadata['xmp'] } = {}
  if (wanted.size === 0) return found
  for (const { item, block } of itemBlocks(bytes, childBox(bytes, inside, 'iloc'), idat, wanted)) {
    if (wanted.get(item) === 'xmp') found.xmp ??= openXmp(block)
    // The block begins with how far on the TIFF header is.
    else if (block.length > 8)
      found.exif ??= openExif(block.subarray(4 + Math.min(block.readUInt32BE(0), block.length)))
  }
  return found
}

/** Of `iinf` (ISO 14496-12 §8.11.6), the items that are EXIF or XMP. */
function wantedItems(bytes: Buffer, iinf: Box | undefined): Map<number, 'exif' | 'xmp'> {
  const wanted = new Map<number, 'exif' | 'xmp'>()
  if (!iinf || iinf.body + 8 > iinf.end) return wanted
  const first = iinf.body + (bytes[iinf.body] === 0 ? 6 : 8)
  for (const box of boxesIn(bytes, first, iinf.end)) {
    const version = bytes[box.body] ?? 0
    const typeAt = box.body + (version === 2 ? 8 : 10)
    if (box.type !== 'infe' || version < 2 || typeAt + 5 > box.end) continue
    const item = version === 2 ? bytes.readUInt16BE(box.body + 4) : bytes.readUInt32BE(box.body + 4)
    const type = bytes.toString('latin1', typeAt, typeAt + 4)
    if (type === 'Exif') wanted.set(item, 'exif')
    if (type !== 'mime') continue
    // After the type: the item's name, 0, its media type, 0.
    const names = bytes.toString('latin1', typeAt + 4, Math.min(box.end, typeAt + 260))
    if (names.startsWith('application/rdf+xml\0', names.indexOf('\0') + 1)) wanted.set(item, 'xmp')
  }
  return wanted
}

/** Of `iloc` (ISO 14496-12 §8.11.3), where those items are; an item in pieces is put together. */
function* itemBlocks(
  bytes: Buffer,
  iloc: Box | undefined,
  idat: Box | undefined,
  wanted: ReadonlyMap<number, unknown>,
): Generator<{ item: number; block: Buffer }> {
  if (!iloc || iloc.body + 8 > iloc.end) return
  const version = bytes[iloc.body] ?? 0
  if (version > 2) return
  const sizes = bytes.readUInt16BE(iloc.body + 4)
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15]
  const indexSize = version === 0 ? 0 : sizes & 15
  const next = cursor(bytes, iloc.body + 6, iloc.end)
  const count = Math.min(next(version < 2 ? 2 : 4) ?? 0, itemsMax)
  for (let index = 0; index < count; index++) {
    const item = next(version < 2 ? 2 : 4)
    const method = version === 0 ? 0 : (next(2) ?? 0) & 15
    next(2)
    const base = next(baseSize)
    const extents = next(2)
    if (item === undefined || base === undefined || extents === undefined) return
    const pieces: Buffer[] = []
    let total = 0
    const source = method === 0 ? { body: 0, end: bytes.length } : method === 1 ? idat : undefined
    for (let extent = 0; extent < extents; extent++) {
      next(indexSize)
      const offset = next(offsetSize)
      const length = next(lengthSize)
      if (offset === undefined || length === undefined || offsetSize + lengthSize === 0) return
      if (!wanted.has(item) || !source) continue
      const from = source.body + base + offset
      // Length 0 is all of the source.
      const to = length === 0 ? source.end : from + length
      total += to - from
      if (from > to || to > source.end || total > itemBytesMax || pieces.length >= 16) break
      pieces.push(bytes.subarray(from, to))
    }
    if (pieces.length > 0) yield { item, block: pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces) }
  }
}

/** Reads big-endian numbers of 0 to 8 bytes one after the other; undefined from where the box ends. */
function cursor(bytes: Buffer, start: number, end: number): (size: number) => number | undefined {
  let at = start
  return size => {
    if (size > 8 || at + size > end) {
      at = end + 1
      return undefined
    }
    let value = 0
    for (let index = 0; index < size; index++) value = value * 256 + (bytes[at + index] ?? 0)
    at += size
    return value
  }
}
