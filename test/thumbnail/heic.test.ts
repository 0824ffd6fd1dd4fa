/** Goal: HEIC, which only libheif decodes, comes out upright and in its own colours, and its broken files do no harm. */
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { decodeHeic, HeicBroke } from '../../workers/thumbnail/picture/heic.js'
import { developPicture } from '../../workers/thumbnail/picture/render.js'
import { sharp } from '../../workers/thumbnail/picture/sharp.js'
import { Unreadable } from '../../workers/thumbnail/unreadable.js'
import { draw, readCorners } from './drawing.js'
import { heicClaiming, heicFile, heicWith, mirrored, named, profiled, rotated } from './heic-file.js'

const develop = (original: Buffer) => developPicture(original, { now: new Date() })

async function reasonOf(original: Buffer): Promise<string | undefined> {
  try {
    await develop(original)
    return undefined
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return error.reason
  }
}

test.each([
  ['as it is', [], 'red green blue yellow'],
  ['a quarter anticlockwise', [rotated(1)], 'green yellow red blue'],
  ['upside down', [rotated(2)], 'yellow blue green red'],
  ['a quarter clockwise', [rotated(3)], 'blue red yellow green'],
  ['mirrored', [mirrored(1)], 'green red yellow blue'],
  ['turned and mirrored', [rotated(1), mirrored(1)], 'yellow green blue red'],
])('%s', async (_, properties, upright) => {
  const developed = await develop(heicWith(...properties))
  const isTurned = upright.startsWith('green yellow') || upright.startsWith('blue red') || properties.length === 2
  const size = isTurned ? [64, 96] : [96, 64]
  expect([developed.width, developed.height]).toEqual(size)
  expect(developed.mediaType).toBe('image/heic')
  expect(developed.thumbhash?.length).toBeGreaterThan(4)
  for (const { bytes, width, height } of developed.renditions) {
    expect([width, height]).toEqual(size)
    expect((await readCorners(bytes)).join(' ')).toBe(upright)
  }
})

test('an orientation in its EXIF is not applied a second time', async () => {
  // It stands in an item of its own, which nothing refers to here; libheif has turned the picture by then.
  const { renditions } = await develop(Buffer.concat([heicWith(rotated(3)), Buffer.from('\0\0\0\x10freeExif\0\0\0\0')]))
  expect((await readCorners(renditions[0]?.bytes ?? Buffer.alloc(0))).join(' ')).toBe('blue red yellow green')
})

test.each([
  ['no colours are named', () => heicFile(), false],
  ['sRGB is named', () => heicWith(named(1)), false],
  ['Display P3 is named', () => heicWith(named(12)), true],
])('where %s', async (_, make, hasProfile) => {
  for (const { bytes } of (await develop(make())).renditions) {
    expect((await sharp(bytes).metadata()).icc !== undefined).toBe(hasProfile)
    // Its numbers are the same in any case: only what they mean differs.
    expect(await firstPixel(bytes)).toEqual([expect.closeTo(255, -1), expect.closeTo(0, -1), expect.closeTo(0, -1)])
  }
})

test('a profile goes with every rendition', async () => {
  const { icc } = await sharp(await draw(8, 8).withIccProfile('p3').png().toBuffer()).metadata()
  if (!icc) throw new Error('no profile was drawn')
  const { renditions } = await develop(heicWith(profiled(icc)))
  expect(renditions).toHaveLength(2)
  for (const { bytes } of renditions) expect((await sharp(bytes).metadata()).icc).toEqual(icc)
})

async function firstPixel(bytes: Buffer): Promise<number[]> {
  return [...(await sharp(bytes, { ignoreIcc: true }).raw().toBuffer()).subarray(0, 3)]
}

test('too many pixels are refused before any is decoded', async () => {
  expect(await reasonOf(heicClaiming(16_320, 12_240))).toBe(
    '16320 × 12240 pixels are more than the limit of 64 megapixels for HEIC',
  )
})

test('a picture that is another size than it says is damaged', async () => {
  expect(await reasonOf(heicClaiming(128, 100))).toBe("The picture's data is damaged")
})

test.each([10, 30, 60, 90, 98])('cut at %i %% it ends too early', async percent => {
  const whole = heicFile()
  expect(await reasonOf(whole.subarray(0, Math.floor((whole.length * percent) / 100)))).toBe('The file ends too early')
})

test('random damage is shown or unreadable, and the next picture is sound', async () => {
  const whole = heicFile()
  const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async changes => {
      const damaged = Buffer.from(whole)
      for (const { at, byte } of changes) if (at > 12) damaged[at] = byte
      await reasonOf(damaged)
    }),
    { numRuns: 30 },
  )
  expect(await reasonOf(whole)).toBeUndefined()
}, 60_000)

test('pictures that are asked for at once are decoded one by one', async () => {
  const originals = [heicFile(), heicClaiming(128, 100), heicWith(rotated(1)), heicFile()]
  const outcomes = await Promise.allSettled(originals.map(original => decodeHeic(original)))
  const sizes = outcomes.map(outcome => (outcome.status === 'fulfilled' ? outcome.value.width : undefined))
  expect(sizes).toEqual([96, undefined, 64, 96])
})

test('a thread that ends under a picture says nothing of the picture', async () => {
  const post = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker) {
    void this.terminate()
  })
  try {
    await expect(develop(heicFile())).rejects.toThrow(HeicBroke)
  } finally {
    post.mockRestore()
  }
  await develop(heicFile())
})
