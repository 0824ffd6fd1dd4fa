/** The first directory of a TIFF (TIFF 6.0 §2), enough to tell camera raws from pictures. Pure; never throws. */

/** No real first directory has more: a larger count is no directory. */
const entriesMax = 512

/**
 * Tag → value for values that stand in the entry itself (a SHORT or LONG), else where they stand. Undefined when the
 * bytes hold no whole directory where the header says it is.
 */
export function firstIfd(bytes: Buffer): ReadonlyMap<number, number> | undefined {
  if (bytes.length < 8) return undefined
  const little = bytes[0] === 0x49
  const u16 = (offset: number) => (little ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset))
  const u32 = (offset: number) => (little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset))
  const start = u32(4)
  if (start + 2 > bytes.length) return undefined
  const count = u16(start)
  if (count > entriesMax || start + 2 + count * 12 > bytes.length) return undefined
  const tags = new Map<number, number>()
  for (let index = 0; index < count; index++) {
    const entry = start + 2 + index * 12
    const isShort = u16(entry + 2) === 3 && u32(entry + 4) === 1
    tags.set(u16(entry), isShort ? u16(entry + 8) : u32(entry + 8))
  }
  return tags
}
