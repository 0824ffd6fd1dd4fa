/** Goal: what the headers of a tus request say is read as the specification writes it, and nothing else passes for it. */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAppError } from '../../src/core/errors.js'
import {
  bringsBytes,
  checksumAlgorithms,
  checksumOf,
  concatOf,
  idOfPath,
  lengthOf,
  lengthOfNew,
  methodOf,
  offsetOf,
} from '../../src/upload/tus/headers.js'

const path = '/v1/uploads'

/** What it answers, or the kind of error it throws. */
function outcome<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    if (isAppError(error)) return error.kind
    throw error
  }
}

describe('the method', () => {
  test.each([
    ['PATCH', undefined, 'PATCH'],
    ['POST', 'PATCH', 'PATCH'],
    ['POST', 'patch', 'PATCH'],
    ['POST', 'DELETE', 'DELETE'],
    ['PUT', 'HEAD', 'HEAD'],
    ['GET', 'HEAD', 'HEAD'],
    ['POST', '', ''],
    ['POST', 'PATCH, DELETE', 'PATCH, DELETE'],
    ['OPTIONS', 'DELETE', 'OPTIONS'],
  ])('%s with the override %j is %j', (method, override, meant) => {
    expect(methodOf(method, override === undefined ? {} : { 'x-http-method-override': override })).toBe(meant)
  })
})

describe('a length', () => {
  test.each<[IncomingHttpHeaders, number | undefined | string]>([
    [{ 'upload-length': '5' }, 5],
    [{ 'upload-length': '0' }, 0],
    [{ 'upload-defer-length': '1' }, undefined],
    [{}, 'invalid'],
    [{ 'upload-length': '' }, 'invalid'],
    [{ 'upload-length': '5, 5' }, 'invalid'],
    [{ 'upload-length': '5', 'upload-defer-length': '1' }, 'invalid'],
    [{ 'upload-length': '5', 'upload-defer-length': '0' }, 'invalid'],
    [{ 'upload-defer-length': '' }, 'invalid'],
    [{ 'upload-defer-length': '1, 1' }, 'invalid'],
  ])('of a new upload: %j is %s', (headers, length) => expect(outcome(() => lengthOfNew(headers))).toBe(length))

  test('said later, or not at all', () => {
    expect(lengthOf({ 'upload-length': '7' })).toBe(7)
    expect(lengthOf({})).toBeUndefined()
    expect(outcome(() => lengthOf({ 'upload-length': '7.0' }))).toBe('invalid')
  })

  test('an offset must be there', () => {
    expect(offsetOf({ 'upload-offset': '7' })).toBe(7)
    expect(outcome(() => offsetOf({}))).toBe('invalid')
  })
})

describe('a body is of the upload', () => {
  test.each([
    ['application/offset+octet-stream', true],
    ['Application/Offset+Octet-Stream', true],
    ['application/offset+octet-stream; charset=utf-8', true],
    ['application/offset+octet-stream ;x', true],
    ['application/offset+octet-streams', false],
    ['text/plain; application/offset+octet-stream', false],
    ['application/octet-stream', false],
    ['', false],
    [undefined, false],
  ])('%j: %s', (type, brings) => expect(bringsBytes({ 'content-type': type })).toBe(brings))
})

describe('a checksum', () => {
  const digests = {
    sha256: createHash('sha256').update('abc').digest('base64'),
    sha1: createHash('sha1').update('abc').digest('base64'),
    md5: createHash('md5').update('abc').digest('base64'),
    crc32: 'NSRBwg==',
  }
  const read = (header: string) => outcome(() => checksumOf({ 'upload-checksum': header }))

  test.each(Object.entries(digests))('of %s', (algorithm, base64) => {
    expect(read(`${algorithm} ${base64}`)).toEqual({ algorithm, digest: Buffer.from(base64, 'base64') })
    expect(checksumAlgorithms.split(',')).toContain(algorithm)
  })

  test('or none', () => expect(checksumOf({})).toBeUndefined())

  const sha1 = digests.sha1
  test.each([
    '',
    ' ',
    'sha1',
    'sha1 ',
    `SHA1 ${sha1}`,
    `sha512 ${sha1}`,
    `constructor ${sha1}`,
    `__proto__ ${sha1}`,
    ` sha1 ${sha1}`,
    `sha1  ${sha1}`,
    `sha1\t${sha1}`,
    `sha1 ${sha1} `,
    `sha1 ${sha1}, sha1 ${sha1}`,
    `sha1 ${digests.md5}`,
    `md5 ${sha1}`,
    `sha1 ${sha1.replace('=', '')}`,
    `sha1 ${sha1.replaceAll('+', '-')}`,
    `sha1 ${sha1.slice(0, 8)}*${sha1.slice(8)}`,
    'crc32 NSRBwh==',
    'crc32 352441c2',
  ])('%j is refused', header => expect(read(header)).toBe('invalid'))

  test('any header is read or refused, never anything else', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^(sha1|md5|crc32) [A-Za-z0-9+/=]{0,44}$/))
    fc.assert(
      fc.property(text, header => {
        const result = read(header)
        if (typeof result === 'string') expect(result).toBe('invalid')
        else expect(`${result?.algorithm} ${result?.digest.toString('base64')}`).toBe(header)
      }),
    )
  })
})

describe('concatenation', () => {
  const read = (concat: string | undefined, more: IncomingHttpHeaders = {}) =>
    outcome(() => concatOf({ ...(concat !== undefined && { 'upload-concat': concat }), ...more }, path))

  test.each([
    ['final;/v1/uploads/a', ['a']],
    ['final;/v1/uploads/a /v1/uploads/b', ['a', 'b']],
    ['final; /v1/uploads/b  /v1/uploads/a ', ['b', 'a']],
    ['final;https://photos.example/v1/uploads/a', ['a']],
    ['final;http://127.0.0.1:8080/v1/uploads/a?x#y', ['a']],
    ['final;//photos.example/v1/uploads/a', ['a']],
    ['final;uploads/a', ['a']],
    ['final;./uploads/a', ['a']],
    ['final;/v1/../v1/uploads/a', ['a']],
  ])('%j names %j', (concat, partials) => expect(read(concat)).toEqual({ concat, partials }))

  test.each([
    [undefined, 'whole'],
    ['partial', 'partial'],
    ['', 'invalid'],
    ['Partial', 'invalid'],
    ['partial, partial', 'invalid'],
    ['final', 'invalid'],
    ['final;', 'invalid'],
    ['final; ', 'invalid'],
    ['finale;/v1/uploads/a', 'invalid'],
    ['final;/v1/uploads', 'invalid'],
    ['final;a', 'invalid'],
    ['final;/v1/uploads/../a', 'invalid'],
    ['final;/v1/uploads/a /files/b', 'invalid'],
    ['final;https://photos.example/files/a', 'invalid'],
    ['final;file:///v1/uploads/a', 'invalid'],
    ['final;javascript:/v1/uploads/a', 'invalid'],
    ['final;http://[', 'invalid'],
    ['final;/v1/uploads/a,final;/v1/uploads/b', { partials: ['a,final;/v1/uploads/b'] }],
  ])('%j is %j', (concat, result) => {
    if (typeof result === 'string') expect(read(concat)).toBe(result)
    else expect(read(concat)).toMatchObject(result)
  })

  test.each([{ 'upload-length': '1' }, { 'upload-length': 'x' }, { 'upload-defer-length': '1' }])(
    'a final upload has no length of its own: %j',
    headers => expect(read('final;/v1/uploads/a', headers)).toBe('invalid'),
  )

  test('any header is read or refused, never anything else', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.stringMatching(/^[ a:/?#.%\\@[\]]{0,30}$/))
    fc.assert(
      fc.property(text, url => {
        const result = read(`final;${url}`)
        if (typeof result === 'string') expect(result).toBe('invalid')
        else expect(result.partials.every(partial => !partial.includes(' '))).toBe(true)
      }),
    )
  })
})

test.each([
  [path, ''],
  [`${path}?x=1/2`, ''],
  [`${path}/`, ''],
  [`${path}/?x`, ''],
  [`${path}/abc`, 'abc'],
  [`${path}/abc?x=/y`, 'abc'],
  [`${path}/a/b`, 'a/b'],
  [`${path}/%2e`, '%2e'],
])('%j names %j', (url, id) => expect(idOfPath(url, path)).toBe(id))
