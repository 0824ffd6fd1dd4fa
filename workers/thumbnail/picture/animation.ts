/** The moving rendition of a GIF or WebP that moves. */
import { limits } from '../../../src/core/limits.js'
import { animation as spec } from '../../../src/core/renditions.js'
import type { Rendition } from '../developed.js'
import { sharp } from './sharp.js'
import type { Source } from './source.js'

/** undefined for a still, and where less than two frames are sound or small enough: then its stills are all it has. */
export async function animate({ picture, frames, colours, width, height }: Source): Promise<Rendition | undefined> {
  if (!frames || 'samples' in picture) return undefined
  const count = Math.min(frames.count, spec.framesMax, Math.floor(spec.pixelsMax / (width * height)))
  if (count < 2) return undefined
  const image = sharp(picture.file, {
    pages: count,
    limitInputPixels: limits.picturePixels,
    failOn: 'truncated',
    ignoreIcc: colours.use !== 'convert',
  }).resize({ width: spec.edgePx, height: spec.edgePx, fit: 'inside', withoutEnlargement: true })
  const delay = Array.from({ length: count }, (_, index) => frames.delaysMs[index] ?? defaultDelayMs)
  try {
    const { data, info } = await (colours.use === 'keep' ? image.keepIccProfile() : image)
      .webp({ quality: spec.quality, effort: 0, delay, loop: frames.loop })
      .toBuffer({ resolveWithObject: true })
    const { name, mediaType } = spec
    return { name, mediaType, bytes: data, width: info.width, height: info.pageHeight ?? info.height }
  } catch {
    // The first frame was sound, or this would not have been reached: a picture with a flaw later on is still a picture.
    return undefined
  }
}

/** What browsers take for a GIF that doesn't say. */
const defaultDelayMs = 100
