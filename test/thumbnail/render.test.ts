/** Goal: every kind of picture that phones and their apps write becomes upright renditions that give nothing away. */
import { thumbHashToApproximateAspectRatio } from 'thumbhash'
import { describe, expect, test } from 'vitest'
import { renditions as specs } from '../../src/core/renditions.js'
import type { Developed } from '../../workers/thumbnail/developed.js'
import { averageGrey, averageRgba } from '../../workers/thumbnail/picture/average.js'
import { developPicture } from '../../workers/thumbnail/picture/render.js'
import { type Sharp, sharp } from '../../workers/thumbnail/picture/sharp.js'
import { draw, drawNoise, readCorners, uprightCorners } from './drawing.js'

const now = new Date('2026-01-01T00:00:00Z')
const render = (original: Buffer) => developPicture(original, { now })

function sizes(rendered: Developed) {
  return Object.fromEntries(rendered.renditions.map(({ name, width, height }) => [name, [width, height]]))
}

const encoders = {
  jpeg: (image: Sharp) => image.jpeg(),
  png: (image: Sharp) => image.png(),
  webp: (image: Sharp) => image.webp(),
  avif: (image: Sharp) => image.avif({ effort: 0 }),
  tiff: (image: Sharp) => image.tiff(),
}

describe.each(Object.entries(encoders))('%s', (format, encode) => {
  // The drawing is stored as it is and the tag says how to turn it; so what is upright differs for each orientation.
  test.each(uprightCorners)('orientation %i comes out upright', async (orientation, upright) => {
    const original = await encode(draw(80, 48).withMetadata({ orientation })).toBuffer()
    const rendered = await render(original)
    const size = orientation < 5 ? [80, 48] : [48, 80]
    expect([rendered.width, rendered.height]).toEqual(size)
    expect(rendered.mediaType).toBe(`image/${format}`)
    for (const { bytes, width, height } of rendered.renditions) {
      expect([width, height]).toEqual(size)
      expect((await readCorners(bytes)).join(' ')).toBe(upright)
      expect((await sharp(bytes).metadata()).orientation).toBeUndefined()
    }
    expect(Math.sign(Math.log(thumbHashToApproximateAspectRatio(rendered.thumbhash ?? Buffer.alloc(0))))).toBe(
      orientation < 5 ? 1 : -1,
    )
  })

  test('nothing of the metadata is left in a rendition', async () => {
    const image = draw(80, 48)
      .withExif({
        IFD0: { Make: 'SecretMake', Artist: 'SecretArtist' },
        IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 31/1 12/1' },
      })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret>SecretXmp</secret></x:xmpmeta>')
    const original = await encode(image).toBuffer()
    expect(original.includes('Secret')).toBe(true)
    for (const { bytes } of (await render(original)).renditions) {
      const { exif, xmp, iptc, comments } = await sharp(bytes).metadata()
      expect({ exif, xmp, iptc, comments }).toEqual({})
      for (const mark of ['Secret', 'Exif', 'EXIF', 'xmp', 'GPS']) expect(bytes.includes(mark)).toBe(false)
    }
  })
})

describe('sizes', () => {
  test.each([
    ['a large picture', 3000, 2000, [1440, 960], [256, 171]],
    ['between the two', 1000, 1000, [1000, 1000], [256, 256]],
    ['smaller than both: never enlarged', 40, 30, [40, 30], [40, 30]],
    ['one pixel', 1, 1, [1, 1], [1, 1]],
    ['a line', 10_000, 10, [1440, 1], [256, 1]],
    ['an upright line', 3, 9_000, [1, 1440], [1, 256]],
  ])('%s', async (_, width, height, large, small) => {
    const rendered = await render(await draw(width, height).jpeg().toBuffer())
    expect(sizes(rendered)).toEqual({ '1440.jpg': large, '256.webp': small })
    expect([rendered.width, rendered.height]).toEqual([width, height])
    expect(rendered.thumbhash?.length).toBeGreaterThan(4)
  })

  test('each rendition is what core/renditions.ts says', async () => {
    const { renditions } = await render(await drawNoise(300, 300).jpeg().toBuffer())
    expect(renditions.map(({ name, mediaType }) => [name, mediaType])).toEqual(
      specs.map(({ name, mediaType }) => [name, mediaType]),
    )
    for (const [index, { bytes, width, height }] of renditions.entries()) {
      expect(await sharp(bytes).metadata()).toMatchObject({ format: specs[index]?.format, width, height })
    }
  })

  test('the same bytes give the same renditions', async () => {
    const original = await drawNoise(500, 400).jpeg().toBuffer()
    const [first, second] = await Promise.all([render(original), render(original)])
    expect(first).toEqual(second)
  })
})

describe('pixels of every kind', () => {
  const drawing = draw(64, 64)
  const upright = 'red green blue yellow'

  test.each([
    ['palette PNG', () => drawing.clone().png({ palette: true, colours: 4 })],
    ['interlaced PNG', () => drawing.clone().png({ progressive: true })],
    ['16-bit PNG', () => drawing.clone().toColourspace('rgb16').png()],
    ['progressive JPEG', () => drawing.clone().jpeg({ progressive: true })],
    ['CMYK JPEG', () => drawing.clone().toColourspace('cmyk').withIccProfile('cmyk').jpeg()],
    ['lossless WebP', () => drawing.clone().webp({ lossless: true })],
    ['GIF', () => drawing.clone().gif()],
    ['16-bit LZW TIFF', () => drawing.clone().toColourspace('rgb16').tiff({ compression: 'lzw' })],
    ['10-bit AVIF', () => drawing.clone().avif({ bitdepth: 10, effort: 0 })],
    ['tiled, compressed TIFF', () => drawing.clone().tiff({ compression: 'deflate', tile: true, tileWidth: 16 })],
  ])('%s', async (name, make) => {
    const { renditions } = await render(await make().toBuffer())
    for (const { bytes } of renditions) {
      // No ink is as green or as blue as a screen: there it is enough that no corner is another's colour.
      if (name === 'CMYK JPEG') expect(new Set(await readCorners(bytes)).size).toBe(4)
      else expect((await readCorners(bytes)).join(' ')).toBe(upright)
    }
  })

  test('grey, in 8 and 16 bits, with a line of transparency', async () => {
    for (const space of ['b-w', 'grey16']) {
      const original = await draw(64, 64).ensureAlpha(0.5).toColourspace(space).png().toBuffer()
      const { renditions } = await render(original)
      expect(renditions.map(({ width }) => width)).toEqual([64, 64])
    }
  })

  test('what is transparent is white in a JPEG and stays transparent in a WebP', async () => {
    const clear = sharp({
      create: { width: 40, height: 40, channels: 4, background: { r: 200, g: 0, b: 0, alpha: 0 } },
    })
    const { renditions } = await render(await clear.png().toBuffer())
    const [jpeg, webp] = await Promise.all(renditions.map(({ bytes }) => sharp(bytes).raw().toBuffer()))
    expect(jpeg?.subarray(0, 3)).toEqual(Buffer.from([255, 255, 255]))
    expect(webp?.length).toBe(40 * 40 * 4)
    expect(webp?.[3]).toBe(0)
  })
})

describe('small versions for hashes', () => {
  const samples = async (width: number, height: number) =>
    ({ samples: await draw(width, height).raw().toBuffer(), width, height, channels: 3 }) as const

  test('shrunk, each pixel is the mean of what it covers', async () => {
    const four = averageRgba(await samples(50, 30), 2, 2)
    expect([...four]).toEqual([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 0, 255])
    const one = averageRgba(await samples(50, 30), 1, 1)
    expect([...one]).toEqual([128, 128, 64, 255])
    // The middle third is half of the left and half of the right.
    expect([...averageRgba(await samples(6, 6), 3, 3).subarray(4, 7)]).toEqual([128, 128, 0])
  })

  test('enlarged, nothing is invented', async () => {
    const large = averageRgba(await samples(2, 2), 32, 32)
    expect(
      new Set(Array.from({ length: 1024 }, (_, index) => large.toString('hex', index * 4, index * 4 + 4))),
    ).toEqual(new Set(['ff0000ff', '00ff00ff', '0000ffff', 'ffff00ff']))
  })

  test('what is transparent has no colour, and is white in grey', () => {
    const samples = Buffer.from([255, 0, 0, 0, 0, 0, 255, 255])
    const picture = { samples, width: 2, height: 1, channels: 4 } as const
    expect([...averageRgba(picture, 1, 1)]).toEqual([0, 0, 255, 128])
    expect([...averageGrey(picture, 2, 1)]).toEqual([255, 18])
    expect([...averageGrey({ samples: Buffer.from([40, 255]), width: 1, height: 1, channels: 2 }, 1, 1)]).toEqual([40])
  })
})
