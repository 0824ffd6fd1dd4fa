/** Goal: what ffprobe answers is read as it is meant, and what can't be right is left out. */
import { expect, test } from 'vitest'
import { parseProbe } from '../../workers/thumbnail/video/probe.js'

const now = new Date('2026-06-01T12:00:00Z')
const parse = (stream: object, format: object = {}) => parseProbe(JSON.stringify({ streams: [stream], format }), now)
const hd = { codec_name: 'h264', width: 1920, height: 1080 }
const rotated = (rotation: unknown) => ({ ...hd, side_data_list: [{}, { rotation }] })

test.each([
  ['as it is', hd, [1920, 1080]],
  ['turned right', rotated(-90), [1080, 1920]],
  ['turned left', rotated(270), [1080, 1920]],
  ['upside down', rotated(180), [1920, 1080]],
  ['turned by nothing that is a number', rotated('90'), [1920, 1080]],
  ['pixels wider than high', { ...hd, width: 1440, sample_aspect_ratio: '4:3' }, [1920, 1080]],
  ['pixels higher than wide, turned', { ...rotated(90), sample_aspect_ratio: '1:2' }, [1080, 960]],
  ['pixels of no shape', { ...hd, sample_aspect_ratio: '0:1' }, [1920, 1080]],
  ['pixels like a line', { ...hd, sample_aspect_ratio: '1000000:1' }, [1920, 1080]],
  ['pixels of nonsense', { ...hd, sample_aspect_ratio: 'N/A' }, [1920, 1080]],
])('upright size: %s', (_, stream, [width, height]) => {
  expect(parse(stream)?.pictures).toMatchObject({ upright: { width, height } })
})

test.each([[{ ...hd, width: 0 }], [{ ...hd, height: '1080' }], [{ ...hd, width: 70_000 }], [{ codec_name: 'h264' }]])(
  'no size: %j',
  stream => {
    expect(parse(stream)?.pictures).toBe('sizeless')
  },
)

test('a codec’s name is one, whatever the answer says', () => {
  expect(parse({ ...hd, codec_name: 'h264\n<b>' })?.pictures).toMatchObject({ codec: 'unknown' })
  expect(parse({ width: 2, height: 2 })?.pictures).toMatchObject({ codec: 'unknown' })
})

test.each([
  ['of the container', {}, { duration: '3.033000' }, 3_033],
  ['of the stream', { duration: '2.5' }, {}, 2_500],
  ['of Matroska’s tag', { tags: { DURATION: '01:00:03.033000000' } }, {}, 3_603_033],
  ['nothing', {}, {}, null],
  ['N/A', { duration: 'N/A' }, { duration: 'N/A' }, null],
  ['below nothing', {}, { duration: '-1' }, null],
  ['for ever', {}, { duration: '1e300' }, null],
])('length: %s', (_, stream, format, durationMs) => {
  expect(parse({ ...hd, ...stream }, format)?.durationMs).toBe(durationMs)
})

const apple = 'com.apple.quicktime.creationdate'
test.each([
  [{ creation_time: '2024-05-01T10:20:30.000000Z' }, '2024-05-01T10:20:30', 0],
  [{ creation_time: '2024-05-01T10:20:30Z', [apple]: '2024-05-01T18:20:30+0800' }, '2024-05-01T18:20:30', 480],
  [{ date: '2004-07-01 09:00:00' }, '2004-07-01T09:00:00', null],
  [{ creation_time: '1904-01-01T00:00:00Z', date: '2004-07-01 09:00:00' }, '2004-07-01T09:00:00', null],
  [{ creation_time: '1970-01-01T00:00:00Z' }, null, null],
  [{ creation_time: '2044-01-01T00:00:00Z' }, null, null],
  [{ creation_time: '2024-02-30T00:00:00Z' }, null, null],
  [{ date: '2024' }, null, null],
  [{ date: 7 }, null, null],
])('date: %j', (tags, takenAt, takenOffsetMinutes) => {
  expect(parse(hd, { tags })).toMatchObject({ takenAt, takenOffsetMinutes })
})

test.each(['', 'null', '7', '[]', '{}', '{"streams":[]}', '{"streams":{},"format":7}'])('an answer like %j', answer => {
  const nothing = { pictures: 'none', durationMs: null, takenAt: null, takenOffsetMinutes: null }
  if (answer === '') expect(parseProbe(answer, now)).toBeUndefined()
  else expect(parseProbe(answer, now)).toEqual(nothing)
})
