/** Goal: what a client says of a part, and of content that was deleted, is read alike in every dialect, and what makes no sense is refused. */
import { describe, expect, test } from 'vitest'
import { isAppError } from '../../src/core/errors.js'
import { newId } from '../../src/core/ids.js'
import { dialectOf } from '../../src/upload/ietf/dialect.js'
import { readCreation } from '../../src/upload/ietf/headers.js'
import { type FileFacts, parseMetadata, partHeaders, readFileFacts } from '../../src/upload/protocol.js'
import { metadataOf } from './tus-server.js'

const photo = newId()
const nothing = { partOf: null, role: null, keepDeleted: false }

const ofTus = (said: Record<string, string>): FileFacts => readFileFacts(parseMetadata(metadataOf(said)))
const ofIetf = (said: Record<string, string>): FileFacts => {
  const headers: Record<string, string> = { 'upload-draft-interop-version': '8', 'upload-complete': '?1' }
  for (const [key, value] of Object.entries(said)) {
    const ours = partHeaders[key as keyof typeof partHeaders]
    headers[ours?.toLowerCase() ?? 'content-type'] = value
  }
  return readFileFacts(parseMetadata(readCreation(headers, dialectOf(headers)).creation.metadata))
}

describe.each([
  ['tus', ofTus],
  ['the draft', ofIetf],
])('in %s', (_dialect, read) => {
  test.each([
    [{}, nothing],
    [
      { partOf: photo, role: 'motion' },
      { ...nothing, partOf: photo, role: 'motion' },
    ],
    [
      { partOf: photo, role: 'edit', ifDeleted: 'keep' },
      { partOf: photo, role: 'edit', keepDeleted: true },
    ],
    [{ ifDeleted: 'keep' }, { ...nothing, keepDeleted: true }],
    [{ ifDeleted: 'restore' }, nothing],
    [
      { partOf: photo, role: 'sidecar', filetype: 'text/xml' },
      { partOf: photo, role: 'sidecar', mediaType: null },
    ],
  ])('%j is understood', (said, facts) => expect(read(said)).toMatchObject(facts))

  test.each([
    [{ partOf: photo }, 'invalid'],
    [{ role: 'edit' }, 'invalid'],
    [{ partOf: '../etc', role: 'edit' }, 'invalid'],
    [{ partOf: '', role: 'edit' }, 'invalid'],
    [{ partOf: photo, role: 'Edit' }, 'invalid'],
    [{ partOf: photo, role: 'toString' }, 'invalid'],
    [{ ifDeleted: 'yes' }, 'invalid'],
    [{ ifDeleted: '' }, 'invalid'],
    [{ partOf: photo, role: 'edit', filetype: 'text/xml' }, 'unsupported_media'],
  ])('%j is refused', (said, kind) => {
    let error: unknown
    try {
      read(said)
    } catch (thrown) {
      error = thrown
    }
    expect(isAppError(error) && error.kind).toBe(kind)
  })
})

test('the metadata of a client goes before its headers, and both together have one limit', () => {
  const dialect = dialectOf({ 'upload-draft-interop-version': '8' })
  const said = { 'upload-metadata': metadataOf({ ifDeleted: 'restore' }), 'photosync-if-deleted': 'keep' }
  const { creation } = readCreation({ 'upload-complete': '?1', ...said }, dialect)
  expect(readFileFacts(parseMetadata(creation.metadata)).keepDeleted).toBe(false)
  const long = { 'upload-complete': '?1', 'photosync-part-of': 'x'.repeat(4_096) }
  expect(() => readCreation(long, dialect)).toThrow(expect.objectContaining({ kind: 'invalid' }))
})
