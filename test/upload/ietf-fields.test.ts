/** Goal: Structured Fields, file names and the draft's versions are read by the book, whatever a client sends. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dialectOf, isIetf } from '../../src/upload/ietf/dialect.js'
import { dispositionName } from '../../src/upload/ietf/disposition-name.js'
import { parseBoolean, parseByteSequences, parseInteger } from '../../src/upload/ietf/structured-fields.js'

/** What Node lets through in a header. */
const headerText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map(code => String.fromCharCode(code)) }),
  fc.stringMatching(/^[ \t,;:="?01a-c*()%'.\\-]{0,40}$/),
)

describe('an Integer', () => {
  test.each([
    ['0', 0],
    ['42', 42],
    ['-5', -5],
    ['-0', 0],
    ['007', 7],
    ['999999999999999', 999_999_999_999_999],
    ['  5  ', 5],
    ['5;a', 5],
    ['5;a=1;b="x;y";c=tok/en;d=:AA==:;e=?0;f=1.5;g=@1659578233;h=%"f%c3%bc"', 5],
    ['5; a=1;  b', 5],
    ['9999999999999999', undefined],
    ['5.0', undefined],
    ['5.', undefined],
    ['.5', undefined],
    ['1e3', undefined],
    ['+5', undefined],
    ['--5', undefined],
    ['- 5', undefined],
    ['', undefined],
    [' ', undefined],
    ['5 ;a', undefined],
    ['5;', undefined],
    ['5;A', undefined],
    ['5;a=', undefined],
    ['5\t', undefined],
    ['5\n', undefined],
    ['5,5', undefined],
    ['5 5', undefined],
    ['"5"', undefined],
    ['?1', undefined],
    ['five', undefined],
    ['0x5', undefined],
    ['٥', undefined],
  ])('%j is %s', (field, value) => expect(parseInteger(field)).toBe(value))
})

describe('a Boolean', () => {
  test.each([
    ['?1', true],
    ['?0', false],
    [' ?1 ', true],
    ['?0;because="it is"', false],
    ['?2', undefined],
    ['?', undefined],
    ['1', undefined],
    ['true', undefined],
    ['??1', undefined],
    ['?1?1', undefined],
    ['?1, ?0', undefined],
    ['"?1"', undefined],
    ['', undefined],
  ])('%j is %s', (field, value) => expect(parseBoolean(field)).toBe(value))
})

describe('a Dictionary of Byte Sequences', () => {
  const read = (field: string) => {
    const members = parseByteSequences(field)
    return members && Object.fromEntries([...members].map(([key, value]) => [key, value?.toString('latin1') ?? null]))
  }

  test.each([
    ['', {}],
    ['sha-256=:YWJj:', { 'sha-256': 'abc' }],
    ['a=:YWJj:, b=:YQ==:', { a: 'abc', b: 'a' }],
    ['a=:YWJj:\t ,\t b=:YQ==:', { a: 'abc', b: 'a' }],
    ['a=:YQ:', { a: 'a' }],
    ['a=::', { a: '' }],
    ['a=:YQ==:;x=1;y', { a: 'a' }],
    ['a=:YQ==:, a=:Yg==:', { a: 'b' }],
    ['a, b=1, c="x", d=(1 :YQ==: "y";z);w, e=tok', { a: null, b: null, c: null, d: null, e: null }],
    ['*a.b_c-1=:YQ==:', { '*a.b_c-1': 'a' }],
    ['a=:YQ=:', { a: null }],
    ['a=:YR==:', { a: null }],
    ['a=:====:', { a: null }],
    ['a=:Y_-=:', undefined],
    ['a=:YQ==', undefined],
    ['A=:YQ==:', undefined],
    ['a=:YQ==:,', undefined],
    [',a=:YQ==:', undefined],
    ['a=:YQ==: b=:YQ==:', undefined],
    ['a =:YQ==:', undefined],
    ['a= :YQ==:', undefined],
    ['a=(1', undefined],
    ['=:YQ==:', undefined],
  ])('%j is %j', (field, members) => expect(read(field)).toEqual(members))
})

test('no field makes a parser throw or take long', () => {
  fc.assert(
    fc.property(headerText, field => {
      parseInteger(field)
      parseBoolean(field)
      parseByteSequences(field)
      dispositionName(field)
    }),
  )
  // Where one of them took time that grows with the square of the length, this would not end in a test's time.
  for (const unit of ['a=(', ' ', ';a', '"\\\\', ':A', 'a,', '%"', ';a="', "'%41", 'filename*=']) {
    const long = unit.repeat(16_384 / unit.length)
    for (const field of [long, `a=${long}`, `5${long}`, `inline; filename="${long}`]) {
      parseInteger(field)
      parseByteSequences(field)
      dispositionName(field)
    }
  }
})

describe('the file name of a Content-Disposition', () => {
  test.each([
    ['attachment; filename=a.jpg', 'a.jpg'],
    ['inline; filename="a b.jpg"', 'a b.jpg'],
    ['inline;filename = "a.jpg" ; x=y', 'a.jpg'],
    ['form-data; name="file"; FileName="a.jpg"', 'a.jpg'],
    ['inline; filename="a\\"b\\\\c.jpg"', 'a"b\\c.jpg'],
    ['inline; filename="a;b=c.jpg"', 'a;b=c.jpg'],
    ["inline; filename=a.jpg; filename*=UTF-8''%E5%86%99%E7%9C%9F.jpg", '写真.jpg'],
    ["inline; filename*=utf-8'de'%C3%BC.jpg; filename=a.jpg", 'ü.jpg'],
    ["inline; filename*=iso-8859-1''%FC.jpg", 'ü.jpg'],
    ["inline; filename=a.jpg; filename*=UTF-8''%FF.jpg", 'a.jpg'],
    ["inline; filename=a.jpg; filename*=UTF-16''a.jpg", 'a.jpg'],
    ["inline; filename=a.jpg; filename*=UTF-8''%2.jpg", 'a.jpg'],
    ['inline; filename="Ã¼.jpg"', 'ü.jpg'],
    ['inline; filename="ü.jpg"', 'ü.jpg'],
    ['inline; filename=a.jpg; filename=b.jpg', 'a.jpg'],
    ['inline; filename=""', ''],
    ['inline', undefined],
    ['', undefined],
    ['inline; filename', undefined],
    ['inline; filename=', undefined],
    ['inline; filename="a.jpg', undefined],
    ['filename=a.jpg', undefined],
    ['inline filename=a.jpg', undefined],
  ])('%j brings %j', (field, name) => expect(dispositionName(field)).toBe(name))
})

describe('the version', () => {
  test.each([
    ['3', 3, 'Upload-Incomplete', false],
    ['4', 4, 'Upload-Complete', false],
    ['5', 5, 'Upload-Complete', false],
    ['6', 6, 'Upload-Complete', true],
    ['7', 7, 'Upload-Complete', true],
    ['8', 8, 'Upload-Complete', true],
    ['8;a=b', 8, 'Upload-Complete', true],
    ['9', undefined, 'Upload-Complete', true],
    ['2', undefined, 'Upload-Complete', true],
    ['-3', undefined, 'Upload-Complete', true],
    ['3, 5', undefined, 'Upload-Complete', true],
    ['latest', undefined, 'Upload-Complete', true],
    [undefined, undefined, 'Upload-Complete', true],
  ])('%j is %s', (field, version, completeness, hasMediaType) => {
    const headers = field === undefined ? {} : { 'upload-draft-interop-version': field }
    const isUnversioned = field === undefined
    expect(dialectOf(headers)).toMatchObject({ version, completeness, hasMediaType, isUnversioned })
  })
})

describe('a request is of this dialect', () => {
  const url = '/v1/uploads/x'
  test.each([
    ['names a version', { 'upload-draft-interop-version': '8' }, url, true],
    ['names one that is not known', { 'upload-draft-interop-version': 'x' }, url, true],
    ['says what is complete', { 'upload-complete': '?1' }, url, true],
    ['appends a partial upload', { 'content-type': 'application/partial-upload' }, url, true],
    ['comes by an address of it', {}, `${url}?dialect=ietf`, true],
    ['says none of it', { 'upload-length': '5' }, url, false],
    ['is of tus', { 'tus-resumable': '1.0.0' }, url, false],
    ['is of tus and says what is complete', { 'tus-resumable': '1.0.0', 'upload-complete': '?1' }, url, false],
    ['is of tus and comes by an address of it', { 'tus-resumable': '1.0.0' }, `${url}?dialect=ietf`, false],
  ])('when it %s', (_title, headers, at, expected) => expect(isIetf({ headers, url: at })).toBe(expected))
})
