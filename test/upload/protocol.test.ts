/** Goal: what headers say is read strictly, whatever a client sends, and what is kept of a name can do no harm. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAppError } from '../../src/core/errors.js'
import { limits } from '../../src/core/limits.js'
import { hasMediaType, parseByteCount, parseMetadata, readFileFacts } from '../../src/upload/protocol.js'

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')
const factsOf = (entries: Record<string, string>) => readFileFacts(new Map(Object.entries(entries)))
const kindOf = (fn: () => unknown) => {
  try {
    fn()
    return 'accepted'
  } catch (error) {
    return isAppError(error) ? error.kind : error
  }
}

describe('a count of bytes', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['8388608', 8_388_608],
    ['007', 7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', undefined],
    ['99999999999999999', undefined],
    ['', undefined],
    [' 1', undefined],
    ['1 ', undefined],
    ['+1', undefined],
    ['-1', undefined],
    ['-0', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['12abc', undefined],
    ['1,1', undefined],
    ['1\n', undefined],
    ['١', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
  ])('%j is %s', (text, value) => expect(parseByteCount(text)).toBe(value))

  test('every safe integer is read back', () => {
    fc.assert(fc.property(fc.maxSafeNat(), value => void expect(parseByteCount(String(value))).toBe(value)))
  })

  test('nothing else is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        if (!/^[0-9]+$/.test(text)) expect(parseByteCount(text)).toBeUndefined()
      }),
    )
  })
})

test.each([
  ['image/jpeg', true],
  ['Image/JPEG', true],
  ['image/jpeg;q=1', true],
  [' image/jpeg ; q=1', true],
  ['image/jpeg2', false],
  ['image/jpeg, image/png', false],
  ['', false],
  [undefined, false],
])('the media type %j is image/jpeg: %s', (header, is) => expect(hasMediaType(header, 'image/jpeg')).toBe(is))

describe('Upload-Metadata', () => {
  test.each([
    ['', {}],
    ['   ', {}],
    ['filename YS5qcGc=', { filename: 'a.jpg' }],
    ['filename YS5qcGc=,private', { filename: 'a.jpg', private: '' }],
    ['a YQ==, b Yg==', { a: 'a', b: 'b' }],
    ['constructor YQ==', { constructor: 'a' }],
  ])('%j is read', (header, entries) => expect(Object.fromEntries(parseMetadata(header))).toEqual(entries))

  test.each([
    ',',
    'a YQ==,',
    ',a YQ==',
    'a YQ==,a Yg==',
    'a YQ==,a',
    'a  YQ==',
    'a YQ== Yg==',
    'a YQ',
    'a YQ=',
    'a Y===',
    'a YQ==\u0001',
    'a Y-_=',
    'a not*base',
    'schlüssel YQ==',
    'a\tYQ==',
  ])('%j is refused', header => expect(kindOf(() => parseMetadata(header))).toBe('invalid'))

  test('longer than its limit is refused, and just at it is not', () => {
    const ofLength = (sizeBytes: number) => `${'k'.repeat(sizeBytes - 9)} ${base64('123456')}`
    expect(kindOf(() => parseMetadata(ofLength(limits.metadataBytes)))).toBe('accepted')
    expect(kindOf(() => parseMetadata(ofLength(limits.metadataBytes + 1)))).toBe('invalid')
  })

  test('what a client wrote by the rules is read back', () => {
    const key = fc.stringMatching(/^[!-+\--~]{1,20}$/)
    const entries = fc.dictionary(key, fc.string({ unit: 'grapheme', maxLength: 20 }), { maxKeys: 10 })
    fc.assert(
      fc.property(entries, wanted => {
        const header = Object.entries(wanted)
          .map(([name, value]) => `${name} ${base64(value)}`)
          .join(',')
        expect(Object.fromEntries(parseMetadata(header))).toEqual({ ...wanted })
      }),
    )
  })

  test('any header is read or refused as invalid, never anything else', () => {
    const header = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[ ,=a-c]{0,30}$/))
    fc.assert(
      fc.property(header, text => void expect(['accepted', 'invalid']).toContain(kindOf(() => parseMetadata(text)))),
    )
  })
})

describe('a file name', () => {
  test.each([
    ['IMG_1.jpg', 'IMG_1.jpg'],
    ['  Strand & Meer.HEIC ', 'Strand & Meer.HEIC'],
    ['DCIM/100/IMG_1.jpg', 'IMG_1.jpg'],
    ['C:\\photos\\IMG_1.jpg', 'IMG_1.jpg'],
    ['../../etc/passwd', 'passwd'],
    ['a/..', null],
    ['.\u0000.', null],
    ['..', null],
    ['.', null],
    ['', null],
    ['folder/', null],
    [' \t\r\n', null],
    ['a\u0000b\u001b[31m\u009b.jpg', 'ab[31m.jpg'],
    ['gpj.\u202etxt.exe', 'gpj.txt.exe'],
    ['a\u2066\u2069\u061c\u200e\u200f.jpg', 'a.jpg'],
    ['a\u2028b\u2029.jpg', 'ab.jpg'],
    ['写真 🏖️.jpg', '写真 🏖️.jpg'],
    ['.nomedia', '.nomedia'],
  ])('%j is kept as %j', (filename, kept) => expect(factsOf({ filename }).fileName).toBe(kept))

  test('comes under either of its keys', () => {
    expect(factsOf({ name: 'b.jpg' }).fileName).toBe('b.jpg')
    expect(factsOf({ filename: 'a.jpg', name: 'b.jpg' }).fileName).toBe('a.jpg')
  })

  test('whatever it was, it is short, shows nothing else than it is, and names no folder', () => {
    const nasty = fc.constantFrom('/', '\\', '..', '\u0000', '\u202e', '\u2066', '\u061c', '\u2028', '\u007f', '🏖️')
    const text = fc
      .array(fc.oneof(nasty, fc.string({ unit: 'binary' })), { maxLength: 40 })
      .map(parts => parts.join(''))
    fc.assert(
      fc.property(text, filename => {
        const kept = factsOf({ filename: Buffer.from(filename).toString('utf8') }).fileName
        if (kept === null) return
        expect(kept).not.toMatch(/[/\\\p{Cc}\p{Bidi_Control}\u2028\u2029]/u)
        expect(['', '.', '..']).not.toContain(kept)
        expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(limits.fileNameBytes)
        expect(Buffer.from(kept).toString('utf8')).toBe(kept)
      }),
    )
  })

  test('keeps its ending when it is cut, and whole characters', () => {
    const stem = fc.string({ unit: fc.constantFrom('a', 'é', '写', '🏖'), minLength: 1, maxLength: 600 })
    fc.assert(
      fc.property(stem, fc.stringMatching(/^[A-Za-z0-9]{1,8}$/), (name, ending) => {
        const kept = factsOf({ filename: `${name}.${ending}` }).fileName as string
        expect(kept.endsWith(`.${ending}`)).toBe(true)
        expect(name.startsWith(kept.slice(0, -ending.length - 1))).toBe(true)
        expect(Buffer.from(kept).toString('utf8')).toBe(kept)
        const isCut = kept !== `${name}.${ending}`
        if (isCut) expect(Buffer.byteLength(kept)).toBeGreaterThan(limits.fileNameBytes - 4)
      }),
    )
  })
})

describe('what kind of file it is', () => {
  test.each([
    ['image/jpeg', 'image/jpeg'],
    ['IMAGE/HEIC; charset=binary', 'image/heic'],
    ['video/mp4', 'video/mp4'],
    ['image/vnd.adobe.photoshop', 'image/vnd.adobe.photoshop'],
    ['application/octet-stream', null],
    ['', null],
  ])('%j is %j', (filetype, mediaType) => {
    expect(factsOf({ filetype }).mediaType).toBe(mediaType)
    expect(factsOf({ type: filetype }).mediaType).toBe(mediaType)
  })

  test.each(['text/html', 'application/pdf', 'image/', 'image', 'audio/mpeg', 'image/jpeg\u0000', 'image/jp eg', 'x'])(
    '%j is refused',
    filetype => expect(kindOf(() => factsOf({ filetype }))).toBe('unsupported_media'),
  )
})

describe('when it was modified', () => {
  test.each([
    ['2024-05-06T07:08:09Z', '2024-05-06T07:08:09.000Z'],
    ['2024-05-06T07:08:09.25+05:30', '2024-05-06T01:38:09.250Z'],
    ['1900-01-01T00:00:00Z', '1900-01-01T00:00:00.000Z'],
    ['9999-12-31T23:00:00-02:00', undefined],
    ['1899-12-31T23:59:59Z', undefined],
    ['2024-05-06', undefined],
    ['2024-13-06T07:08:09Z', undefined],
    ['2024-05-06T07:08:09', undefined],
    ['2024-05-06T07:08:09+99:99', undefined],
    ['1714979289000', undefined],
    ['yesterday', undefined],
  ])('%j is %s', (modified, iso) => expect(factsOf({ modified }).modifiedAt?.toISOString()).toBe(iso))
})

describe('the SHA-256 that was announced', () => {
  const hex = 'ab'.repeat(32)
  test.each([hex, hex.toUpperCase()])('%s is taken', sha256 => {
    expect(factsOf({ sha256 }).sha256?.toString('hex')).toBe(hex)
  })

  test.each(['', hex.slice(1), `${hex}0`, 'g'.repeat(64), base64(Buffer.alloc(32)), ` ${hex}`])(
    '%j is refused',
    sha256 => expect(kindOf(() => factsOf({ sha256 }))).toBe('invalid'),
  )

  test('none is none', () => expect(factsOf({}).sha256).toBeNull())
})
