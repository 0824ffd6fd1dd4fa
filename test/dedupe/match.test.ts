/**
 * Goal: an edit of a picture is the same picture; two pictures never are, however alike; and what a camera took within seconds is one
 * moment, not one picture.
 */
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { hashDistance } from '../../workers/dedupe/hash-index.js'
import { lookOf } from '../../workers/dedupe/look.js'
import { compare, type Pictured, picturedOf } from '../../workers/dedupe/match.js'
import { editsOf } from '../bench/dedupe/edits.js'
import { lookAt } from './look-at.js'
import { asJpeg, drawPicture, sceneNames } from './scene.js'

interface Told {
  takenAt?: string
  cameraModel?: string
  burst?: string
}

interface Seen extends Pictured {
  phash: bigint
}

async function see(file: Buffer, { takenAt, cameraModel, burst }: Told = {}): Promise<Seen> {
  const { width, height, grey } = await lookAt(file)
  const look = lookOf(grey)
  if (!look) throw new Error('there is nothing to see in it')
  const told = { takenAt: takenAt ?? null, cameraMake: null, cameraModel: cameraModel ?? null, burst: burst ?? null }
  return { ...picturedOf({ look: look.detail, width, height, ...told }), phash: look.phash }
}

const classOf = (a: Seen, b: Seen) => [
  compare(a, b, hashDistance(a.phash, b.phash)),
  compare(b, a, hashDistance(a.phash, b.phash)),
]

describe.each(['city', 'tulips', 'beacon'] as const)('edits of a picture of a %s', name => {
  let original: Buffer
  beforeAll(async () => {
    original = await asJpeg(await drawPicture(name))
  })

  test('are the same picture', async () => {
    const before = await see(original)
    for await (const { edit, file } of editsOf(original)) {
      expect(classOf(before, await see(file)), edit).toEqual(['same', 'same'])
    }
  })

  test('squeezed into a square it is the same as well', async () => {
    const square = await asJpeg(sharp(original).resize(300, 300, { fit: 'fill' }))
    expect(classOf(await see(original), await see(square))).toEqual(['same', 'same'])
  })

  test('mirrored it is another', async () => {
    const mirrored = await see(await asJpeg(sharp(original).flop()))
    expect(classOf(await see(original), mirrored)).toEqual([undefined, undefined])
  })
})

test('no two scenes are the same picture, nor two pictures of one kind of scene, whatever their hashes', async () => {
  const drawn: { name: string; seen: Seen }[] = []
  for (const name of sceneNames) {
    for (const seed of ['1', '2']) {
      const seen = await see(await asJpeg(await drawPicture(name, { seed, width: 480, height: 360 })))
      drawn.push({ name: `${name} ${seed}`, seen })
    }
  }
  const alike = drawn.flatMap(({ name, seen }, i) =>
    drawn
      .slice(0, i)
      .filter(other => compare(seen, other.seen, 0) !== undefined)
      .map(other => `${name} and ${other.name}`),
  )
  expect(alike).toEqual([])
})

describe('of one moment', () => {
  const at = (second: string) => ({ takenAt: `2025-06-01T12:00:${second}`, cameraModel: 'Fernweh 3' })
  const frames: Buffer[] = []
  beforeAll(async () => {
    const wide = await asJpeg(await drawPicture('harbour', { width: 1200, height: 900 }), 98)
    // A hand that isn't still.
    for (const [left, top] of [
      [40, 40],
      [52, 34],
      [46, 49],
    ] as const) {
      frames.push(await asJpeg(sharp(wide).extract({ left, top, width: 1000, height: 750 })))
    }
  })
  const frame = (i: number, told: Told = {}) => see(frames[i] as Buffer, told)

  test('frames of a burst are similar, not the same', async () => {
    expect(classOf(await frame(0, at('10')), await frame(1, at('11')))).toEqual(['similar', 'similar'])
    expect(classOf(await frame(0, at('10')), await frame(2, at('10')))).toEqual(['similar', 'similar'])
  })

  test('a re-encoded copy is the same as its original, and so is one whose clock was set right', async () => {
    const copy = await asJpeg(sharp(frames[0]), 60)
    expect(classOf(await frame(0, at('10')), await see(copy, at('10')))).toEqual(['same', 'same'])
    expect(classOf(await frame(0, at('10')), await see(copy, { takenAt: '2025-06-01T14:00:10' }))).toEqual([
      'same',
      'same',
    ])
  })

  test('what was cropped is only similar when the camera says that it was taken a second later', async () => {
    const crop = { left: 30, top: 22, width: 940, height: 706 }
    const cropped = await asJpeg(sharp(frames[0]).extract(crop))
    expect(classOf(await frame(0, at('10')), await see(cropped, at('10')))).toEqual(['same', 'same'])
    expect(classOf(await frame(0, at('10')), await see(cropped, at('11')))).toEqual(['similar', 'similar'])
  })

  test.each([
    ['six seconds apart', at('10'), at('16')],
    ['of two cameras', at('10'), { ...at('10'), cameraModel: 'M-12' }],
    ['of an unknown time', at('10'), {}],
  ])('frames %s have nothing to do with each other', async (_, one, other) => {
    expect(classOf(await frame(0, one), await frame(1, other))).toEqual([undefined, undefined])
  })

  test('frames of a long burst are, though they are far apart', async () => {
    const burst = { burst: 'B1' }
    expect(classOf(await frame(0, { ...at('10'), ...burst }), await frame(1, { ...at('40'), ...burst }))).toEqual([
      'similar',
      'similar',
    ])
  })

  test('two pictures of other things are not, taken in the same second', async () => {
    const other = await see(await asJpeg(await drawPicture('balloons', { width: 1000, height: 750 })), at('10'))
    expect(classOf(await frame(0, at('10')), other)).toEqual([undefined, undefined])
  })
})
