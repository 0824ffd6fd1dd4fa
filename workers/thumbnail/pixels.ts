/**
 * The steps from an original to renditions: read its header, decode it once, shrink, encode. Between the steps a picture
 * is `Pixels`: 8-bit, upright, without any metadata but a colour profile that it keeps.
 *
 * Rejects with whatever sharp says; the caller knows what that means for the photo.
 */
import { rgbaToThumbHash } from 'thumbhash'
import { limits } from '../../src/core/limits.js'
import type { RenditionSpec } from '../../src/core/renditions.js'
import type { ProfileUse } from './colour.js'
import { type Sharp, sharp } from './sharp.js'

/** An uncompressed TIFF: as cheap as bare samples (2 ms dearer at 1440 px), and it carries size and profile with it. */
export interface Pixels {
  readonly tiff: Buffer
  readonly width: number
  readonly height: number
}

export interface Encoded {
  readonly bytes: Buffer
  readonly width: number
  readonly height: number
}

export interface DecodeOptions {
  /** Longest side of what is wanted. Smaller pictures stay as they are. */
  readonly edgePx: number
  readonly profileUse: ProfileUse
  /** Read on over damage that costs libjpeg's bounds on hostile files: only where the file was found harmless. */
  readonly unlimited?: boolean
}

const timeoutSeconds = limits.thumbnailMs / 1000
const thumbHashEdgePx = 100

/** The header alone; no pixel is decoded, so any size may be read here. */
export function readHeader(original: Buffer) {
  return sharp(original, { limitInputPixels: false, failOn: 'none' }).metadata()
}

export async function decode(original: Buffer, options: DecodeOptions): Promise<Pixels> {
  const { edgePx, profileUse, unlimited = false } = options
  const image = sharp(original, {
    limitInputPixels: limits.picturePixels,
    // The lowest level at which a picture that ends early is an error; broken metadata and stray bytes are not.
    failOn: 'truncated',
    autoOrient: true,
    ignoreIcc: profileUse !== 'convert',
    unlimited,
  }).resize({ width: edgePx, height: edgePx, fit: 'inside', withoutEnlargement: true })
  return toPixels(profileUse === 'keep' ? image.keepIccProfile() : image)
}

export async function shrink(pixels: Pixels, edgePx: number): Promise<Pixels> {
  if (Math.max(pixels.width, pixels.height) <= edgePx) return pixels
  return toPixels(sharp(pixels.tiff).resize({ width: edgePx, height: edgePx, fit: 'inside' }).keepIccProfile())
}

export async function encode(pixels: Pixels, spec: RenditionSpec): Promise<Encoded> {
  const image = sharp(pixels.tiff).keepIccProfile().timeout({ seconds: timeoutSeconds })
  const encoder =
    spec.format === 'jpeg'
      ? image.flatten({ background: '#ffffff' }).jpeg({ quality: spec.quality })
      : // Effort 4, the default, takes twice as long for 3 % fewer bytes.
        image.webp({ quality: spec.quality, effort: 2 })
  const { data, info } = await encoder.toBuffer({ resolveWithObject: true })
  return { bytes: data, width: info.width, height: info.height }
}

export async function thumbHash(pixels: Pixels): Promise<Buffer> {
  const small = await shrink(pixels, thumbHashEdgePx)
  const { data, info } = await sharp(small.tiff).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  return Buffer.from(rgbaToThumbHash(info.width, info.height, data))
}

async function toPixels(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .toColourspace('srgb')
    .timeout({ seconds: timeoutSeconds })
    .tiff({ compression: 'none' })
    .toBuffer({ resolveWithObject: true })
  return { tiff: data, width: info.width, height: info.height }
}
