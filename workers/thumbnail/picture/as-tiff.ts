/**
 * Samples as a TIFF with a colour profile (TIFF 6.0 §2, §8): the one way to tell sharp whose colours bare samples are, so that
 * it converts them. Costs one copy. Pure.
 */
export interface Samples {
  /** Eight bits each, row by row, alpha not multiplied in. */
  readonly samples: Buffer
  readonly width: number
  readonly height: number
  readonly channels: 1 | 2 | 3 | 4
}

const [short, long, undefinedBytes] = [3, 4, 7]

export function asTiff({ samples, width, height, channels }: Samples, icc: Buffer): Buffer {
  const hasAlpha = channels === 2 || channels === 4
  const samplesAt = 8
  const bitsAt = samplesAt + samples.length
  const iccAt = bitsAt + 8
  const entries: [tag: number, type: number, count: number, value: number][] = [
    [256, long, 1, width],
    [257, long, 1, height],
    // Up to two SHORTs stand in the entry itself.
    [258, short, channels, channels > 2 ? bitsAt : 0x0008_0008],
    [259, short, 1, 1], // not compressed
    [262, short, 1, channels < 3 ? 1 : 2], // black is zero; RGB
    [273, long, 1, samplesAt],
    [277, short, 1, channels],
    [278, long, 1, height],
    [279, long, 1, samples.length],
    [284, short, 1, 1], // samples of a pixel side by side
    ...(hasAlpha ? ([[338, short, 1, 2]] as const).map(entry => [...entry] as [number, number, number, number]) : []),
    [34_675, undefinedBytes, icc.length, iccAt],
  ]
  const directory = Buffer.alloc(2 + entries.length * 12 + 4)
  directory.writeUInt16LE(entries.length)
  for (const [index, [tag, type, count, value]] of entries.entries()) {
    const at = 2 + index * 12
    directory.writeUInt16LE(tag, at)
    directory.writeUInt16LE(type, at + 2)
    directory.writeUInt32LE(count, at + 4)
    directory.writeUInt32LE(value, at + 8)
  }
  const header = Buffer.from('II*\0\0\0\0\0', 'latin1')
  header.writeUInt32LE(iccAt + icc.length, 4)
  return Buffer.concat([header, samples, Buffer.from([8, 0, 8, 0, 8, 0, 8, 0]), icc, directory])
}
