/**
 * The largest picture that a camera raw holds: every camera embeds a JPEG as it would have been taken, for its own screen. Reads
 * directories and headers only. Pure; never throws, whatever the bytes, and looks at a bounded number of places.
 *
 * Where they are: DNG, NEF, ARW, PEF, SRW, CR2 in their TIFF directories; RW2 in a tag of its own; ORF in Olympus' maker note;
 * RAF in its header; CR3 in a box. The formats aren't published: exiftool's tag tables are what the field goes by.
 */
import { boxesIn, childBox } from '../facts/boxes.js'
import { type Directory, firstIfd, isLittleEndian, readDirectory, valuesOf } from '../tiff-ifd.js'

export interface RawPreview {
  readonly jpeg: Buffer
  /** How to turn it (EXIF 1–8), where the raw says; else the JPEG does. */
  readonly orientation: number | undefined
  /** Pixels of the raw itself before it is turned, or of the preview when that is larger. */
  readonly width: number
  readonly height: number
}

/** Of the largest raws: a handful a directory, three levels deep. */
const directoriesMax = 32

export function findRawPreview(kind: string, original: Buffer): RawPreview | undefined {
  if (kind === 'raf') return largest(rafJpeg(original), undefined, [])
  if (kind === 'cr3') return cr3Preview(original)
  return tiffPreview(original)
}

interface Size {
  readonly width: number
  readonly height: number
}

/** The largest of the candidates that is a JPEG that can be shown. */
function largest(
  candidates: readonly Buffer[],
  orientation: number | undefined,
  sizes: readonly Size[],
): RawPreview | undefined {
  let best: { jpeg: Buffer; size: Size } | undefined
  for (const jpeg of candidates) {
    const size = jpegSize(jpeg)
    if (size !== undefined && (best === undefined || area(size) > area(best.size))) best = { jpeg, size }
  }
  if (best === undefined) return undefined
  const { width, height } = sizes.reduce((a, b) => (area(b) > area(a) ? b : a), best.size)
  return { jpeg: best.jpeg, orientation, width, height }
}

const area = ({ width, height }: Size) => width * height

/** Offset and length stand in the header, big-endian. */
function rafJpeg(bytes: Buffer): Buffer[] {
  return bytes.length < 92 ? [] : [slice(bytes, bytes.readUInt32BE(84), bytes.readUInt32BE(88))]
}

const cr3PreviewType = 'uuideaf42b5e1c984b88b9fbb7dc406e4d16'
const cr3MetadataType = 'uuid85c0b687820f11e08111f4ce462b6a48'

function cr3Preview(bytes: Buffer): RawPreview | undefined {
  const candidates: Buffer[] = []
  let orientation: number | undefined
  for (const box of boxesIn(bytes, 0, bytes.length)) {
    if (box.type === cr3PreviewType) {
      // Eight bytes stand before the box PRVW, whose JPEG begins behind 16 of its own.
      const preview = childBox(bytes, { body: box.body + 8, end: box.end }, 'PRVW')
      if (preview) candidates.push(bytes.subarray(Math.min(preview.body + 16, preview.end), preview.end))
    }
    if (box.type === 'moov') {
      const first = childBox(bytes, childBox(bytes, box, cr3MetadataType), 'CMT1')
      if (first) orientation = orientationOf(firstIfd(bytes.subarray(first.body, first.end)))
    }
  }
  return largest(candidates, orientation, [])
}

function tiffPreview(bytes: Buffer): RawPreview | undefined {
  const first = firstIfd(bytes)
  if (!first) return undefined
  const little = isLittleEndian(bytes)
  const candidates: Buffer[] = []
  const sizes: Size[] = []
  const seen = new Set<number>()
  const waiting: { directory: Directory | undefined; base: number }[] = [{ directory: first, base: 0 }]
  const enter = (offset: number, base: number) => {
    if (offset === 0 || seen.has(offset) || seen.size >= directoriesMax) return
    seen.add(offset)
    waiting.push({ directory: readDirectory(bytes, offset, little), base })
  }
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { directory, base } = next
    if (!directory) continue
    candidates.push(...jpegsOf(bytes, directory, base, little))
    const size = sizeOf(directory)
    if (base === 0 && size) sizes.push(size)
    enter(directory.next, base)
    for (const offset of valuesOf(bytes, directory.entries.get(tags.subIfds), little, 8)) enter(offset, base)
    for (const offset of valuesOf(bytes, directory.entries.get(tags.exif), little, 1)) enter(offset, base)
    const note = directory.entries.get(tags.makerNote)
    if (note) enterOlympus(bytes, note.at, enter)
    // Olympus' maker note counts from its own beginning.
    const settings = directory.entries.get(tags.olympusCameraSettings)
    if (base !== 0 && settings) enter(base + settings.value, base)
  }
  return largest(candidates, orientationOf(first), sizes)
}

const tags = {
  width: 0x100,
  height: 0x101,
  compression: 0x103,
  orientation: 0x112,
  /** Where the data is, and how long. */
  strips: [0x111, 0x117],
  tiles: [0x144, 0x145],
  subIfds: 0x14a,
  jpegOffset: 0x201,
  jpegSize: 0x202,
  exif: 0x8769,
  makerNote: 0x927c,
  panasonicJpeg: 0x2e,
  olympusCameraSettings: 0x2020,
  olympusPreviewOffset: 0x101,
  olympusPreviewSize: 0x102,
} as const

/** "OLYMPUS\0II\3\0" or "OM SYSTEM\0\0\0II\4\0", then a directory. */
function enterOlympus(bytes: Buffer, at: number, enter: (offset: number, base: number) => void): void {
  const head = bytes.toString('latin1', at, at + 12)
  if (head.startsWith('OLYMPUS\0')) enter(at + 12, at)
  if (head.startsWith('OM SYSTEM\0')) enter(at + 16, at)
}

function jpegsOf(bytes: Buffer, { entries }: Directory, base: number, little: boolean): Buffer[] {
  const numbers = (tag: number, countMax = 1) => valuesOf(bytes, entries.get(tag), little, countMax)
  const one = (offset: number | undefined, size: number | undefined) =>
    offset === undefined || size === undefined ? [] : [slice(bytes, base + offset, size)]
  if (base !== 0) return one(numbers(tags.olympusPreviewOffset)[0], numbers(tags.olympusPreviewSize)[0])
  const found = one(numbers(tags.jpegOffset)[0], numbers(tags.jpegSize)[0])
  const panasonic = entries.get(tags.panasonicJpeg)
  if (panasonic) found.push(slice(bytes, panasonic.at, panasonic.count))
  const compression = numbers(tags.compression)[0]
  if (compression !== 6 && compression !== 7) return found
  for (const [offsetsTag, sizesTag] of [tags.strips, tags.tiles]) {
    const offsets = numbers(offsetsTag, 2)
    // What is in several pieces is no file of its own.
    if (offsets.length === 1) found.push(...one(offsets[0], numbers(sizesTag)[0]))
  }
  return found
}

function slice(bytes: Buffer, offset: number, size: number): Buffer {
  return bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + size, bytes.length))
}

function sizeOf({ entries }: Directory): Size | undefined {
  const width = entries.get(tags.width)?.value ?? 0
  const height = entries.get(tags.height)?.value ?? 0
  const isPlausible = width > 0 && height > 0 && width <= 65_535 && height <= 65_535
  return isPlausible ? { width, height } : undefined
}

function orientationOf(directory: Directory | undefined): number | undefined {
  const value = directory?.entries.get(tags.orientation)?.value
  return value !== undefined && value >= 1 && value <= 8 ? value : undefined
}

/** Segments before the frame header: a few of metadata, and 64 KiB of profile or preview in each of some. */
const segmentsMax = 200

/** Of a baseline, extended or progressive JPEG of eight bits (ITU T.81 §B.2.2): raws also hold lossless ones, of the sensor. */
function jpegSize(jpeg: Buffer): Size | undefined {
  if (jpeg.length < 4 || jpeg.readUInt16BE(0) !== 0xffd8) return undefined
  let offset = 2
  for (let count = 0; count < segmentsMax && offset + 9 <= jpeg.length; count++) {
    if (jpeg[offset] !== 0xff) return undefined
    const marker = jpeg[offset + 1] ?? 0
    if (marker >= 0xc0 && marker <= 0xc2) {
      const size = { height: jpeg.readUInt16BE(offset + 5), width: jpeg.readUInt16BE(offset + 7) }
      return jpeg[offset + 4] === 8 && area(size) > 0 ? size : undefined
    }
    if (marker === 0xc3 || marker === 0xda || marker === 0xd9) return undefined
    offset += marker === 0xff ? 1 : 2 + jpeg.readUInt16BE(offset + 2)
  }
  return undefined
}
