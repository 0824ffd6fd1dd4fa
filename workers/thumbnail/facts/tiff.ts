/**
 * TIFF's directories (TIFF 6.0 §2), in which EXIF keeps its fields: in JPEG, PNG, WebP and HEIF as a block, and as the whole
 * file in camera raws. Reads fields where they lie and only when asked, so a hostile directory costs no more than its entries.
 * Never throws: a field that isn't whole isn't there. Pure.
 */

/** A directory of a camera has a few dozen entries. */
const entriesMax = 1_024
/** No field of numbers that is asked for has more. */
const numbersMax = 16

interface Field {
  readonly type: number
  readonly count: number
  /** Where its value begins. */
  readonly at: number
}

export interface Directory {
  /** Undefined for a field that isn't there, isn't numbers, or isn't whole. A fraction over zero is NaN. */
  numbers(tag: number): readonly number[] | undefined
  number(tag: number): number | undefined
  /** The bytes of a field, whatever its type says. */
  bytes(tag: number): Buffer | undefined
  /** The directory that a field points to. */
  directory(tag: number): Directory | undefined
}

/** Bytes for each type; 2 is ASCII, 7 undefined, 13 a pointer, 129 UTF-8 (EXIF 3.0). */
const sizes: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  129: 1,
}

/** Standard, and what Olympus and Panasonic write in its place. */
const magics = [0x002a, 0x4f52, 0x5352, 0x0055]

/** The first directory of a TIFF that begins at the first byte. */
export function openTiff(bytes: Buffer): Directory | undefined {
  if (bytes.length < 14) return undefined
  const order = bytes.toString('latin1', 0, 2)
  if (order !== 'II' && order !== 'MM') return undefined
  const little = order === 'II'
  const magic = little ? bytes.readUInt16LE(2) : bytes.readUInt16BE(2)
  if (!magics.includes(magic)) return undefined
  return readDirectory(bytes, little ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4), little)
}

/** `start` of the directory, and all that it points to, count from the first of `bytes`. */
export function readDirectory(bytes: Buffer, start: number, little: boolean): Directory | undefined {
  if (start < 2 || start + 2 > bytes.length) return undefined
  const u16 = (at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
  const u32 = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const fields = new Map<number, Field>()
  const count = Math.min(u16(start), entriesMax)
  for (let index = 0; index < count; index++) {
    const entry = start + 2 + index * 12
    if (entry + 12 > bytes.length) break
    const field = { type: u16(entry + 2), count: u32(entry + 4) }
    const sizeBytes = (sizes[field.type] ?? 0) * field.count
    const at = sizeBytes <= 4 ? entry + 8 : u32(entry + 8)
    const isWhole = sizeBytes > 0 && at + sizeBytes <= bytes.length
    if (isWhole && !fields.has(u16(entry))) fields.set(u16(entry), { ...field, at })
  }
  if (fields.size === 0) return undefined

  const numbers = (tag: number): readonly number[] | undefined => {
    const field = fields.get(tag)
    const read = field && reader(bytes, field.type, little)
    if (!field || !read) return undefined
    const size = sizes[field.type] ?? 0
    return Array.from({ length: Math.min(field.count, numbersMax) }, (_, index) => read(field.at + index * size))
  }
  const number = (tag: number) => numbers(tag)?.[0]
  return {
    numbers,
    number,
    bytes: tag => {
      const field = fields.get(tag)
      return field && bytes.subarray(field.at, field.at + field.count * (sizes[field.type] ?? 0))
    },
    directory: tag => {
      const at = number(tag)
      return at !== undefined && Number.isInteger(at) ? readDirectory(bytes, at, little) : undefined
    },
  }
}

function reader(bytes: Buffer, type: number, little: boolean): ((at: number) => number) | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type) {
    case 1:
    case 7:
      return at => view.getUint8(at)
    case 3:
      return at => view.getUint16(at, little)
    case 4:
    case 13:
      return at => view.getUint32(at, little)
    case 5:
      return at => over(view.getUint32(at, little), view.getUint32(at + 4, little))
    case 6:
      return at => view.getInt8(at)
    case 8:
      return at => view.getInt16(at, little)
    case 9:
      return at => view.getInt32(at, little)
    case 10:
      return at => over(view.getInt32(at, little), view.getInt32(at + 4, little))
    case 11:
      return at => view.getFloat32(at, little)
    case 12:
      return at => view.getFloat64(at, little)
    default:
      return undefined
  }
}

function over(numerator: number, denominator: number): number {
  return denominator === 0 ? Number.NaN : numerator / denominator
}
