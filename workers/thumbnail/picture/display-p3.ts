/** Display P3, for pictures that name their colours (`nclx`) instead of carrying a profile that describes them. */
import { sharp } from './sharp.js'

/** ITU-T H.273, table 2: SMPTE EG 432-1. */
export const p3Primaries = 12

let made: Promise<Buffer> | undefined

/** A small profile of it, as libvips has one. */
export function displayP3(): Promise<Buffer> {
  made ??= (async () => {
    const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#ffffff' } })
    const { icc } = await sharp(await pixel.withIccProfile('p3').png().toBuffer()).metadata()
    if (icc === undefined) throw new Error('libvips has no profile of Display P3')
    return icc
  })()
  return made
}

/** The box `colr` stands with the other properties, before the picture's data. */
const propertiesBytesMax = 64 * 1024

export function namesDisplayP3(file: Buffer): boolean {
  const properties = file.subarray(0, propertiesBytesMax)
  const at = properties.indexOf('colrnclx', 0, 'latin1')
  return at >= 0 && at + 10 <= properties.length && properties.readUInt16BE(at + 8) === p3Primaries
}
