/** Goal: the moving half of a motion photo is found where each maker puts it, exactly, and nowhere else. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readMovie } from '../../workers/thumbnail/facts/moov.js'
import { findMotion } from '../../workers/thumbnail/facts/motion.js'
import { readFacts } from '../../workers/thumbnail/facts/photo-facts.js'
import { readXmp } from '../../workers/thumbnail/facts/xmp.js'
import { box, film, jpegOf, tiffBlock, xmpPacket } from './facts-bytes.js'

const now = new Date('2026-01-01T00:00:00Z')
const video = film()

interface Item {
  semantic: string
  length?: number
  padding?: number
}

function directory(items: readonly Item[]): string {
  const li = items.map(({ semantic, length, padding }) => {
    const written = [
      'Item:Mime="x/y"',
      `Item:Semantic="${semantic}"`,
      length === undefined ? '' : `Item:Length="${length}"`,
      padding === undefined ? '' : `Item:Padding="${padding}"`,
    ]
    return `<rdf:li rdf:parseType="Resource"><Container:Item ${written.join(' ')}/></rdf:li>`
  })
  return `<Container:Directory><rdf:Seq>${li.join('')}</rdf:Seq></Container:Directory>`
}

const google = (items: readonly Item[], attributes: Record<string, string | number> = {}) =>
  jpegOf({ xmp: xmpPacket({ 'GCamera:MotionPhoto': 1, ...attributes }, directory(items)) })

const primary: Item = { semantic: 'Primary', length: 0, padding: 0 }
const motionOf = (file: Buffer) => readFacts(file, { now }).motion

/** Named blocks and their directory, as Samsung's phones append them. */
function samsungTrailer(blocks: readonly (readonly [type: number, name: string, content: Buffer])[]): Buffer {
  const written = blocks.map(([type, name, content]) => {
    const head = Buffer.alloc(8)
    head.writeUInt16LE(type, 2)
    head.writeUInt32LE(name.length, 4)
    return Buffer.concat([head, Buffer.from(name), content])
  })
  const list = Buffer.alloc(12 + blocks.length * 12)
  list.write('SEFH')
  list.writeUInt32LE(107, 4)
  list.writeUInt32LE(blocks.length, 8)
  for (const [index, block] of written.entries()) {
    const back = written.slice(index).reduce((sum, { length }) => sum + length, 0)
    list.writeUInt16LE(blocks[index]?.[0] ?? 0, 12 + index * 12 + 2)
    list.writeUInt32LE(back, 12 + index * 12 + 4)
    list.writeUInt32LE(block.length, 12 + index * 12 + 8)
  }
  const tail = Buffer.alloc(8)
  tail.writeUInt32LE(list.length)
  tail.write('SEFT', 4)
  return Buffer.concat([...written, list, tail])
}

const utc = [0x0a01, 'Image_UTC_Data', Buffer.from('1700000000000')] as const
const samsungFilm = [0x0a30, 'MotionPhoto_Data', video] as const

describe('found', () => {
  const still = google([primary, { semantic: 'MotionPhoto', length: video.length }])
  const gainMap = Buffer.alloc(321, 1)
  const mp4 = { sizeBytes: video.length, mediaType: 'video/mp4', atMs: null }

  test.each<[string, Buffer[], number, object]>([
    ["in Google's container", [still, video], 1, mp4],
    [
      'behind a gain map',
      [
        google([primary, { semantic: 'GainMap', length: 321 }, { semantic: 'MotionPhoto', length: video.length }]),
        gainMap,
        video,
      ],
      2,
      mp4,
    ],
    [
      'before something else',
      [
        google([primary, { semantic: 'MotionPhoto', length: video.length }, { semantic: 'GainMap', length: 321 }]),
        video,
        gainMap,
      ],
      1,
      mp4,
    ],
    [
      'with padding behind it',
      [google([primary, { semantic: 'MotionPhoto', length: video.length, padding: 321 }]), video, gainMap],
      1,
      mp4,
    ],
    [
      'with what follows it counted as its own',
      [google([primary, { semantic: 'MotionPhoto', length: video.length + 321 }]), video, gainMap],
      1,
      mp4,
    ],
    [
      'with a moment',
      [
        google([primary, { semantic: 'MotionPhoto', length: video.length }], {
          'GCamera:MotionPhotoPresentationTimestampUs': 1_234_567,
        }),
        video,
      ],
      1,
      { ...mp4, atMs: 1235 },
    ],
    [
      'with an unknown moment',
      [
        google([primary, { semantic: 'MotionPhoto', length: video.length }], {
          'GCamera:MotionPhotoPresentationTimestampUs': -1,
        }),
        video,
      ],
      1,
      mp4,
    ],
    [
      'as MicroVideo',
      [
        jpegOf({
          xmp: xmpPacket({
            'GCamera:MicroVideo': 1,
            'GCamera:MicroVideoOffset': video.length,
            'GCamera:MicroVideoPresentationTimestampUs': 900_000,
          }),
        }),
        video,
      ],
      1,
      { ...mp4, atMs: 900 },
    ],
    ['as QuickTime', [still, film('qt  ')], 1, { ...mp4, mediaType: 'video/quicktime' }],
    ["in Samsung's trailer", [jpegOf({}), samsungTrailer([utc, samsungFilm])], -1, mp4],
    [
      "behind Samsung's name alone",
      [jpegOf({}), Buffer.from('\0\x000\x0a\x10\0\0\0MotionPhoto_Data', 'latin1'), video],
      2,
      mp4,
    ],
    [
      "before Huawei's fields",
      [
        jpegOf({}),
        video,
        Buffer.from(`v3_f12              0:3000              ${`LIVE_${video.length + 20}`.padEnd(20)}`),
      ],
      1,
      mp4,
    ],
    ['where the file says only that it is', [google([primary]), gainMap, video, gainMap], 2, mp4],
    [
      'in the box of a HEIC',
      [box('ftyp', 'heic\0\0\0\0heic'), box('meta', Buffer.alloc(40)), box('mpvd', video)],
      -1,
      mp4,
    ],
    [
      'in the box of a HEIC with a trailer in it',
      [box('ftyp', 'heic\0\0\0\0heic'), box('mpvd', video, box('sefd', samsungTrailer([utc])))],
      -1,
      mp4,
    ],
  ])('%s', (_, parts, index, expected) => {
    const file = Buffer.concat(parts)
    const offset = index < 0 ? file.indexOf(video) : parts.slice(0, index).reduce((sum, { length }) => sum + length, 0)
    const motion = motionOf(file)
    expect(motion).toEqual({ offset, ...expected })
    const cut = file.subarray(offset, offset + (motion?.sizeBytes ?? 0))
    expect(readMovie(cut, { now })).toMatchObject({ width: 64, height: 48, durationMs: 10_000 })
  })
})

describe('not found', () => {
  const item = (length: number) => google([primary, { semantic: 'MotionPhoto', length }])

  test.each<[string, Buffer]>([
    ['where nothing tells of it', Buffer.concat([jpegOf({}), video])],
    ['where an editor cut it off', item(video.length)],
    ['where the length is wrong and no film is', Buffer.concat([item(300), Buffer.alloc(400)])],
    ['where the length reaches before the file', item(1e12)],
    ['where the length is no number', Buffer.concat([item(Number.NaN), Buffer.alloc(400)])],
    [
      'where the file says that it is none',
      Buffer.concat([
        google([primary, { semantic: 'MotionPhoto', length: video.length }], { 'GCamera:MotionPhoto': 0 }),
        video,
      ]),
    ],
    ['in a name without a film', Buffer.concat([jpegOf({}), Buffer.from('MotionPhoto_Data'), Buffer.alloc(50)])],
    [
      'in a trailer whose blocks reach out of it',
      Buffer.concat([jpegOf({}), samsungTrailer([samsungFilm]).subarray(-40)]),
    ],
    [
      'behind a name that another maker has there',
      Buffer.concat([jpegOf({ exif: tiffBlock({ main: { 271: 'Acme' } }) }), Buffer.from('MotionPhoto_Data'), video]),
    ],
    ['in an empty box', Buffer.concat([box('ftyp', 'heic\0\0\0\0heic'), box('mpvd')])],
    ['in a film of its own', video],
    ['in nothing', Buffer.alloc(0)],
  ])('%s', (_, file) => {
    expect(motionOf(file)).toBeNull()
  })
})

test('whatever the bytes and the numbers are, the place is inside of the file and a film begins there', () => {
  const whole = Buffer.concat([
    google([primary, { semantic: 'MotionPhoto', length: video.length, padding: 0 }]),
    samsungTrailer([utc, samsungFilm]),
  ])
  const length = fc.oneof(fc.nat({ max: whole.length + 10 }), fc.constantFrom(2 ** 31, 2 ** 53, -1))
  const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
  fc.assert(
    fc.property(
      length,
      length,
      fc.array(change, { maxLength: 20 }),
      fc.nat({ max: whole.length }),
      (size, back, changes, end) => {
        const file = Buffer.from(whole.subarray(0, end))
        for (const { at, byte } of changes) if (at < file.length) file[at] = byte
        const items = [primary, { semantic: 'MotionPhoto', length: size, padding: back }]
        const packet = xmpPacket({ 'GCamera:MotionPhoto': 1, 'GCamera:MicroVideoOffset': back }, directory(items))
        for (const motion of [motionOf(file), findMotion(file, { xmp: readXmp(Buffer.from(packet)), make: null })]) {
          if (motion === null) continue
          expect(motion.offset).toBeGreaterThan(0)
          expect(motion.offset + motion.sizeBytes).toBeLessThanOrEqual(file.length)
          expect(file.toString('latin1', motion.offset + 4, motion.offset + 8)).toBe('ftyp')
        }
      },
    ),
    { numRuns: 2_000 },
  )
})
