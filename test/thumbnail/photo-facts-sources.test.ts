/** Goal: facts are found in every format's place for them, and of several fields that hold one the right one counts. */
import { crc32, deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { noFacts, type PhotoFacts } from '../../src/library/photo-facts.js'
import { readFacts } from '../../workers/thumbnail/facts/photo-facts.js'
import { draw } from './drawing.js'
import { appleNote, box, type Fields, jpegOf, longs, tiffBlock, xmpPacket } from './facts-bytes.js'

const now = new Date('2026-01-01T00:00:00Z')

describe('all facts where other formats keep them', () => {
  const block = tiffBlock({ main: { 271: 'Acme', 272: 'Snap 9' }, photo: { 36867: '2024:05:06 07:08:09' } })
  const xmp = Buffer.from(xmpPacket({ 'xmp:Rating': 3 }))
  const both = { cameraMake: 'Acme', cameraModel: 'Snap 9', takenAt: '2024-05-06T07:08:09', rating: 3 }

  /** EXIF and XMP as items of a HEIF; `iloc` of a version, with the places in the file or in `idat`. */
  function heif(version: 0 | 1 | 2, inIdat: boolean): Buffer {
    const exif = Buffer.concat([longs(6), Buffer.from('Exif\0\0'), block])
    const id = (value: number) => (version === 2 ? longs(value) : Buffer.from([0, value]))
    const entry = (item: number, type: string) => box('infe', Buffer.from([2, 0, 0, 0, 0, item, 0, 0]), type)
    const iinf = box('iinf', longs(0), Buffer.from([0, 2]), entry(1, 'Exif\0'), entry(2, 'mime\0application/rdf+xml\0'))
    const method = version === 0 ? Buffer.alloc(0) : Buffer.from([0, inIdat ? 1 : 0])
    const place = (item: number, offset: number, length: number) =>
      Buffer.concat([id(item), method, Buffer.from([0, 0, 0, 1]), longs(offset, length)])
    const meta = (from: number) => {
      const count = version === 2 ? longs(2) : Buffer.from([0, 2])
      const places = [place(1, from, exif.length), place(2, from + exif.length, xmp.length)]
      const iloc = box('iloc', Buffer.from([version, 0, 0, 0, 0x44, 0]), count, ...places)
      return box('meta', longs(0), iinf, iloc, ...(inIdat ? [box('idat', exif, xmp)] : []))
    }
    const ftyp = box('ftyp', 'heic\0\0\0\0mif1heic')
    const from = inIdat ? 0 : ftyp.length + meta(0).length + 8
    return Buffer.concat([ftyp, meta(from), ...(inIdat ? [] : [box('mdat', exif, xmp)])])
  }

  const uuid = (digits: string, ...content: Buffer[]) => box('uuid', Buffer.from(digits, 'hex'), ...content)
  const canon = [
    box('CMT1', tiffBlock({ main: { 271: 'Acme', 272: 'Snap 9' } })),
    box('CMT2', tiffBlock({ main: { 36867: '2024:05:06 07:08:09' } })),
  ]
  const cr3 = Buffer.concat([
    box('ftyp', 'crx \0\0\0\x01crx isom'),
    box('moov', uuid('85c0b687820f11e08111f4ce462b6a48', ...canon)),
    uuid('be7acfcb97a942e89c71999491e3afac', xmp),
  ])
  const rafHead = Buffer.alloc(160)
  rafHead.write('FUJIFILMCCD-RAW')
  rafHead.writeUInt32BE(160, 84)
  const magic = (bytes: Buffer, text: string) => Buffer.concat([Buffer.from(text, 'latin1'), bytes.subarray(4)])

  test.each<[string, Buffer, Partial<PhotoFacts>]>([
    ['HEIF', heif(0, false), both],
    ['HEIF with the second version of places', heif(1, false), both],
    ['HEIF with the third version of places', heif(2, false), both],
    ['HEIF with its items inside of the box', heif(1, true), both],
    ['CR3', cr3, both],
    ['RAF', Buffer.concat([rafHead, jpegOf({ exif: block, xmp: xmp.toString() })]), both],
    ['ORF', magic(block, 'MMOR'), { ...both, rating: null }],
    ['RW2', magic(block, 'MM\0U'), { ...both, rating: null }],
    [
      'TIFF with XMP',
      tiffBlock({ main: { 271: 'Acme', 272: 'Snap 9', 700: xmp }, photo: { 36867: '2024:05:06 07:08:09' } }),
      both,
    ],
    [
      'the first directory of a raw',
      tiffBlock({ main: { 271: 'Acme', 36867: '2024:05:06 07:08:09' } }),
      { takenAt: both.takenAt },
    ],
  ])('%s', (_, file, facts) => {
    expect(readFacts(file, { now })).toEqual({
      ...noFacts,
      ...facts,
      ...(facts.cameraMake ? {} : { cameraMake: 'Acme' }),
    })
  })

  test('PNG: its own texts, and XMP packed or not', async () => {
    const whole = await draw(8, 8).png().toBuffer()
    const chunk = (type: string, body: Buffer) =>
      Buffer.concat([
        longs(body.length),
        Buffer.from(type),
        body,
        longs(crc32(Buffer.concat([Buffer.from(type), body]))),
      ])
    const withChunk = (type: string, ...body: (string | Buffer)[]) => {
      const made = chunk(type, Buffer.concat(body.map(part => Buffer.from(part as string, 'latin1'))))
      return readFacts(Buffer.concat([whole.subarray(0, -12), made, whole.subarray(-12)]), { now })
    }
    expect(withChunk('tEXt', 'Creation Time\x002023:04:05 06:07:08')).toMatchObject({ takenAt: '2023-04-05T06:07:08' })
    expect(withChunk('tEXt', 'Creation Time\0Wed, 05 Apr 2023 06:07:08 +0100')).toMatchObject({
      takenAt: '2023-04-05T06:07:08',
      takenOffsetMinutes: 60,
    })
    expect(withChunk('tEXt', 'Description\0A lake')).toMatchObject({ description: 'A lake' })
    expect(withChunk('iTXt', 'XML:com.adobe.xmp\0\0\0\0\0', xmp)).toMatchObject({ rating: 3 })
    expect(withChunk('iTXt', 'XML:com.adobe.xmp\0\x01\0\0\0', deflateSync(xmp))).toMatchObject({ rating: 3 })
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
    expect(withChunk('iTXt', 'XML:com.adobe.xmp\0\x01\0\0\0', bomb)).toEqual(noFacts)
  })
})

describe('facts that several fields have', () => {
  const facts = (fields: { main?: Fields; photo?: Fields; gps?: Fields }, xmp?: string) =>
    readFacts(jpegOf({ exif: tiffBlock(fields), ...(xmp !== undefined && { xmp }) }), { now })
  const words = (text: string) =>
    `<dc:description><rdf:Alt><rdf:li xml:lang="x-default">${text}</rdf:li></rdf:Alt></dc:description>`
  const note = appleNote({ 11: 'B0B0-1', 17: 'C1C1-2' })

  test.each<[string, Parameters<typeof facts>, Partial<PhotoFacts>]>([
    ['rating: XMP', [{ main: { 18246: 2 } }, xmpPacket({ 'xmp:Rating': '5' })], { rating: 5 }],
    ['rating: rejected', [{}, xmpPacket({ 'xmp:Rating': '-1' })], { rating: -1 }],
    ['rating: none', [{}, xmpPacket({ 'xmp:Rating': '0' })], { rating: 0 }],
    ['rating: EXIF', [{ main: { 18246: 2 } }, xmpPacket({})], { rating: 2 }],
    ['rating: beyond five', [{ main: { 18246: 99 } }, xmpPacket({ 'xmp:Rating': '6' })], { rating: null }],
    [
      'description: XMP',
      [{ main: { 270: 'other' } }, xmpPacket({}, words('Oma &amp; Opa'))],
      { description: 'Oma & Opa' },
    ],
    ['description: EXIF', [{ main: { 270: '  Öl\tpainting ' } }], { description: 'Öl painting' }],
    ['description: lines', [{}, xmpPacket({}, words('a  b\n\n\n\nc\u202Ed\u0007'))], { description: 'a b\n\nc d' }],
    ['description: long', [{}, xmpPacket({}, words('é'.repeat(3_000)))], { description: 'é'.repeat(2_000) }],
    [
      'description: a camera, not a person',
      [{ main: { 270: 'OLYMPUS DIGITAL CAMERA         ' } }],
      { description: null },
    ],
    ['description: a camera in XMP too', [{}, xmpPacket({}, words('SONY DSC'))], { description: null }],
    ['description: a place on a card', [{ main: { 270: 'DCIM\\100MEDIA\\DJI_0001.JPG' } }], { description: null }],
    ['description: settings', [{ main: { 270: 'filter: 0; jpegRotation: 90; hdr: 1; x' } }], { description: null }],
    [
      'description: words like those',
      [{ main: { 270: 'Picture of my digital camera' } }],
      { description: 'Picture of my digital camera' },
    ],
    ['description: blanks', [{ main: { 270: '          ' } }], { description: null }],
    [
      'burst and live: Apple',
      [{ photo: { 37500: note } }, xmpPacket({ 'GCamera:BurstID': 'g' })],
      { burst: 'B0B0-1', live: 'C1C1-2' },
    ],
    ['burst: Google', [{}, xmpPacket({ 'GCamera:BurstID': 'abc-1' })], { burst: 'abc-1', live: null }],
    ['burst: no identifier', [{}, xmpPacket({ 'GCamera:BurstID': 'a b' })], { burst: null }],
    ['a note cut short', [{ photo: { 37500: note.subarray(0, 30) } }], { burst: null, live: null }],
    [
      'a note of another maker',
      [{ photo: { 37500: Buffer.from('Nikon\0\x02\x10\0\0MM\0*\0\0\0\x08', 'latin1') } }],
      { live: null },
    ],
    [
      'date: EXIF before XMP',
      [{ photo: { 36867: '2020:01:02 03:04:05' } }, xmpPacket({ 'exif:DateTimeOriginal': '2021-01-02T03:04:05Z' })],
      { takenAt: '2020-01-02T03:04:05', takenOffsetMinutes: null },
    ],
    [
      'date: XMP before the last change',
      [{ main: { 306: '2022:01:01 00:00:00' } }, xmpPacket({ 'photoshop:DateCreated': '1965-06-12T10:30+01:00' })],
      { takenAt: '1965-06-12T10:30:00', takenOffsetMinutes: 60 },
    ],
    ['date: a day is no time', [{}, xmpPacket({ 'photoshop:DateCreated': '1965-06-12' })], { takenAt: null }],
    [
      'date: its own offset before that of the last change',
      [{ photo: { 36867: '2020:01:02 03:04:05', 36880: '+01:00', 36881: '+02:00' } }],
      { takenOffsetMinutes: 120 },
    ],
    [
      'date: an offset behind it',
      [{ photo: { 36867: '2020:01:02 03:04:05-07:00' } }],
      { takenAt: '2020-01-02T03:04:05', takenOffsetMinutes: -420 },
    ],
    [
      "date: the satellites' alone, in UTC",
      [
        {
          gps: {
            29: '2020:01:02',
            7: [
              [3, 1],
              [4, 1],
              [59, 10],
            ],
          },
        },
      ],
      { takenAt: '2020-01-02T03:04:05', takenOffsetMinutes: 0 },
    ],
    [
      'place: XMP',
      [{}, xmpPacket({ 'exif:GPSLatitude': '33,51.522S', 'exif:GPSLongitude': '151,12,50E' })],
      { latitude: -33.8587, longitude: 151.2138889 },
    ],
    ['place: half of one', [{}, xmpPacket({ 'exif:GPSLatitude': '33,51.522S' })], { latitude: null, longitude: null }],
    [
      'exposure: APEX',
      [{ photo: { 37377: [[6966, 1000]], 37378: [[2971, 1000]] } }],
      { exposureSeconds: 0.008, fNumber: 2.8 },
    ],
    [
      'exposure: the plain number first',
      [{ photo: { 33434: [[1, 60]], 37377: [[7, 1]] } }],
      { exposureSeconds: 1 / 60 },
    ],
    ['ISO: beyond 16 bits', [{ photo: { 34855: 65_535, 34866: 102_400 } }], { iso: 102_400 }],
    ['lens: dashes', [{ photo: { 42036: '----' } }], { lens: null }],
    ['make: XMP', [{}, xmpPacket({}).replace('rdf:about=""', 'rdf:about="" tiff:Make="Acme"')], { cameraMake: 'Acme' }],
    ['a name in Latin-1', [{ main: { 271: Buffer.from('Fl\xfcck\0', 'latin1') } }], { cameraMake: 'Flück' }],
    [
      'a text that is cut in a character',
      [{ main: { 270: `x${'ä'.repeat(20_000)}` } }],
      { description: `x${'ä'.repeat(1_999)}` },
    ],
    ['a name behind zeros', [{ main: { 271: Buffer.from('\0\0Acme\0\0rest') } }], { cameraMake: 'Acme' }],
  ])('%s', (_, given, expected) => {
    expect(facts(...given)).toMatchObject(expected)
  })
})
