/**
 * What of an original is decoded, and how: a file as sharp reads it, the preview inside of a camera raw, or the samples of a HEIC
 * that libheif has decoded. Sizes are checked before anything is decoded.
 */
import { limits } from '../../../src/core/limits.js'
import type { Kind } from '../sniff.js'
import { Unreadable } from '../unreadable.js'
import type { Samples } from './as-tiff.js'
import { type ProfileUse, profileUse } from './colour.js'
import { displayP3, namesDisplayP3, p3Primaries } from './display-p3.js'
import { decodeHeic } from './heic.js'
import { readHeader } from './pixels.js'
import { findRawPreview } from './raw-preview.js'

export interface Source {
  readonly picture: { readonly file: Buffer } | Samples
  /** Of the original, upright. */
  readonly width: number
  readonly height: number
  /** How to turn it; undefined when the file itself says, or when the samples are upright already. */
  readonly orientation: number | undefined
  readonly colours: { readonly use: ProfileUse; readonly icc: Buffer | undefined }
  readonly frames: Frames | undefined
}

/** Of a picture that moves. */
export interface Frames {
  readonly count: number
  /** Milliseconds each; fewer where the file doesn't say. */
  readonly delaysMs: readonly number[]
  /** How often it is shown; 0 is for ever. */
  readonly loop: number
}

/** Rejects with Unreadable where the sizes or the kind make it so; with whatever a decoder says where the file is broken. */
export function openSource(kind: Kind, original: Buffer): Promise<Source> {
  if (kind.name === 'heic' || kind.name === 'heif') return openHeic(original)
  if (rawNames.includes(kind.name)) return openRaw(kind, original)
  return openFile(kind, original)
}

const rawNames = ['dng', 'cr2', 'cr3', 'raf', 'orf', 'rw2', 'raw']

async function openFile({ name }: Pick<Kind, 'name'>, file: Buffer): Promise<Source> {
  const header = await readHeader(file)
  const { width, height } = header.autoOrient
  const isWhole = name === 'avif' || name === 'webp' || name === 'gif' || header.isProgressive === true
  assertPixels(width, height, isWhole ? wholePixelsMax : limits.picturePixels)
  const icc = header.icc ?? (name === 'avif' && namesDisplayP3(file) ? await displayP3() : undefined)
  // Frames can't be turned; a WebP that moves and lies on its side has been seen nowhere.
  const mayMove = (name === 'gif' || name === 'webp') && (header.orientation ?? 1) === 1
  const count = mayMove ? (header.pages ?? 1) : 1
  return {
    picture: { file },
    width,
    height,
    orientation: undefined,
    colours: { use: profileUse({ space: header.space, icc }), icc },
    frames: count < 2 ? undefined : { count, delaysMs: header.delay ?? [], loop: header.loop ?? 0 },
  }
}

async function openRaw(kind: Kind, original: Buffer): Promise<Source> {
  const preview = findRawPreview(kind.name, original)
  if (!preview) throw new Unreadable('This camera raw holds no preview picture')
  const source = await openFile({ name: 'jpeg' }, preview.jpeg)
  const { orientation } = preview
  if (orientation === undefined) return source
  const { width, height } = preview
  return { ...source, ...(orientation < 5 ? { width, height } : { width: height, height: width }), orientation }
}

async function openHeic(original: Buffer): Promise<Source> {
  const { samples, width, height, channels, icc, primaries } = await decodeHeic(original)
  const profile = icc ? Buffer.from(icc) : primaries === p3Primaries ? await displayP3() : undefined
  return {
    picture: { samples: Buffer.from(samples.buffer), width, height, channels },
    width,
    height,
    orientation: undefined,
    colours: { use: profileUse({ space: 'srgb', icc: profile }), icc: profile },
    frames: undefined,
  }
}

/** Of pictures that have to be in memory whole, four bytes a pixel, before the first line of them is there: no camera gives more. */
const wholePixelsMax = 110_000_000

/** The longest side that a JPEG can have. Four million columns by sixty rows are few pixels, yet took 2.6 GB to shrink. */
const edgePxMax = 65_535

function assertPixels(width: number, height: number, pixelsMax: number): void {
  const megapixelsMax = Math.floor(pixelsMax / 1e6)
  if (width * height > pixelsMax) {
    throw new Unreadable(`${width} × ${height} pixels are more than the limit of ${megapixelsMax} megapixels`)
  }
  if (Math.max(width, height) > edgePxMax) {
    throw new Unreadable(`${width} × ${height} pixels are more than the limit of ${edgePxMax} a side`)
  }
}
