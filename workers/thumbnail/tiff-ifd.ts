/**
 * Directories of TIFF files (TIFF 6.0 §2) and of what borrows its structure: camera raws, EXIF, maker notes. Enough to tell raws
 * from pictures and to find the previews in them. Pure; never throws, whatever the bytes; what doesn't fit isn't there.
 */

/** No real directory has more: a larger count is no directory. */
const entriesMax = 512

export interface Entry {
  readonly type: number
  readonly count: number
  /** Of one SHORT or LONG, the value itself; else what the entry's last four bytes are as a number: where the values stand. */
  readonly value: number
  /** Where the values stand in the bytes, which is in the entry itself when they fit there. */
  readonly at: number
}

export interface Directory {
  readonly entries: ReadonlyMap<number, Entry>
  /** Where the next directory of the chain is; 0 for none. */
  readonly next: number
}

const bytesOfType: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 13: 4 }

export function isLittleEndian(bytes: Buffer): boolean {
  return bytes[0] === 0x49
}

/** undefined when the bytes hold no whole directory there. Values may still stand outside of the bytes. */
export function readDirectory(bytes: Buffer, start: number, little: boolean): Directory | undefined {
  const u16 = (offset: number) => (little ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset))
  const u32 = (offset: number) => (little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset))
  if (start + 2 > bytes.length) return undefined
  const entriesCount = u16(start)
  const end = start + 2 + entriesCount * 12
  if (entriesCount > entriesMax || end > bytes.length) return undefined
  const entries = new Map<number, Entry>()
  for (let entry = start + 2; entry < end; entry += 12) {
    const type = u16(entry + 2)
    const count = u32(entry + 4)
    const value = type === 3 && count === 1 ? u16(entry + 8) : u32(entry + 8)
    const isInside = count * (bytesOfType[type] ?? 1) <= 4
    entries.set(u16(entry), { type, count, value, at: isInside ? entry + 8 : value })
  }
  return { entries, next: end + 4 <= bytes.length ? u32(end) : 0 }
}

/** The LONG or SHORT values of an entry, at most `countMax` of them. */
export function valuesOf(bytes: Buffer, entry: Entry | undefined, little: boolean, countMax: number): number[] {
  if (entry === undefined) return []
  const size = entry.type === 3 ? 2 : 4
  const values: number[] = []
  const end = Math.min(entry.at + Math.min(entry.count, countMax) * size, bytes.length)
  for (let at = entry.at; at + size <= end; at += size) {
    if (size === 2) values.push(little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
    else values.push(little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  }
  return values
}

/** The first directory; undefined when it isn't where the header says it is. */
export function firstIfd(bytes: Buffer): Directory | undefined {
  if (bytes.length < 8) return undefined
  const little = isLittleEndian(bytes)
  return readDirectory(bytes, little ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4), little)
}
