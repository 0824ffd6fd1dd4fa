/** Goal: a camera raw is shown by the largest preview it holds, upright, wherever its maker puts it. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { findRawPreview } from '../../workers/thumbnail/picture/raw-preview.js'
import { developPicture } from '../../workers/thumbnail/picture/render.js'
import { sniff } from '../../workers/thumbnail/sniff.js'
import { Unreadable } from '../../workers/thumbnail/unreadable.js'
import { draw, readCorners, uprightCorners } from './drawing.js'
import { behind, cr3Of, rafOf, tiffOf } from './raw-file.js'

let small: Buffer
let large: Buffer
beforeAll(async () => {
  small = await draw(16, 8).negate().jpeg().toBuffer()
  large = await draw(80, 48).jpeg().toBuffer()
})

const develop = (original: Buffer) => developPicture(original, { now: new Date() })

const shapes = {
  NEF: () =>
    behind(large, (at, size) =>
      tiffOf([
        {
          254: 1,
          256: 160,
          257: 120,
          274: 6,
          330: { directory: { 513: at, 514: size } },
        },
        { 259: 34_713, 256: 6000, 257: 4000 },
      ]),
    ),
  ARW: () => behind(large, (at, size) => tiffOf([{ 254: 1, 274: 6, 330: 8, 513: at, 514: size }])),
  PEF: () => behind(large, (at, size) => tiffOf([{ 259: 65_535, 274: 6 }, {}, { 513: at, 514: size }])),
  DNG: () =>
    behind(large, (at, size) =>
      tiffOf([{ 274: 6, 50706: 0x0401, 330: { directory: { 254: 1, 259: 7, 273: at, 279: size } } }]),
    ),
  CR2: () => behind(large, (at, size) => withCanonMark(tiffOf([{ 259: 6, 273: at, 274: 6, 279: size }]))),
  RW2: () => tiffOf([{ 46: large, 274: 6 }], 'IIU\0'),
  ORF: () => behind(large, (at, size) => olympus(at, size)),
  CR3: () => cr3Of(large, 6),
}

/** Canon's mark stands behind the header; the directory, which is last, moves. */
function withCanonMark(file: Buffer): Buffer {
  const marked = Buffer.concat([file.subarray(0, 8), Buffer.from('CR\x02\0\0\0\0\0', 'latin1'), file.subarray(8)])
  marked.writeUInt32LE(file.readUInt32LE(4) + 8, 4)
  return marked
}

/** Offsets in the maker note count from its own beginning. */
function olympus(at: number, size: number): Buffer {
  const place = (note: Buffer) => tiffOf([{ 274: 6, 34665: { directory: { 37500: { note } } } }], 'IIRO')
  const noteOf = (start: number) => {
    const settings = tiffOf([{ 257: at - start, 258: size }]).subarray(8)
    const main = Buffer.alloc(2 + 12 + 4)
    main.writeUInt16LE(1)
    main.writeUInt16LE(0x2020, 2)
    main.writeUInt16LE(13, 4)
    main.writeUInt32LE(1, 6)
    main.writeUInt32LE(12 + main.length, 10)
    return Buffer.concat([Buffer.from('OLYMPUS\0II\x03\0', 'latin1'), main, settings])
  }
  const start = place(noteOf(at)).indexOf('OLYMPUS')
  return place(noteOf(Math.min(start, at)))
}

describe.each(Object.entries(shapes))('%s', (maker, make) => {
  test('shows its largest preview, turned as the raw says', async () => {
    const original = make()
    expect(sniff(original).sort).toBe('picture')
    const { width, height, renditions } = await develop(original)
    expect([width, height]).toEqual(maker === 'NEF' ? [4000, 6000] : [48, 80])
    for (const { bytes } of renditions) expect((await readCorners(bytes)).join(' ')).toBe('blue red yellow green')
  })

  test('any damage is a preview or none', () => {
    const whole = make()
    const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), fc.nat({ max: whole.length }), (changes, cut) => {
        const damaged = Buffer.from(whole)
        for (const { at, byte } of changes) damaged[at] = byte
        for (const kind of ['raw', 'cr3', 'raf']) {
          const found = findRawPreview(kind, damaged.subarray(0, changes.length % 2 ? cut : whole.length))
          expect(found?.jpeg.length ?? 0).toBeLessThanOrEqual(whole.length)
        }
      }),
    )
  })
})

test.each(uprightCorners)('orientation %i of the raw', async (orientation, upright) => {
  const { renditions, width } = await develop(cr3Of(large, orientation))
  expect(width).toBe(orientation < 5 ? 80 : 48)
  for (const { bytes } of renditions) expect((await readCorners(bytes)).join(' ')).toBe(upright)
})

test('RAF: the preview itself says how it is turned', async () => {
  const { width, height, renditions } = await develop(
    rafOf(await draw(80, 48).withMetadata({ orientation: 6 }).jpeg().toBuffer()),
  )
  expect([width, height]).toEqual([48, 80])
  for (const { bytes } of renditions) expect((await readCorners(bytes)).join(' ')).toBe('blue red yellow green')
})

test('the largest of several is taken', () => {
  const original = behind(Buffer.concat([small, large]), at =>
    tiffOf([
      { 254: 1, 330: 8, 513: at, 514: small.length },
      { 513: at + small.length, 514: large.length },
    ]),
  )
  expect(findRawPreview('raw', original)?.jpeg).toEqual(large)
})

test.each([
  ['none', () => tiffOf([{ 254: 1, 330: 8, 274: 1 }])],
  [
    "only the sensor's lossless JPEG",
    () => {
      const lossless = Buffer.from(large)
      lossless[lossless.indexOf('\xff\xc0', 0, 'latin1') + 1] = 0xc3
      return behind(lossless, (at, size) => tiffOf([{ 50706: 1, 259: 7, 273: at, 279: size }]))
    },
  ],
  ['one whose place is outside of the file', () => tiffOf([{ 50706: 1, 513: 1_000_000, 514: 5_000 }])],
  [
    'directories that go round in circles',
    () => {
      const circle = tiffOf([{ 50706: 1, 330: 8 }, {}])
      circle.writeUInt32LE(circle.readUInt32LE(4), circle.length - 4)
      return circle
    },
  ],
])('%s: no preview', async (_, make) => {
  await expect(develop(make())).rejects.toThrow(new Unreadable('This camera raw holds no preview picture'))
})
