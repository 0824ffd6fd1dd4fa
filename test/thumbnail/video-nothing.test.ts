/** Goal: what only begins like a video is not called one; one that there is no room to look at is a video all the same. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { makeDevelop } from '../../workers/thumbnail/develop.js'
import type { Decoder } from '../../workers/thumbnail/isolated/decoder.js'
import { openOriginal } from '../../workers/thumbnail/original.js'
import type { Ffmpeg } from '../../workers/thumbnail/video/find-ffmpeg.js'
import { box, moovBox } from './facts-bytes.js'

const decoder: Decoder = {
  develop: async () => Promise.reject(new Error('there is no picture here')),
  close: async () => {},
}
const develop = async (
  file: Buffer,
  { sizeBytes = file.length, ffmpeg }: { sizeBytes?: number; ffmpeg?: Ffmpeg } = {},
) => {
  const original = await openOriginal(Readable.from([file], { objectMode: true }), sizeBytes)
  const options = { now: new Date('2026-01-01T00:00:00Z'), signal: new AbortController().signal }
  return makeDevelop({ decoder, ffmpeg })(original, options)
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

test('one that is larger than the whole disk has no poster, and says why', async () => {
  const ffmpeg = { ffmpeg: '/nowhere/ffmpeg', ffprobe: '/nowhere/ffprobe', heldBy: 'nothing' } as unknown as Ffmpeg
  const found = await develop(Buffer.concat([ftyp, moovBox({})]), { sizeBytes: 2 ** 60, ffmpeg })
  expect(found).toMatchObject({ kind: 'video', durationMs: 10_000, renditions: [] })
  expect(found.reason).toContain('larger than what this server has room')
})
