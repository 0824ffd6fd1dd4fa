/** Goal: what only begins like a video is not called one. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { makeDevelop } from '../../workers/thumbnail/develop.js'
import type { Decoder } from '../../workers/thumbnail/isolated/decoder.js'
import { openOriginal } from '../../workers/thumbnail/original.js'
import { box, moovBox } from './facts-bytes.js'

const decoder: Decoder = {
  develop: async () => Promise.reject(new Error('there is no picture here')),
  close: async () => {},
}
const develop = async (file: Buffer) => {
  const original = await openOriginal(Readable.from([file], { objectMode: true }), file.length)
  const options = { now: new Date('2026-01-01T00:00:00Z'), signal: new AbortController().signal }
  return makeDevelop({ decoder, ffmpeg: undefined })(original, options)
}
const ftyp = box('ftyp', Buffer.from('isom\0\0\0\0isom'))

test.each([
  ['an empty index', box('moov')],
  ['an index of noise', box('moov', Buffer.alloc(64, 7))],
  ['no index', box('free', Buffer.from('<script>alert(1)</script>'))],
])('a header and %s', async (_, rest) => {
  const reason = "The video's file is damaged, or ends too early"
  await expect(develop(Buffer.concat([ftyp, rest]))).rejects.toMatchObject({ name: 'Unreadable', reason })
})

test('an index that tells size or length is a video', async () => {
  const found = await develop(Buffer.concat([ftyp, moovBox({})]))
  expect(found).toMatchObject({ kind: 'video', mediaType: 'video/mp4', durationMs: 10_000, width: null })
})
