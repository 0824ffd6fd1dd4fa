/** What a look is taken of, made of a file by other means than the worker's. */
import sharp from 'sharp'
import { lookEdgePx } from '../../workers/dedupe/look.js'

export interface Looked {
  width: number
  height: number
  grey: Uint8Array
}

export async function lookAt(file: Buffer): Promise<Looked> {
  const image = sharp(file, { autoOrient: true, ignoreIcc: true })
  const { autoOrient: size } = await image.metadata()
  const shrunk = await image
    .resize({ width: 256, height: 256, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .tiff({ compression: 'none' })
    .toBuffer()
  const grey = await sharp(shrunk)
    .flatten({ background: '#ffffff' })
    .greyscale()
    .resize(lookEdgePx, lookEdgePx, { fit: 'fill' })
    .toColourspace('b-w')
    .raw()
    .toBuffer()
  return { width: size.width, height: size.height, grey }
}
