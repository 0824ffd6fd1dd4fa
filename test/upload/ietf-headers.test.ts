/** Goal: what requests of the draft say is read strictly, and as the engine wants it; what contradicts itself is refused with its problem. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAppError } from '../../src/core/errors.js'
import { dialectOf } from '../../src/upload/ietf/dialect.js'
import { readAppend, readCreation, requirePlain } from '../../src/upload/ietf/headers.js'
import { parseMetadata } from '../../src/upload/protocol.js'

const base64 = (bytes: string | Buffer) => Buffer.from(bytes).toString('base64')
const versioned = (version: number, headers: Record<string, string>) => ({
  'upload-draft-interop-version': String(version),
  ...headers,
})
const creationOf = (version: number, headers: Record<string, string>) =>
  readCreation(headers, dialectOf(versioned(version, {})))
const appendOf = (version: number, headers: Record<string, string>) =>
  readAppend({ 'content-type': 'application/partial-upload', ...headers }, dialectOf(versioned(version, {})))
const errorOf = (fn: () => unknown) => {
  try {
    fn()
    return 'accepted'
  } catch (error) {
    if (!isAppError(error)) return error
    const type = error.facts.type
    return typeof type === 'string' ? `${error.kind} ${type.split('#')[1]}` : error.kind
  }
}

describe('a creation', () => {
  const cases: [number, Record<string, string>, number | undefined, boolean][] = [
    [8, { 'upload-complete': '?1', 'content-length': '5' }, 5, true],
    [8, { 'upload-complete': '?1', 'content-length': '5', 'upload-length': '5' }, 5, true],
    [8, { 'upload-complete': '?1', 'upload-length': '5' }, 5, true],
    [8, { 'upload-complete': '?1' }, undefined, true],
    [8, { 'upload-complete': '?0', 'content-length': '5' }, undefined, false],
    [8, { 'upload-complete': '?0', 'content-length': '5', 'upload-length': '9' }, 9, false],
    [8, { 'upload-complete': '?0', 'upload-length': '-9' }, undefined, false],
    [5, { 'upload-complete': '?1', 'content-length': '0' }, 0, true],
    [3, { 'upload-incomplete': '?0', 'content-length': '5' }, 5, true],
    [3, { 'upload-incomplete': '?1', 'content-length': '5' }, undefined, false],
    [3, { 'content-length': '5' }, 5, true],
    [3, { 'upload-incomplete': '?1', 'upload-complete': '?1', 'content-length': '5' }, undefined, false],
  ]
  test.each(cases)('of version %i: %j', (version, headers, sizeBytes, isLast) => {
    const { creation, content } = creationOf(version, headers)
    expect([creation.sizeBytes, content.isLast]).toEqual([sizeBytes, isLast])
  })

  const inconsistent = 'invalid inconsistent-upload-length'
  test.each([
    [8, {}, 'invalid'],
    [8, { 'upload-incomplete': '?0' }, 'invalid'],
    [8, { 'upload-complete': '1' }, 'invalid'],
    [3, { 'upload-incomplete': '0' }, 'invalid'],
    [8, { 'upload-complete': '?1', 'content-length': '5', 'upload-length': '6' }, inconsistent],
    [8, { 'upload-complete': '?1', 'content-length': '5', 'upload-length': '4' }, inconsistent],
    [8, { 'upload-complete': '?0', 'content-length': '5', 'upload-length': '4' }, inconsistent],
    [8, { 'upload-complete': '?1', 'content-encoding': 'br' }, 'unsupported_media'],
    [8, { 'upload-complete': '?1', 'content-type': 'text/plain' }, 'unsupported_media'],
    [8, { 'upload-complete': '?1', 'repr-digest': 'sha-256=x' }, 'invalid digest-invalid-values'],
    [8, { 'upload-complete': '?1', 'content-digest': 'sha-512=:YQ==:' }, 'invalid digest-invalid-values'],
    [8, { 'upload-complete': '?1', 'upload-metadata': 'a !' }, 'invalid'],
  ] as const)('of version %i is refused: %j', (version, headers, error) => {
    expect(errorOf(() => creationOf(version, headers))).toBe(error)
  })

  test.each([
    [{}, ''],
    [{ 'content-type': 'image/heic' }, `filetype ${base64('image/heic')}`],
    [{ 'content-type': 'application/octet-stream' }, ''],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, ''],
    [{ 'content-type': 'Application/Partial-Upload; x=y' }, ''],
    [{ 'content-type': 'application/offset+octet-stream' }, ''],
    [{ 'content-disposition': 'inline; filename="a.jpg"' }, `filename ${base64('a.jpg')}`],
    [{ 'content-disposition': 'inline; filename="../../b/a.jpg"' }, `filename ${base64('a.jpg')}`],
    [{ 'content-disposition': 'inline; filename=".."' }, ''],
    [{ 'content-disposition': ';;;' }, ''],
    [{ 'upload-metadata': `name ${base64('b')}`, 'content-disposition': 'inline; filename=a' }, `name ${base64('b')}`],
    [
      { 'upload-metadata': 'x', 'content-disposition': 'inline; filename=a', 'content-type': 'video/mp4' },
      `x,filename ${base64('a')},filetype ${base64('video/mp4')}`,
    ],
  ])('says what the file is: %j', (headers, metadata) => {
    const { creation } = creationOf(8, { 'upload-complete': '?1', ...headers })
    expect(creation.metadata).toBe(metadata)
  })

  test('brings digests of what is secure, the smaller one first', () => {
    const digest = (sizeBytes: number) => `:${base64(Buffer.alloc(sizeBytes, 7))}:`
    const all = `md5=${digest(16)}, sha-512=${digest(64)}, sha-256=${digest(32)}, sha=${digest(20)}`
    const { creation, content } = creationOf(8, { 'upload-complete': '?1', 'content-digest': all, 'repr-digest': all })
    expect(content.checksum).toEqual({ algorithm: 'sha256', digest: Buffer.alloc(32, 7) })
    expect(creation.sha256).toEqual(Buffer.alloc(32, 7))
    const only = creationOf(8, { 'upload-complete': '?1', 'content-digest': `sha-512=${digest(64)}` })
    expect([only.content.checksum?.algorithm, only.creation.sha256]).toEqual(['sha512', undefined])
  })
})

describe('an append', () => {
  const cases: [Record<string, string>, number, number | undefined, boolean][] = [
    [{ 'upload-offset': '7', 'upload-complete': '?0', 'content-length': '5' }, 7, undefined, false],
    [{ 'upload-offset': '7', 'upload-complete': '?1', 'content-length': '5' }, 7, 12, true],
    [{ 'upload-offset': '7', 'upload-complete': '?1', 'content-length': '0' }, 7, 7, true],
    [{ 'upload-offset': '7', 'upload-complete': '?1' }, 7, undefined, true],
    [{ 'upload-offset': '7', 'upload-complete': '?0', 'upload-length': '20' }, 7, 20, false],
    [{ 'upload-offset': '7', 'content-length': '5' }, 7, undefined, false],
    [{ 'upload-offset': '7', 'upload-complete': 'x', 'content-length': '5' }, 7, undefined, false],
  ]
  test.each(cases)('%j', (headers, offset, sizeBytes, isLast) => {
    const request = appendOf(8, headers)
    expect([request.offset, request.facts.sizeBytes, request.content.isLast]).toEqual([offset, sizeBytes, isLast])
  })

  const inconsistent = 'invalid inconsistent-upload-length'
  test.each([
    [8, { 'upload-complete': '?1' }, 'invalid'],
    [8, { 'upload-complete': '?1', 'upload-offset': '-1' }, 'invalid'],
    [8, { 'upload-offset': '7', 'upload-length': '6' }, inconsistent],
    [8, { 'upload-offset': '7', 'upload-length': '11', 'content-length': '5' }, inconsistent],
    [8, { 'upload-offset': '7', 'upload-length': '13', 'content-length': '5', 'upload-complete': '?1' }, inconsistent],
    [6, { 'upload-offset': '7', 'content-type': 'image/jpeg' }, 'unsupported_media'],
    [5, { 'upload-offset': '7', 'content-type': 'image/jpeg' }, 'accepted'],
    [8, { 'upload-offset': '7', 'content-encoding': 'gzip' }, 'unsupported_media'],
  ] as const)('of version %i: %j is %s', (version, headers, error) => {
    expect(errorOf(() => appendOf(version, headers))).toBe(error)
  })
})

test.each([
  [3, 'upload-incomplete', 'invalid'],
  [3, 'upload-complete', 'accepted'],
  [5, 'upload-complete', 'invalid'],
  [5, 'upload-length', 'accepted'],
  [6, 'upload-length', 'invalid'],
  [6, 'upload-offset', 'invalid'],
  [8, 'upload-offset', 'accepted'],
  [8, 'upload-complete', 'accepted'],
])('asking in version %i with %s is %s', (version, name, outcome) => {
  expect(errorOf(() => requirePlain({ [name]: '?1' }, dialectOf(versioned(version, {}))))).toBe(outcome)
})

test('any headers are read or refused as the client’s fault, and what is read of the file can be told again', () => {
  const value = fc.oneof(
    fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map(code => String.fromCharCode(code)) }),
    fc.constantFrom('?0', '?1', '0', '5', '7;a', 'sha-256=:AA==:', 'image/jpeg', 'application/partial-upload'),
    fc.stringMatching(/^inline; filename="[ -~]{0,300}"$/),
  )
  const name = fc.constantFrom(
    'upload-complete',
    'upload-incomplete',
    'upload-offset',
    'upload-length',
    'content-length',
    'content-type',
    'content-disposition',
    'content-digest',
    'repr-digest',
    'upload-metadata',
  )
  fc.assert(
    fc.property(fc.dictionary(name, value), fc.constantFrom(3, 5, 6, 8), (headers, version) => {
      expect([
        'accepted',
        'invalid',
        'unsupported_media',
        'invalid inconsistent-upload-length',
        'invalid digest-invalid-values',
      ]).toContain(errorOf(() => readAppend(headers, dialectOf(versioned(version, {})))))
      const outcome = errorOf(() => parseMetadata(creationOf(version, headers).creation.metadata))
      expect([
        'accepted',
        'invalid',
        'unsupported_media',
        'invalid inconsistent-upload-length',
        'invalid digest-invalid-values',
      ]).toContain(outcome)
    }),
    { numRuns: 500 },
  )
})
