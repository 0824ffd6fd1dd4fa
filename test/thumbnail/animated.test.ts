/** Goal: a picture that moves has a moving rendition besides its stills, bounded whatever the file claims; others have none. */
import { describe, expect, test } from 'vitest'
import { animation, renditions as specs } from '../../src/core/renditions.js'
import type { Rendition } from '../../workers/thumbnail/developed.js'
import { animate } from '../../workers/thumbnail/picture/animation.js'
import { developPicture } from '../../workers/thumbnail/picture/render.js'
import { sharp } from '../../workers/thumbnail/picture/sharp.js'
import { draw, readCorners } from './drawing.js'
import { pngChunk } from './png-chunk.js'

const develop = (original: Buffer) => developPicture(original, { now: new Date() })

async function drawMoving(width: number, height: number, count: number) {
  const [even, odd] = await Promise.all(
    [draw(width, height), draw(width, height).negate()].map(i => i.raw().toBuffer()),
  )
  const frames = Array.from({ length: count }, (_, index) => (index % 2 ? odd : even) ?? Buffer.alloc(0))
  return sharp(Buffer.concat(frames), { raw: { width, height: height * count, channels: 3, pageHeight: height } })
}

describe.each(['gif', 'webp'] as const)('%s', format => {
  test('moves as the original does; its stills are the first frame', async () => {
    const moving = await drawMoving(60, 40, 3)
    const original = await moving[format]({ delay: [50, 70, 90], loop: 2 }).toBuffer()
    const { width, height, renditions } = await develop(original)
    expect([width, height]).toEqual([60, 40])
    expect(renditions.map(({ name }) => name)).toEqual([...specs, animation].map(({ name }) => name))
    const [jpeg, webp, animated] = renditions as [Rendition, Rendition, Rendition]
    for (const { bytes } of [jpeg, webp]) {
      expect((await sharp(bytes).metadata()).pages ?? 1).toBe(1)
      expect((await readCorners(bytes)).join(' ')).toBe('red green blue yellow')
    }
    expect(animated).toMatchObject({ mediaType: 'image/webp', width: 60, height: 40 })
    expect(await sharp(animated.bytes).metadata()).toMatchObject({
      format: 'webp',
      pages: 3,
      delay: [50, 70, 90],
      loop: 2,
    })
    expect((await readCorners(animated.bytes)).join(' ')).toBe('red green blue yellow')
    const second = await sharp(animated.bytes, { page: 1 }).png().toBuffer()
    expect((await readCorners(await sharp(second).negate({ alpha: false }).png().toBuffer())).join(' ')).toBe(
      'red green blue yellow',
    )
  })

  test('a large one is shrunk', async () => {
    const moving = await drawMoving(1000, 500, 2)
    const { renditions } = await develop(await moving[format]().toBuffer())
    expect(renditions[2]).toMatchObject({ name: animation.name, width: 480, height: 240 })
    expect(await sharp(renditions[2]?.bytes).metadata()).toMatchObject({ width: 480, height: 240, pages: 2 })
  })

  test('one frame does not move', async () => {
    const { renditions } = await develop(await draw(40, 40)[format]().toBuffer())
    expect(renditions).toHaveLength(specs.length)
  })

  test('only so many frames are kept', async () => {
    const moving = await drawMoving(4, 4, animation.framesMax + 5)
    const { renditions } = await develop(await moving[format]().toBuffer())
    expect((await sharp(renditions[2]?.bytes).metadata()).pages).toBe(animation.framesMax)
  })
})

test('cut after its first frame, it has its stills', async () => {
  const whole = await (await drawMoving(200, 200, 4)).gif().toBuffer()
  const { renditions } = await develop(whole.subarray(0, whole.length - 100))
  expect(renditions.slice(0, 2)).toHaveLength(2)
  expect((await readCorners(renditions[0]?.bytes ?? Buffer.alloc(0))).join(' ')).toBe('red green blue yellow')
})

test('frames that are too large together are fewer, or none', async () => {
  const file = await (await drawMoving(40, 40, 4)).gif().toBuffer()
  const claiming = (width: number, height: number) =>
    animate({
      picture: { file },
      width,
      height,
      orientation: undefined,
      colours: { use: 'plain', icc: undefined },
      frames: { count: 4, delaysMs: [], loop: 0 },
    })
  expect(await claiming(10_000, 6_000)).toBeUndefined()
  expect((await sharp((await claiming(6_000, 6_000))?.bytes).metadata()).pages).toBe(2)
})

test('an APNG is its first frame', async () => {
  const png = await draw(40, 40).png().toBuffer()
  const [header, data] = [png.indexOf('IHDR') - 4, png.indexOf('IDAT') - 4]
  const control = (sequence: number) => {
    const content = Buffer.alloc(26)
    for (const [index, value] of [sequence, 40, 40].entries()) content.writeUInt32BE(value, index * 4)
    return pngChunk('fcTL', content)
  }
  const end = png.length - 12
  const second = Buffer.concat([Buffer.from([0, 0, 0, 2]), png.subarray(data + 8, end - 4)])
  const apng = Buffer.concat([
    png.subarray(0, header + 25),
    pngChunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])),
    png.subarray(header + 25, data),
    control(0),
    png.subarray(data, end),
    control(1),
    pngChunk('fdAT', second),
    png.subarray(end),
  ])
  const { renditions } = await develop(apng)
  expect(renditions).toHaveLength(specs.length)
  for (const { bytes } of renditions) expect((await readCorners(bytes)).join(' ')).toBe('red green blue yellow')
})
