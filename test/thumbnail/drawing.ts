/** A small picture whose corners tell which way is up: red, green, blue and yellow from the top left, as one reads. */
import { sharp } from '../../workers/thumbnail/picture/sharp.js'

export const corners = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255], yellow: [255, 255, 0] } as const

export function draw(width: number, height: number) {
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isLeft = x < width / 2
      const colour = y < height / 2 ? (isLeft ? corners.red : corners.green) : isLeft ? corners.blue : corners.yellow
      pixels.set(colour, (y * width + x) * 3)
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

/** A picture that doesn't compress to nothing, so that cutting it cuts pixels. The same for the same size. */
export function drawNoise(width: number, height: number) {
  const pixels = Buffer.alloc(width * height * 3)
  let state = 1
  for (let index = 0; index < pixels.length; index++) {
    state = (state * 48_271) % 2_147_483_647
    pixels[index] = state & 255
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

/** For each corner, as one reads, the nearest of the four colours. */
export async function readCorners(bytes: Buffer): Promise<string[]> {
  const image = sharp(bytes).flatten({ background: '#ffffff' }).toColourspace('srgb').raw()
  const { data, info } = await image.toBuffer({ resolveWithObject: true })
  const inset = { x: Math.floor(info.width / 8), y: Math.floor(info.height / 8) }
  const left = inset.x
  const right = info.width - 1 - inset.x
  const top = inset.y
  const bottom = info.height - 1 - inset.y
  const places = [
    [left, top],
    [right, top],
    [left, bottom],
    [right, bottom],
  ] as const
  return places.map(([x, y]) => nearest(data.subarray((y * info.width + x) * info.channels)))
}

function nearest(pixel: Buffer): string {
  const distance = (colour: readonly number[]) =>
    colour.reduce((sum, value, channel) => sum + Math.abs(value - (pixel[channel] ?? 0)), 0)
  const [name, colour] = Object.entries(corners).reduce((a, b) => (distance(b[1]) < distance(a[1]) ? b : a))
  return distance(colour) < 120 ? name : `[${pixel.subarray(0, 3).join(' ')}]`
}

/** For each EXIF orientation the corners of the upright drawing, row by row. */
export const uprightCorners = [
  [1, 'red green blue yellow'],
  [2, 'green red yellow blue'],
  [3, 'yellow blue green red'],
  [4, 'blue yellow red green'],
  [5, 'red blue green yellow'],
  [6, 'blue red yellow green'],
  [7, 'yellow green blue red'],
  [8, 'green yellow red blue'],
] as const
