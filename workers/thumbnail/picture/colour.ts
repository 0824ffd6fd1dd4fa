/** What becomes of a picture's colour profile. Pure. */

/** The header's facts that matter here, as sharp names them. */
export interface Colours {
  readonly space?: string | undefined
  readonly icc?: Buffer | undefined
}

/**
 * - `plain`: nothing to do, the numbers are sRGB already (or are by convention, without a profile).
 * - `keep`: the numbers stay and the profile goes with every rendition. Converting costs three times the CPU of all the
 *   rest and loses the colours that wide-gamut screens can show.
 * - `convert`: to sRGB, because what isn't RGB can't keep its profile in an RGB rendition.
 */
export type ProfileUse = 'plain' | 'keep' | 'convert'

/** Display P3 has 548 bytes, Adobe RGB 560; one that outweighs a thumbnail isn't worth its bytes in every rendition. */
const keptProfileBytesMax = 4096

export function profileUse({ space, icc }: Colours): ProfileUse {
  if (space === 'cmyk') return 'convert'
  if (icc === undefined) return 'plain'
  const isRgb = (space === 'srgb' || space === 'rgb16' || space === 'rgb') && profileSpace(icc) === 'RGB '
  if (!isRgb) return 'convert'
  if (profileName(icc).startsWith('sRGB')) return 'plain'
  return icc.length <= keptProfileBytesMax ? 'keep' : 'convert'
}

/** ICC.1 §7.2.6: the colour space whose numbers the profile describes. */
function profileSpace(icc: Buffer): string {
  return icc.toString('latin1', 16, 20)
}

/** ICC.1 §9.2.41 `desc`: ASCII in version 2 profiles, UTF-16 in version 4. Empty when it can't be found. */
function profileName(icc: Buffer): string {
  if (icc.length < 132) return ''
  const count = Math.min(icc.readUInt32BE(128), 100)
  for (let entry = 132; entry + 12 <= icc.length && entry < 132 + count * 12; entry += 12) {
    if (icc.toString('latin1', entry, entry + 4) !== 'desc') continue
    const start = icc.readUInt32BE(entry + 4)
    const tag = icc.subarray(start, start + Math.min(icc.readUInt32BE(entry + 8), 512))
    if (tag.length < 28) return ''
    if (tag.toString('latin1', 0, 4) === 'desc') return tag.toString('latin1', 12)
    const text = Buffer.from(tag.subarray(tag.readUInt32BE(24)))
    return text
      .subarray(0, text.length & ~1)
      .swap16()
      .toString('utf16le')
  }
  return ''
}
