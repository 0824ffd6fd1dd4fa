/** The boxes of ISO media files (ISO 14496-12 §4.2), of which HEIF, AVIF, MP4 and QuickTime are made. Pure; never throws. */

export interface Box {
  /** Four characters; for `uuid` boxes those, and then the 32 hexadecimal digits. */
  readonly type: string
  /** Where its header begins. */
  readonly start: number
  /** Where its content begins, and where it ends. */
  readonly body: number
  readonly end: number
}

/** No container that is read here has more: whoever writes more wants to be waited for. */
const boxesMax = 4_096

/** Among so many a single one is looked for; it is asked of boxes in boxes, so it has to be few. */
const childrenMax = 256

/** The boxes between two places, until one that isn't whole. */
export function* boxesIn(bytes: Buffer, from: number, to: number, max = boxesMax): Generator<Box> {
  let start = from
  for (let count = 0; count < max && start + 8 <= to; count++) {
    const box = boxAt(bytes, start, to)
    if (!box) return
    yield box
    start = box.end
  }
}

export function boxAt(bytes: Buffer, start: number, to: number): Box | undefined {
  if (start < 0 || start + 8 > to || to > bytes.length) return undefined
  const type = bytes.toString('latin1', start + 4, start + 8)
  const short = bytes.readUInt32BE(start)
  if (short === 1 && start + 16 > to) return undefined
  // 1 means that the size has 64 bits, 0 that the box reaches to the end.
  const size = short === 1 ? Number(bytes.readBigUInt64BE(start + 8)) : short === 0 ? to - start : short
  const header = short === 1 ? 16 : 8
  if (size < header || start + size > to) return undefined
  const box = { type, start, body: start + header, end: start + size }
  if (type !== 'uuid' || size < header + 16) return box
  return { ...box, type: `uuid${bytes.toString('hex', box.body, box.body + 16)}`, body: box.body + 16 }
}

/** The first of a type inside of another box, or in `{body, end}`. */
export function childBox(bytes: Buffer, parent: Pick<Box, 'body' | 'end'> | undefined, type: string): Box | undefined {
  if (!parent) return undefined
  for (const box of boxesIn(bytes, parent.body, parent.end, childrenMax)) if (box.type === type) return box
  return undefined
}
