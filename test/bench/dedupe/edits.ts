/** What people and their apps do to a picture that stays the same picture: each edit by its name, as an encoded file. */
import sharp, { type OutputInfo, type Sharp } from 'sharp'

export interface Edited {
  edit: string
  file: Buffer
}

type Edit = (upright: Sharp, size: Size) => Sharp

interface Size {
  width: number
  height: number
}

const crop =
  (share: number): Edit =>
  (picture, { width, height }) => {
    const [left, top] = [Math.round(width * share), Math.round(height * share)]
    return picture.extract({ left, top, width: width - 2 * left, height: height - 2 * top })
  }

/** All of them are without metadata, too. */
const edits: Readonly<Record<string, Edit>> = {
  'encoded anew, quality 30': picture => picture.jpeg({ quality: 30 }),
  'half its size': (picture, { width }) => picture.resize({ width: Math.round(width / 2) }).jpeg({ quality: 90 }),
  'a messenger’s copy': picture =>
    picture.resize({ width: 1600, height: 1600, fit: 'inside', withoutEnlargement: true }).jpeg({ quality: 70 }),
  'brighter by 20 %': picture => picture.modulate({ brightness: 1.2 }).jpeg({ quality: 90 }),
  'darker by 20 %': picture => picture.modulate({ brightness: 0.8 }).jpeg({ quality: 90 }),
  grey: picture => picture.greyscale().jpeg({ quality: 90 }),
  'cropped by 3 %': (picture, size) => crop(0.015)(picture, size).jpeg({ quality: 90 }),
  'cropped by 3 % on each side': (picture, size) => crop(0.03)(picture, size).jpeg({ quality: 90 }),
  'as WebP': picture => picture.webp({ quality: 75, effort: 0 }),
  'as PNG': picture => picture.png({ compressionLevel: 1 }),
  'without metadata': picture => picture.jpeg({ quality: 92 }),
}

export async function* editsOf(original: Buffer): AsyncGenerator<Edited> {
  const { data, info } = await decode(original)
  for (const [edit, make] of Object.entries(edits)) {
    yield { edit, file: await make(sharp(data, { raw: info }), info).toBuffer() }
  }
}

/** Other pictures: the quarters of this one, of the same light and the same things. */
export async function quartersOf(original: Buffer): Promise<Buffer[]> {
  const { data, info } = await decode(original)
  const [width, height] = [Math.floor(info.width / 2), Math.floor(info.height / 2)]
  const quarters: Buffer[] = []
  for (const [left, top] of [
    [0, 0],
    [width, 0],
    [0, height],
    [width, height],
  ] as const) {
    const quarter = sharp(data, { raw: info }).extract({ left, top, width, height })
    quarters.push(await quarter.jpeg({ quality: 90 }).toBuffer())
  }
  return quarters
}

/** Upright samples. */
function decode(original: Buffer): Promise<{ data: Buffer; info: OutputInfo }> {
  return sharp(original, { autoOrient: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
}
