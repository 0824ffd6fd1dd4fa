/** Goal: a film's box is picked out of its stream however that is cut, and what it says is read right or left out. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noFacts } from '../../src/library/photo-facts.js'
import { factsOfMovie, moovBytesMax, openMoovReader, readMovie } from '../../workers/thumbnail/facts/moov.js'
import { box, longs, moovBox, type Shown, trakBox } from './facts-bytes.js'

const now = new Date('2026-01-01T00:00:00Z')
const moov = moovBox({ track: { width: 64, height: 48 } })
const ftyp = box('ftyp', 'isom', longs(0))
const mdat = box('mdat', Buffer.alloc(3_000, 9))

function pick(file: Buffer, chunkBytes: number): Buffer | undefined {
  const reader = openMoovReader()
  for (let at = 0; at < file.length; at += chunkBytes) reader.push(file.subarray(at, at + chunkBytes))
  return reader.moov()
}

/** A header whose size has 64 bits. */
function longBox(type: string, body: Buffer): Buffer {
  return Buffer.concat([longs(1), Buffer.from(type), longs(0, 16 + body.length), body])
}

const toEnd = (whole: Buffer) => Buffer.concat([longs(0), whole.subarray(4)])

describe('picked out of a stream', () => {
  test.each<[string, Buffer[], Buffer | undefined]>([
    ['before the pictures', [ftyp, moov, mdat], moov],
    ['behind the pictures', [ftyp, box('free'), mdat, moov], moov],
    ['behind pictures of 64-bit size', [ftyp, longBox('mdat', mdat), moov], moov],
    ['of 64-bit size', [ftyp, longBox('moov', moov.subarray(8)), mdat], longBox('moov', moov.subarray(8))],
    ['that reaches to the end', [ftyp, mdat, toEnd(moov)], toEnd(moov)],
    ['behind pictures that reach to the end', [ftyp, toEnd(mdat), moov], undefined],
    ['that is cut off', [ftyp, mdat, moov.subarray(0, -1)], undefined],
    ['inside of something else', [ftyp, box('free', moov)], undefined],
    ['behind a header that is none', [ftyp, longs(7), Buffer.from('free'), moov], undefined],
    ['behind a 64-bit size that is none', [ftyp, longs(1), Buffer.from('free'), longs(0, 15), moov], undefined],
    ['twice, the first', [moov, moovBox({})], moov],
    ['in nothing', [], undefined],
    ['in a picture', [Buffer.from('\xff\xd8\xff\xe1\x12\x34Exif\0\0', 'latin1'), moov], undefined],
  ])('%s', (_, parts, expected) => {
    const file = Buffer.concat(parts)
    for (const chunkBytes of [1, 3, 8, 100, 1_000, 1_000_000]) expect(pick(file, chunkBytes)).toEqual(expected)
  })

  test('in chunks of any size', () => {
    const file = Buffer.concat([ftyp, longBox('wide', Buffer.alloc(5)), mdat, moov, mdat])
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 500 })), sizes => {
        const reader = openMoovReader()
        let at = 0
        for (const size of sizes) {
          reader.push(file.subarray(at, at + size))
          at += size
        }
        reader.push(file.subarray(at))
        expect(reader.moov()).toEqual(moov)
      }),
    )
  })

  test('not when it is larger than any film has, nor when it has no end', () => {
    const chunk = Buffer.alloc(1024 * 1024)
    const sized = openMoovReader()
    sized.push(Buffer.concat([longs(moovBytesMax + 1), Buffer.from('moov')]))
    const endless = openMoovReader()
    endless.push(Buffer.concat([longs(0), Buffer.from('moov')]))
    for (let sent = 0; sent < moovBytesMax + chunk.length; sent += chunk.length) {
      sized.push(chunk)
      endless.push(chunk)
    }
    expect(sized.moov()).toBeUndefined()
    expect(endless.moov()).toBeUndefined()
    sized.push(moov)
    expect(sized.moov()).toBeUndefined()
  })
})

const text = (type: string, value: string) => {
  const bytes = Buffer.from(value)
  const head = Buffer.alloc(4)
  head.writeUInt16BE(bytes.length)
  head.writeUInt16BE(0x15c7, 2)
  return box(type, head, bytes)
}

/** QuickTime's `meta`: a plain box; with `version`, ISO's full one. */
function keyed(values: Readonly<Record<string, string>>, version: Buffer = Buffer.alloc(0)): Buffer {
  const names = Object.keys(values).map(key => {
    const name = Buffer.from(`mdta${key}`)
    return Buffer.concat([longs(4 + name.length), name])
  })
  const items = Object.values(values).map((value, index) => {
    const data = box('data', longs(1, 0), Buffer.from(value))
    return Buffer.concat([longs(8 + data.length, index + 1), data])
  })
  const hdlr = box('hdlr', longs(0, 0), 'mdta', Buffer.alloc(13))
  return box('meta', version, hdlr, box('keys', longs(0, names.length), ...names), box('ilst', ...items))
}

const apple = {
  'com.apple.quicktime.content.identifier': 'A1B2C3D4-0000-1111-2222-333344445555',
  'com.apple.quicktime.creationdate': '2023-05-06T07:08:09+0530',
  'com.apple.quicktime.location.ISO6709': '+27.5916-086.5640+8850/',
  'com.apple.quicktime.make': 'Apple',
  'com.apple.quicktime.model': 'iPhone 15 Pro',
}

const appleFacts = {
  live: 'A1B2C3D4-0000-1111-2222-333344445555',
  takenAt: '2023-05-06T07:08:09',
  takenOffsetMinutes: 330,
  latitude: 27.5916,
  longitude: -86.564,
  cameraMake: 'Apple',
  cameraModel: 'iPhone 15 Pro',
}

/** Seconds since 1904, as films count. */
const since1904 = (iso: string) => Date.parse(iso) / 1000 + 2_082_844_800
const loci = Buffer.concat([
  longs(0),
  Buffer.from('\x15\xc7home\0\0', 'latin1'),
  longs(-122.5 * 65_536, 37.25 * 65_536, 0),
])

describe('what a film says', () => {
  const created = since1904('2022-02-03T04:05:06Z')

  test.each<[string, Parameters<typeof moovBox>[0], object]>([
    ["an iPhone's keys", { created, parts: [keyed(apple)] }, appleFacts],
    ["keys in ISO's box", { parts: [keyed(apple, longs(0))] }, appleFacts],
    ['keys in user data', { parts: [box('udta', keyed(apple))] }, appleFacts],
    [
      "an Android phone's keys",
      { parts: [keyed({ 'com.android.manufacturer': 'ACME', 'com.android.model': 'One' })] },
      { cameraMake: 'ACME', cameraModel: 'One' },
    ],
    [
      'user data',
      {
        parts: [
          box(
            'udta',
            text('\xa9xyz', '-33.8587+151.2140/'),
            text('\xa9day', '2020-01-02T03:04:05Z'),
            text('\xa9mak', 'ACME'),
            text('\xa9mod', 'One'),
          ),
        ],
      },
      {
        latitude: -33.8587,
        longitude: 151.214,
        takenAt: '2020-01-02T03:04:05',
        takenOffsetMinutes: 0,
        cameraMake: 'ACME',
        cameraModel: 'One',
      },
    ],
    ["3GPP's place", { parts: [box('udta', box('loci', loci))] }, { latitude: 37.25, longitude: -122.5 }],
    ["the header's time, if nothing better", { created }, { takenAt: '2022-02-03T04:05:06', takenOffsetMinutes: 0 }],
    ['a clock that was never set', { created: 0 }, { takenAt: null, takenOffsetMinutes: null }],
    ['a clock of before films on phones', { created: since1904('1989-12-31T00:00:00Z') }, { takenAt: null }],
    ['a clock that is far ahead', { created: since1904('2030-01-01T00:00:00Z') }, { takenAt: null }],
    [
      'a year for a date',
      { created, parts: [box('udta', text('\xa9day', '2020'))] },
      { takenAt: '2022-02-03T04:05:06' },
    ],
    ['no texts', {}, { live: null, latitude: null, cameraMake: null, description: null }],
    [
      'an identifier that is none',
      { parts: [keyed({ 'com.apple.quicktime.content.identifier': 'a\0b c' })] },
      { live: 'a' },
    ],
    ['duration', {}, { durationMs: 10_000 }],
  ])('%s', (_, parts, facts) => {
    expect(readMovie(moovBox(parts), { now })).toMatchObject(facts)
  })

  test.each([
    ['+27.5916+086.5640+8850/', 27.5916, 86.564],
    ['+40.20361-75.00417CRSWGS_84/', 40.20361, -75.00417],
    ['-1.5+2.25', -1.5, 2.25],
    ['+4012.216-07500.25/', 40.2036, -75.0041667],
    ['+401213.1-0750015.1/', 40.203639, -75.0041944],
    ['+00.0000+000.0000/', null, null],
    ['+95.0000+000.0000/', null, null],
    ['48.8577,2.295', null, null],
    ['+48.8577', null, null],
  ])('the place %s', (written, latitude, longitude) => {
    const read = readMovie(moovBox({ parts: [box('udta', text('\xa9xyz', written))] }), { now })
    if (latitude === null) expect(read).toMatchObject({ latitude, longitude })
    else {
      expect(read.latitude).toBeCloseTo(latitude, 6)
      expect(read.longitude).toBeCloseTo(longitude as number, 6)
    }
  })

  test.each<[string, Shown, number, number]>([
    ['upright', { width: 1920, height: 1080 }, 1920, 1080],
    ['turned right', { width: 1920, height: 1080, matrix: [0, 1, -1, 0] }, 1080, 1920],
    ['upside down', { width: 1920, height: 1080, matrix: [-1, 0, 0, -1] }, 1920, 1080],
    ['turned left', { width: 1920, height: 1080, matrix: [0, -1, 1, 0] }, 1080, 1920],
  ])('the size of a film that is %s', (_, track, width, height) => {
    expect(readMovie(moovBox({ track }), { now })).toMatchObject({ width, height })
  })

  test('of two tracks of pictures the larger, of sound none', () => {
    const parts = [trakBox({ width: 160, height: 120 }), trakBox({ width: 640, height: 480 })]
    expect(readMovie(moovBox({ parts }), { now })).toMatchObject({ width: 640, height: 480 })
    const sound = trakBox({ width: 640, height: 480 })
    sound.write('soun', sound.indexOf('vide'))
    expect(readMovie(moovBox({ parts: [sound] }), { now })).toMatchObject({ width: null, height: null })
  })

  test('in a header with times of 64 bits', () => {
    const time = longs(0, created, 0, created)
    const mvhd = box('mvhd', Buffer.from([1, 0, 0, 0]), time, longs(1_000_000), longs(1, 32_704), Buffer.alloc(80))
    expect(readMovie(box('moov', mvhd), { now })).toMatchObject({
      takenAt: '2022-02-03T04:05:06',
      durationMs: 4_295_000,
    })
  })

  test('its duration in the header of its fragments, else in its tracks', () => {
    const mvhd = box('mvhd', longs(0, 0, 0, 1000, 0), Buffer.alloc(80))
    const fragments = box('mvex', box('mehd', longs(0, 2500)))
    const track = box('trak', box('mdia', box('mdhd', longs(0, 0, 0, 48_000, 72_000, 0))))
    expect(readMovie(box('moov', mvhd, fragments, track), { now }).durationMs).toBe(2_500)
    expect(readMovie(box('moov', mvhd, track), { now }).durationMs).toBe(1_500)
    expect(readMovie(box('moov', mvhd), { now }).durationMs).toBeNull()
  })

  test('as the facts of a photo', () => {
    const movie = readMovie(moovBox({ parts: [keyed(apple)] }), { now })
    expect(factsOfMovie(movie)).toEqual({ ...noFacts, ...appleFacts })
    expect(factsOfMovie(readMovie(Buffer.alloc(0), { now }))).toEqual(noFacts)
  })
})

test('a film changed anywhere is read within limits', () => {
  const whole = Buffer.concat([
    ftyp,
    moovBox({
      track: { width: 64, height: 48 },
      parts: [keyed(apple), box('udta', text('\xa9xyz', '+1+2/'), box('loci', loci))],
    }),
    mdat.subarray(0, 50),
  ])
  const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), fc.nat({ max: 64 }), (changes, chunk) => {
      const file = Buffer.from(whole)
      for (const { at, byte } of changes) file[at] = byte
      const picked = pick(file, chunk + 1)
      if (picked) expect(picked.length).toBeLessThanOrEqual(file.length)
      for (const movie of [readMovie(picked ?? file, { now }), readMovie(file, { now })]) {
        expect(movie.durationMs ?? 1).toBeGreaterThan(0)
        expect(movie.width ?? 1).toBeLessThanOrEqual(65_535)
        expect(Math.abs(movie.latitude ?? 0)).toBeLessThanOrEqual(90)
        expect(movie.takenAt ?? '2000-01-01T00:00:00').toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
        expect(movie.live ?? 'x').toMatch(/^[\x21-\x7e]{1,100}$/)
      }
    }),
    { numRuns: 2_000 },
  )
})
