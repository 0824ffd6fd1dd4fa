/** Goal: whatever is sent, the worker answers `Unreadable` with a plain reason, or a picture; it never fails otherwise. */
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { developPicture } from '../../workers/thumbnail/picture/render.js'
import { sharp } from '../../workers/thumbnail/picture/sharp.js'
import { Unreadable } from '../../workers/thumbnail/unreadable.js'
import { draw, drawNoise } from './drawing.js'
import { pngChunk } from './png-chunk.js'

const render = (original: Buffer) => developPicture(original, { now: new Date() })

async function reasonOf(original: Buffer): Promise<string | undefined> {
  try {
    await render(original)
    return undefined
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    expect(error.reason).toMatch(/^[A-Z0-9][^\n]{10,90}[^.]$/)
    return error.reason
  }
}

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'

test.each([
  ['an empty file', Buffer.alloc(0), 'The file is empty'],
  ['text', Buffer.from('hello'), "The file isn't a picture of a kind that is known here"],
  [
    'HTML',
    Buffer.from(`<!DOCTYPE html><html><body>${svg}</body></html>`),
    "The file isn't a picture of a kind that is known here",
  ],
  ['PDF', Buffer.from('%PDF-1.7\n'), "The file isn't a picture of a kind that is known here"],
  ['SVG', Buffer.from(svg), 'SVG pictures are not rendered'],
  ['SVG with a declaration', Buffer.from(`<?xml version="1.0"?>\n<!-- x -->\n${svg}`), 'SVG pictures are not rendered'],
  [
    'HEIC without a picture',
    Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'),
    "The picture's data is damaged",
  ],
  ['a video', Buffer.from('\0\0\0\x14ftypmp42\0\0\0\0isom', 'latin1'), 'This is a video, not a picture'],
  ['JPEG XL', Buffer.from('\xff\x0a\0\0', 'latin1'), "JPEG XL pictures can't be shown here yet"],
  ['BMP', Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0', 'latin1'), "BMP pictures can't be shown here yet"],
  ['sound', Buffer.from('\0\0\0\x14ftypM4A \0\0\0\0isom', 'latin1'), 'The file is a sound recording, not a picture'],
  ['a JPEG that is only a start', Buffer.from('\xff\xd8\xff\xe0', 'latin1'), 'The file ends too early'],
  ['a bomb', pngClaiming(65_536, 65_536), '65536 × 65536 pixels are more than the limit of 268 megapixels'],
  ['a line without end', pngClaiming(1_000_000, 60), '1000000 × 60 pixels are more than the limit of 65535 a side'],
])('%s', async (_, original, reason) => {
  expect(await reasonOf(original)).toBe(reason)
})

test('SVG that pretends to be a picture reaches no SVG loader', async () => {
  await expect(sharp(Buffer.from(svg)).toBuffer()).rejects.toThrow()
})

test.each([
  ['jpeg', () => drawNoise(200, 160).jpeg()],
  ['progressive jpeg', () => drawNoise(200, 160).jpeg({ progressive: true })],
  ['png', () => drawNoise(200, 160).png()],
  ['webp', () => drawNoise(200, 160).webp()],
  ['lossless webp', () => drawNoise(200, 160).webp({ lossless: true })],
  ['avif', () => drawNoise(200, 160).avif({ effort: 0 })],
  ['gif', () => drawNoise(200, 160).gif()],
  ['tiff', () => drawNoise(200, 160).tiff({ compression: 'deflate' })],
] as const)('a %s that is cut anywhere ends too early', async (_, make) => {
  const whole = await make().toBuffer()
  for (const percent of [5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 98]) {
    const cut = whole.subarray(0, Math.floor((whole.length * percent) / 100))
    expect(await reasonOf(cut), `${percent} %`).toBe('The file ends too early')
  }
})

test('a JPEG that misses some bytes halfway is shown with its flaw', async () => {
  const whole = await drawNoise(400, 400).jpeg().toBuffer()
  const middle = whole.length >> 1
  const { renditions } = await render(Buffer.concat([whole.subarray(0, middle), whole.subarray(middle + 100)]))
  expect(renditions).toHaveLength(2)
}, 10_000)

test('a JPEG with broken metadata is shown', async () => {
  const whole = await draw(80, 60)
    .withExif({ IFD0: { Make: 'Acme' } })
    .jpeg()
    .toBuffer()
  const exif = whole.indexOf('Exif\0\0')
  whole.fill(0xff, exif + 10, exif + 40)
  const { facts, renditions } = await render(whole)
  expect(renditions).toHaveLength(2)
  expect(facts.cameraMake).toBeNull()
})

test('random bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async bytes => {
      expect(await reasonOf(Buffer.from(bytes))).toBeTypeOf('string')
    }),
    { numRuns: 200 },
  )
})

test.each([
  [
    'jpeg',
    () =>
      drawNoise(60, 40)
        .withExif({ IFD0: { Make: 'Acme' } })
        .jpeg(),
  ],
  ['png', () => drawNoise(60, 40).png()],
  ['webp', () => drawNoise(60, 40).webp()],
  ['avif', () => drawNoise(60, 40).avif({ effort: 0 })],
  ['gif', () => drawNoise(60, 40).gif()],
  ['tiff', () => drawNoise(60, 40).tiff()],
] as const)(
  'a %s with random damage is shown or unreadable',
  async (_, make) => {
    const whole = await make().toBuffer()
    const change = fc.record({ at: fc.nat({ max: 2 ** 30 }), byte: fc.nat({ max: 255 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async changes => {
        const damaged = Buffer.from(whole)
        for (const { at, byte } of changes) damaged[at % damaged.length] = byte
        await reasonOf(damaged)
      }),
      { numRuns: 60 },
    )
  },
  30_000,
)

/** A whole PNG (its size aside), as bombs are. */
function pngClaiming(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const chunks = [
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(Buffer.alloc(1000))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks])
}
