/**
 * Goal: a video of any kind that phones write gets a poster that is upright, in its own colours and not dark, and its size, length
 * and date; and one that has no poster says why, in words for its owner. Real ffmpeg; each film is made here.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { sniff } from '../../workers/thumbnail/sniff.js'
import { readVideo } from '../../workers/thumbnail/video/ffmpeg.js'
import { type Ffmpeg, findFfmpeg } from '../../workers/thumbnail/video/find-ffmpeg.js'
import { openSpool } from '../../workers/thumbnail/video/spool.js'
import { describeWith } from '../support/services.js'
import { corners } from './drawing.js'
import {
  apart,
  contentOf,
  cornersGraph,
  film,
  hasEncoder,
  plain,
  readQuarters,
  turn,
  usualEncoder,
} from './video-drawing.js'

const { red, green, blue, yellow } = corners
const now = new Date('2026-06-01T12:00:00Z')
const { signal } = new AbortController()

async function read(video: Buffer, ffmpeg: Ffmpeg | undefined, name = sniff(video).name) {
  const spool = await openSpool({ sizeBytes: video.byteLength })
  try {
    await spool.write(video)
    return await readVideo(spool.file, { name }, { ffmpeg, signal, now })
  } finally {
    await spool.remove()
  }
}

describeWith('ffmpeg', 'with ffmpeg', () => {
  let dir = ''
  let ffmpeg: Ffmpeg | undefined
  let usual: string[] = []
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'photosync-film-'))
    ffmpeg = await findFfmpeg(process.env.PATH, signal)
    usual = await usualEncoder()
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  const look = (video: Buffer) => read(video, ffmpeg)
  const shoot = (name: string, graph: string, ...args: string[]) => film(dir, name, graph, ...args)
  const quarters = async (video: Buffer) => {
    const { poster, reason } = await look(video)
    expect(reason).toBeNull()
    return readQuarters(poster ?? Buffer.alloc(0))
  }

  const need = async (context: TestContext, encoder: string) =>
    context.skip(!(await hasEncoder(encoder)), `this ffmpeg has no encoder ${encoder}`)

  describe('every kind', () => {
    test.for<[string, string, string[]]>([
      ['h264.mp4', 'libx264', ['-pix_fmt', 'yuv420p']],
      ['index-first.mp4', 'libx264', ['-pix_fmt', 'yuv420p', '-movflags', '+faststart']],
      ['fragments.mp4', 'libx264', ['-pix_fmt', 'yuv420p', '-movflags', 'frag_keyframe+empty_moov']],
      ['hevc.mov', 'libx265', ['-pix_fmt', 'yuv420p', '-tag:v', 'hvc1', '-x265-params', 'log-level=error']],
      ['mpeg4.mp4', 'mpeg4', ['-q:v', '2']],
      ['camera.mov', 'mjpeg', ['-q:v', '2']],
      ['mobile.3gp', 'h263', ['-s', '352x288', '-q:v', '2']],
      ['vp8.webm', 'libvpx', ['-b:v', '1M']],
      ['vp9.webm', 'libvpx-vp9', ['-cpu-used', '8', '-pix_fmt', 'yuv420p']],
      ['h264.mkv', 'libx264', ['-pix_fmt', 'yuv420p']],
      ['old.avi', 'mpeg4', ['-q:v', '2']],
    ])('%s', async ([name, encoder, args], context) => {
      await need(context, encoder)
      const video = await shoot(name, cornersGraph, '-c:v', encoder, ...args)
      const found = await look(video)
      expect(found.reason).toBeNull()
      expect(apart(await readQuarters(found.poster ?? Buffer.alloc(0)), [red, green, blue, yellow])).toBeLessThan(9)
      expect(found.durationMs).toBeGreaterThan(2_800)
      expect(found.durationMs).toBeLessThan(3_200)
      // H.263 knows few sizes, and pixels that aren't square for this one.
      const isSquare = name !== 'mobile.3gp'
      expect([found.width, found.height]).toEqual(isSquare ? [320, 240] : [384, 288])
    })

    test('with sound', async () => {
      const graph = `${cornersGraph};sine=d=3`
      const video = await shoot('sound.mp4', graph, ...usual, '-c:a', 'aac')
      expect(apart(await quarters(video), [red, green, blue, yellow])).toBeLessThan(9)
    })
  })

  describe('upright', () => {
    // Clockwise, as phones held upright, upside down and the other way round write it.
    test.each([
      [90, [0, 1, -1, 0], [240, 320], [blue, red, yellow, green]],
      [180, [-1, 0, 0, -1], [320, 240], [yellow, blue, green, red]],
      [270, [0, -1, 1, 0], [240, 320], [green, yellow, red, blue]],
    ] as const)('turned by %i degrees', async (_, matrix, size, wanted) => {
      const flat = await shoot('turned.mov', cornersGraph, ...usual)
      const { poster, width, height } = await look(turn(flat, matrix))
      expect([width, height]).toEqual(size)
      expect(apart(await readQuarters(poster ?? Buffer.alloc(0)), wanted)).toBeLessThan(9)
    })

    test('pixels wider than high', async () => {
      const { width, height, poster } = await look(await shoot('wide.mp4', `${cornersGraph},setsar=4/3`, ...usual))
      expect([width, height]).toEqual([427, 240])
      expect(pngSize(poster)).toEqual([427, 240])
    })

    test('a large one is made smaller, a small one not larger', async () => {
      const large = await look(await shoot('large.mp4', plain('red', 0.5, '2160x3840'), ...usual))
      expect([large.width, large.height]).toEqual([2160, 3840])
      expect(pngSize(large.poster)).toEqual([810, 1440])
      const small = await look(await shoot('small.mp4', plain('red', 0.5, '64x48'), ...usual))
      expect(pngSize(small.poster)).toEqual([64, 48])
    })
  })

  describe('colours', () => {
    test('of HD that says nothing are those of HD, and of HD that says so too', async () => {
      const hd = `${cornersGraph},scale=1280:960:out_color_matrix=bt709`
      const silent = await shoot('hd.mp4', hd, ...usual)
      expect(apart(await quarters(silent), [red, green, blue, yellow])).toBeLessThan(9)
      const small = `${cornersGraph},scale=out_color_matrix=bt709`
      const tagged = await shoot('tagged.mp4', small, ...usual, '-colorspace', 'bt709')
      expect(apart(await quarters(tagged), [red, green, blue, yellow])).toBeLessThan(9)
    })

    test.for(['smpte2084', 'arib-std-b67'])(
      'of HDR (%s) are mapped to what every screen shows',
      async (transfer, context) => {
        if (!ffmpeg?.mapsTones) context.skip('this ffmpeg has no zscale or no tonemap')
        await need(context, 'libx265')
        const linear = 'format=yuv444p,zscale=min=bt709:tin=bt709:pin=bt709:rin=tv:t=linear:p=bt2020:npl=203'
        const hdr = `zscale=t=${transfer}:p=bt2020:m=bt2020nc:r=tv:npl=203`
        const source = cornersGraph.replace('yellow', 'gray')
        const graph = `${source},scale=out_color_matrix=bt709,${linear},format=gbrpf32le,${hdr},format=yuv420p10le`
        const tags = ['-colorspace', 'bt2020nc', '-color_primaries', 'bt2020', '-color_trc', transfer]
        const video = await shoot('hdr.mov', graph, '-c:v', 'libx265', '-x265-params', 'log-level=error', ...tags)
        const [r = [], g = [], b = [], grey = []] = await quarters(video)
        expect(apart([grey], [[128, 128, 128]])).toBeLessThan(9)
        // The full lights are bent in a little; untreated they would be mixed with a third of the others.
        const pure = [r, g, b].map((colour, n) => [colour[n] ?? 0, ...colour.filter((_, at) => at !== n)])
        for (const [light = 0, ...others] of pure) {
          expect(light).toBeGreaterThan(200)
          expect(Math.max(...others)).toBeLessThan(30)
        }
      },
    )
  })

  describe('which frame', () => {
    const darkThenRed = `${plain('black', 1.2)}[dark];${plain('red', 2)}[light];[dark][light]concat`
    test('not a dark one, with many keyframes and with one', async () => {
      for (const keyframes of ['5', '1000']) {
        const video = await shoot('late.mp4', darkThenRed, '-c:v', 'mpeg4', '-q:v', '2', '-g', keyframes)
        expect(apart(await quarters(video), [red])).toBeLessThan(9)
      }
    })

    test('a dark one if there are no others', async () => {
      const video = await shoot('dark.mp4', plain('black', 2), ...usual)
      expect(apart(await quarters(video), [[0, 0, 0]])).toBeLessThan(9)
    })

    test('the only one', async () => {
      const video = await shoot('one.mp4', cornersGraph, '-frames:v', '1', ...usual)
      expect(apart(await quarters(video), [red, green, blue, yellow])).toBeLessThan(9)
    })
  })

  describe('what it says of itself', () => {
    test.each([
      ['day.mkv', ['-metadata', 'creation_time=2024-05-01T10:20:30Z'], '2024-05-01T10:20:30', 0],
      ['day.mp4', ['-metadata', 'creation_time=2024-05-01T10:20:30Z'], '2024-05-01T10:20:30', 0],
      [
        'zone.mov',
        ['-metadata', 'com.apple.quicktime.creationdate=2024-05-01T18:20:30+0800'],
        '2024-05-01T18:20:30',
        480,
      ],
      ['never.mp4', [], null, null],
      ['ahead.mp4', ['-metadata', 'creation_time=2031-05-01T10:20:30Z'], null, null],
    ])('%s: when', async (name, metadata, takenAt, takenOffsetMinutes) => {
      const moveTags = name.endsWith('.mov') ? ['-movflags', 'use_metadata_tags'] : []
      const video = await shoot(name, plain('red', 1), ...usual, ...metadata, ...moveTags)
      expect(await look(video)).toMatchObject({ takenAt, takenOffsetMinutes })
    })

    test('a browser’s recording has no length, and a poster', async () => {
      const video = await shoot('live.webm', cornersGraph, '-c:v', 'libvpx', '-live', '1')
      const found = await look(video)
      expect(found.durationMs).toBeNull()
      expect(found.poster).not.toBeNull()
    })
  })

  describe('no poster', () => {
    const sound = async () => shoot('sound.mp4', 'sine=d=2', '-c:a', 'aac')

    test('sound alone', async () => {
      const found = await look(await sound())
      expect(found).toMatchObject({ poster: null, width: null, reason: 'There are no pictures in this video' })
      expect(found.durationMs).toBeGreaterThan(1_900)
    })

    test('a file that ends before its index', async () => {
      const video = await shoot('cut.mp4', cornersGraph, ...usual)
      const found = await look(video.subarray(0, contentOf(video, 'moov') - 8))
      expect(found).toMatchObject({ poster: null, reason: "The video's file is damaged, or ends too early" })
    })

    test('pictures of which nothing is left; their size is still known', async () => {
      const video = await shoot('torn.mp4', cornersGraph, ...usual, '-movflags', '+faststart')
      video.fill(0, contentOf(video, 'mdat'))
      const found = await look(video)
      expect(found).toMatchObject({
        poster: null,
        reason: "The video's picture data is damaged",
        width: 320,
        height: 240,
      })
    })

    test('a codec that is not let in', async () => {
      const found = await look(await shoot('old.mov', plain('red', 0.5), '-c:v', 'cinepak'))
      const reason = "The video's pictures are in a format that is not read here (cinepak)"
      expect(found).toMatchObject({ poster: null, reason, width: 320, height: 240 })
    })

    test.each([
      ['an empty file', Buffer.alloc(0)],
      ['noise', Buffer.from('a'.repeat(5_000))],
    ])('%s', async (_, bytes) => {
      const found = await read(bytes, ffmpeg, 'mp4')
      expect(found).toMatchObject({ poster: null, reason: "The video's file is damaged, or ends too early" })
    })
  })

  test('a video that ends early keeps the poster of what is there', async () => {
    const video = await shoot('half.mp4', `testsrc2=s=320x240:r=10:d=6`, ...usual, '-movflags', '+faststart')
    const { poster, reason } = await look(video.subarray(0, Math.floor(video.byteLength / 2)))
    expect(reason).toBeNull()
    expect(pngSize(poster)).toEqual([320, 240])
  })
})

test('without ffmpeg it says so', async () => {
  expect(await read(Buffer.from('....ftypmp42'), undefined, 'mp4')).toMatchObject({
    poster: null,
    width: null,
    reason: 'There is no preview, because this server has no ffmpeg',
  })
})

test('there is no ffmpeg in a PATH that has none, nor where a path is not a whole one', async () => {
  expect(await findFfmpeg('', signal)).toBeUndefined()
  expect(await findFfmpeg(undefined, signal)).toBeUndefined()
  expect(await findFfmpeg('.:bin:/nowhere', signal)).toBeUndefined()
})

function pngSize(png: Buffer | null): number[] | undefined {
  return png ? [png.readUInt32BE(16), png.readUInt32BE(20)] : undefined
}
