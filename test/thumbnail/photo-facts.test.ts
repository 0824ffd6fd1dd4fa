/** Goal: what a photo says about itself is read right, and what it says wrongly is left out. */
import { describe, expect, test } from 'vitest'
import { noFacts, type PhotoFacts } from '../../src/library/photo-facts.js'
import { gpsMoment, offsetBetween, parseOffset, parseWallTime } from '../../workers/thumbnail/facts/exif-time.js'
import { readFacts } from '../../workers/thumbnail/facts/photo-facts.js'
import { draw } from './drawing.js'

const now = new Date('2026-01-01T00:00:00Z')

type Exif = Parameters<ReturnType<typeof draw>['withExif']>[0]

const full: Exif = {
  IFD0: { Make: 'Acme', Model: 'Snap 9' },
  IFD2: {
    DateTimeOriginal: '2024:05:06 07:08:09',
    OffsetTimeOriginal: '+08:00',
    ExposureTime: '1/250',
    FNumber: '18/10',
    ISOSpeedRatings: '400',
    FocalLength: '425/100',
    LensModel: 'Acme 4.25mm f/1.8',
  },
  IFD3: {
    GPSLatitudeRef: 'S',
    GPSLatitude: '33/1 51/1 3132/100',
    GPSLongitudeRef: 'E',
    GPSLongitude: '151/1 12/1 5064/100',
  },
}

const read: PhotoFacts = {
  ...noFacts,
  takenAt: '2024-05-06T07:08:09',
  takenOffsetMinutes: 480,
  cameraMake: 'Acme',
  cameraModel: 'Snap 9',
  lens: 'Acme 4.25mm f/1.8',
  latitude: -33.8587,
  longitude: 151.2140667,
  orientation: null,
  exposureSeconds: 0.004,
  fNumber: 1.8,
  iso: 400,
  focalLengthMm: 4.25,
}

async function factsOf(exif: Exif): Promise<PhotoFacts> {
  return readFacts(await draw(8, 8).withExif(exif).jpeg().toBuffer(), { now })
}

test.each(['jpeg', 'png', 'webp', 'avif'] as const)('all facts of a %s', async format => {
  const bytes = await draw(8, 8).withExif(full)[format]().toBuffer()
  expect({ ...readFacts(bytes, { now }), orientation: null }).toEqual(read)
})

test('all facts of a TIFF, whose directory is the EXIF', async () => {
  const jpeg = await draw(8, 8).withExif(full).jpeg().toBuffer()
  const tiff = jpeg.subarray(jpeg.indexOf('Exif\0\0') + 6)
  expect({ ...readFacts(tiff, { now }), orientation: null }).toEqual(read)
})

test('no metadata, no facts', async () => {
  for (const format of ['jpeg', 'png', 'webp', 'avif', 'gif'] as const) {
    expect(readFacts(await draw(8, 8)[format]().toBuffer(), { now })).toEqual(noFacts)
  }
  expect(readFacts(Buffer.alloc(0), { now })).toEqual(noFacts)
})

describe('single facts', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('orientation %i', async orientation => {
    const bytes = await draw(8, 8).withMetadata({ orientation }).jpeg().toBuffer()
    expect(readFacts(bytes, { now }).orientation).toBe(orientation)
  })

  const gps = (latitude: string, longitude: string, halves = 'NE'): Exif => ({
    IFD3: {
      GPSLatitude: latitude,
      GPSLatitudeRef: halves.slice(0, 1),
      GPSLongitude: longitude,
      GPSLongitudeRef: halves.slice(1),
    },
  })

  test.each<[string, Exif, Partial<PhotoFacts>]>([
    ['an empty date', { IFD2: { DateTimeOriginal: '0000:00:00 00:00:00' } }, { takenAt: null }],
    ['blanks for a date', { IFD2: { DateTimeOriginal: '    :  :     :  :  ' } }, { takenAt: null }],
    [
      'the first date that is one',
      { IFD0: { DateTime: '2020:01:01 00:00:00' }, IFD2: { DateTimeOriginal: '0000:00:00 00:00:00' } },
      { takenAt: '2020-01-01T00:00:00', takenOffsetMinutes: null },
    ],
    [
      'the offset from the GPS clock',
      {
        IFD2: { DateTimeOriginal: '2024:01:01 00:10:00' },
        IFD3: { GPSDateStamp: '2023:12:31', GPSTimeStamp: '18/1 39/1 12/1' },
      },
      { takenAt: '2024-01-01T00:10:00', takenOffsetMinutes: 330 },
    ],
    [
      'a GPS clock of another day is not an offset',
      {
        IFD2: { DateTimeOriginal: '2024:01:09 00:10:00' },
        IFD3: { GPSDateStamp: '2023:12:31', GPSTimeStamp: '18/1 39/1 12/1' },
      },
      { takenOffsetMinutes: null },
    ],
    ['a place in the west', gps('1/1 30/1 0/1', '2/1 0/1 36/1', 'NW'), { latitude: 1.5, longitude: -2.01 }],
    ['a place beyond the pole', gps('91/1 0/1 0/1', '2/1 0/1 0/1'), { latitude: null, longitude: null }],
    ['a place on no half', gps('1/1 0/1 0/1', '2/1 0/1 0/1', 'XE'), { latitude: null, longitude: null }],
    ['a place divided by zero', gps('0/0 0/0 0/0', '2/1 0/1 0/1'), { latitude: null, longitude: null }],
    ['a place before the first fix', gps('0/1 0/1 0/1', '0/1 0/1 0/1'), { latitude: null, longitude: null }],
    [
      'an exposure divided by zero',
      { IFD2: { ExposureTime: '1/0', FNumber: '0/0' } },
      { exposureSeconds: null, fNumber: null },
    ],
    ['an ISO that did not fit', { IFD2: { ISOSpeedRatings: '65535' } }, { iso: null }],
    [
      'spaces around a name',
      { IFD0: { Make: '  NIKON   CORP  ', Model: '   ' } },
      { cameraMake: 'NIKON CORP', cameraModel: null },
    ],
    ['control characters in a name', { IFD0: { Make: 'A\u0007B\nC' } }, { cameraMake: 'A B C' }],
    ['a name without an end', { IFD0: { Make: 'x'.repeat(5_000) } }, { cameraMake: 'x'.repeat(100) }],
  ])('%s', async (_, exif, facts) => {
    expect(await factsOf(exif)).toMatchObject(facts)
  })
})

test.each([
  ['2024:02:29 23:59:59', '2024-02-29T23:59:59'],
  ['2024-02-29T23:59:59.123', '2024-02-29T23:59:59'],
  ['2023:02:29 00:00:00', undefined],
  ['2024:13:01 00:00:00', undefined],
  ['2024:01:01 24:00:00', undefined],
  ['2024:01:01 00:60:00', undefined],
  ['2024:01:01', undefined],
  ['0001:01:01 00:00:00', undefined],
  ['1825:12:31 00:00:00', undefined],
  ['1839:08:19 00:00:00', '1839-08-19T00:00:00'],
  ['2026:01:01 14:00:00', '2026-01-01T14:00:00'],
  ['2026:01:02 00:00:01', undefined],
  ['9999:12:31 23:59:59', undefined],
  [20240101, undefined],
  [undefined, undefined],
])('wall time %j', (value, expected) => {
  expect(parseWallTime(value, now)).toBe(expected)
})

test.each([
  ['+08:00', 480],
  ['-03:30', -210],
  ['+0545', 345],
  ['Z', 0],
  ['-00:00', 0],
  ['+14:00', 840],
  ['+14:15', undefined],
  ['+08:60', undefined],
  ['08:00', undefined],
  ['   :  ', undefined],
  [8, undefined],
])('offset %j', (value, expected) => {
  expect(parseOffset(value)).toBe(expected)
})

test.each([
  ['2024-05-06T12:00:00', '2024:05:06', [12, 0, 0], 0],
  ['2024-05-06T12:00:00', '2024:05:06', [4, 0, 9.5], 480],
  ['2024-05-06T12:00:00', '2024:05:06', [6, 17, 0], 345],
  ['2024-05-06T02:00:00', '2024:05:05', [12, 0, 0], 840],
  ['2024-05-06T12:00:00', '2024:05:05', [12, 0, 0], undefined],
  ['2024-05-06T12:00:00', '2024:05:32', [12, 0, 0], undefined],
  ['2024-05-06T12:00:00', '2024:05:06', [25, 0, 0], undefined],
  ['2024-05-06T12:00:00', '2024:05:06', [Number.NaN, 0, 0], undefined],
  ['2024-05-06T12:00:00', '2024:05:06', [12], undefined],
])('%s where the GPS says %s %j', (wall, date, time, expected) => {
  expect(offsetBetween(wall, gpsMoment(date, time))).toBe(expected)
})
