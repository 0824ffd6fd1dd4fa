/**
 * The steps from an original to renditions: read its header, decode it once, shrink, encode. Between the steps a picture
 * is `Pixels`: 8-bit samples, upright, with no metadata but a colour profile that it keeps.
 *
 * Rejects with whatever sharp says; the caller knows what that means for the photo.
 */
import { rgbaToThumbHash } from 'thumbhash'
import { limits } from '../../../src/core/limits.js'
import type { RenditionSpec } from '../../../src/core/renditions.js'
import { lookEdgePx } from '../../dedupe/look.js'
import { addProfile } from './add-profile.js'
import { asTiff, type Samples } from './as-tiff.js'
import { averageGrey, averageRgba } from './average.js'
import { type Sharp, type SharpOptions, sharp } from './sharp.js'
import type { Source } from './source.js'

export interface Pixels extends Samples {
  /** Whose numbers the samples are; undefined for sRGB. */
  readonly profile: Buffer | undefined
}

export interface Encoded {
  readonly bytes: Buffer
  readonly width: number
  readonly height: number
}

/** The header alone; no pixel is decoded, so any size may be read here. */
export function readHeader(original: Buffer) {
  return sharp(original, { limitInputPixels: false, failOn: 'none' }).metadata()
}

export interface DecodeOptions {
  /** Longest side of what is wanted. Smaller pictures stay as they are. */
  readonly edgePx: number
  /** Read on over damage that costs libjpeg's bounds on hostile files: only where the file was found harmless. */
  readonly unlimited?: boolean
}

export async function decode(source: Source, { edgePx, unlimited = false }: DecodeOptions): Promise<Pixels> {
  const { colours } = source
  const image = open(source, { unlimited }).resize({
    width: edgePx,
    height: edgePx,
    fit: 'inside',
    withoutEnlargement: true,
  })
  return await toPixels(image.toColourspace('srgb'), colours.use === 'keep' ? colours.icc : undefined)
}

function open(source: Source, { unlimited }: { unlimited: boolean }): Sharp {
  const { colours, picture, orientation } = source
  const options = {
    limitInputPixels: limits.picturePixels,
    // The lowest level at which a picture that ends early is an error; broken metadata and stray bytes are not.
    failOn: 'truncated',
    ignoreIcc: colours.use !== 'convert',
    unlimited,
  } as const satisfies SharpOptions
  if ('samples' in picture) {
    if (colours.use === 'convert' && colours.icc) return sharp(asTiff(picture, colours.icc), options)
    return fromSamples(picture)
  }
  if (orientation === undefined) return sharp(picture.file, { ...options, autoOrient: true })
  const turned = sharp(picture.file, options).rotate(degreesClockwise[orientation] ?? 0)
  return turned.flip(orientation === 4).flop(orientation === 2 || orientation === 5 || orientation === 7)
}

/** Of EXIF's orientations 1–8; 2, 4, 5 and 7 are mirrored before. */
const degreesClockwise = [0, 0, 0, 180, 0, 270, 90, 90, 270]

function fromSamples({ samples, width, height, channels }: Samples): Sharp {
  return sharp(samples, { raw: { width, height, channels } })
}

export async function shrink(pixels: Pixels, edgePx: number): Promise<Pixels> {
  if (Math.max(pixels.width, pixels.height) <= edgePx) return pixels
  return toPixels(fromSamples(pixels).resize({ width: edgePx, height: edgePx, fit: 'inside' }), pixels.profile)
}

export async function encode(pixels: Pixels, spec: RenditionSpec): Promise<Encoded> {
  const image = fromSamples(pixels)
  const encoder =
    spec.format === 'jpeg'
      ? // Fitting the code tables to the picture takes twice the time of the rest, for 1–3 % fewer bytes.
        image.flatten({ background: '#ffffff' }).jpeg({ quality: spec.quality, optimiseCoding: false })
      : // Effort 4, the default, takes twice as long for 3 % fewer bytes.
        image.webp({ quality: spec.quality, effort: 2 })
  const { data, info } = await encoder.toBuffer({ resolveWithObject: true })
  const bytes = pixels.profile ? addProfile(data, pixels.profile, spec) : data
  return { bytes, width: info.width, height: info.height }
}

const thumbHashEdgePx = 32

export function thumbHash(pixels: Pixels): Buffer {
  const scale = Math.min(1, thumbHashEdgePx / Math.max(pixels.width, pixels.height))
  const width = Math.max(1, Math.round(pixels.width * scale))
  const height = Math.max(1, Math.round(pixels.height * scale))
  return Buffer.from(rgbaToThumbHash(width, height, averageRgba(pixels, width, height)))
}

/** What looks are made of: 32 × 32 luminances, row by row, whatever the picture's shape. */
export function luminances(pixels: Pixels): Uint8Array {
  return averageGrey(pixels, lookEdgePx, lookEdgePx)
}

async function toPixels(image: Sharp, profile: Buffer | undefined): Promise<Pixels> {
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  return { samples: data, width, height, channels: channels as Pixels['channels'], profile }
}
