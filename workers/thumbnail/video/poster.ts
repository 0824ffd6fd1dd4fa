/**
 * Which frame stands for a video, and how ffmpeg makes a picture of it: a PNG, upright, with square pixels, in sRGB. Pure.
 *
 * Three looks, each only when the one before found nothing: the first keyframe that isn't dark from a little after the start on,
 * which costs one frame's decoding; any frame there, for a video whose keyframes are far apart; the very first frame.
 */
import type { Pictures } from './probe.js'

/** Longest side, in pixels: that of the largest rendition. */
export const posterEdgePx = 1440

/** Above a PNG of random pixels of that size. */
export const posterBytesMax = 8 * 2 ** 20

export interface PosterOptions {
  pictures: Pictures
  durationMs: number | null
  /** ffmpeg has zscale and tonemap. */
  mapsTones: boolean
}

interface Look {
  startSeconds: number
  isKeyframe: boolean
  isLit: boolean
}

/** Seconds of the video, and frames, that are searched for one that isn't dark. */
const searched = { seconds: 30, frames: 60 }

/** The arguments of each look, around those of the input. */
export function posterLooks(input: readonly string[], options: PosterOptions): string[][] {
  const startSeconds = startOf(options.durationMs)
  const looks: Look[] = [
    { startSeconds, isKeyframe: true, isLit: true },
    { startSeconds, isKeyframe: false, isLit: true },
    { startSeconds: 0, isKeyframe: false, isLit: false },
  ]
  return looks.map(look => [
    ...['-hide_banner', '-v', 'error', '-nostdin', '-nostats', '-filter_threads', '1'],
    ...(look.isKeyframe ? ['-skip_frame', 'nokey'] : []),
    ...(look.isLit ? ['-ss', String(look.startSeconds), '-t', String(searched.seconds)] : []),
    ...input,
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-vf', filters(options, look), '-frames:v', '1', '-threads', '1'],
    ...['-c:v', 'png', '-compression_level', '1', '-f', 'image2pipe', 'pipe:1'],
  ])
}

/** A tenth into it and at least a second, where the hand has come to rest; but near the start, by which people know it. */
function startOf(durationMs: number | null): number {
  if (durationMs === null) return 1
  const seconds = durationMs / 1000
  return Math.round(Math.min(10, Math.max(seconds / 10, Math.min(1, seconds / 3))) * 1000) / 1000
}

/** ffmpeg turns the frames upright before the first of these. */
function filters({ pictures, mapsTones }: PosterOptions, look: Look): string {
  const isHdr = pictures.transfer === 'smpte2084' || pictures.transfer === 'arib-std-b67'
  const toned = isHdr && mapsTones ? toSdr(pictures) : []
  const matrix = toned.length > 0 ? 'bt709' : matrixOf(pictures)
  return [
    ...(look.isLit ? [`trim=end_frame=${searched.frames}`] : []),
    resize,
    ...toned,
    ...(look.isLit ? lit : []),
    `scale=in_color_matrix=${matrix}:flags=accurate_rnd+full_chroma_int`,
    'format=rgb24',
    // A PNG tells what its numbers mean; screens show a video's as if they were sRGB.
    'setparams=color_primaries=bt709:color_trc=iec61966-2-1',
  ].join(',')
}

const shrink = `min(1,${posterEdgePx}/max(iw*sar,ih))`
const resize = `scale=w='max(1,round(iw*sar*${shrink}))':h='max(1,round(ih*${shrink}))':flags=bicubic+accurate_rnd+full_chroma_int,setsar=1`

/** Of a dark frame 19 pixels in 20 are nearly black. */
const lit = [
  'blackframe=amount=0:threshold=32',
  'metadata=mode=select:key=lavfi.blackframe.pblack:value=95:function=less',
]

/** HDR10 and HLG → linear light, 1 being a white page at 203 cd/m² (ITU-R BT.2408); the lights above it, to 1000, bent in; video again. */
function toSdr({ matrix, transfer }: Pictures): string[] {
  const from = `tin=${transfer}:pin=bt2020:min=${matrix === 'bt2020c' ? 'bt2020c' : 'bt2020nc'}`
  return [
    `zscale=${from}:t=linear:p=bt709:npl=203`,
    'format=gbrpf32le',
    'tonemap=mobius:desat=0:peak=5',
    'zscale=t=bt709:p=bt709:m=bt709:r=tv',
    'format=yuv420p',
  ]
}

const matrices: Readonly<Record<string, string>> = {
  bt709: 'bt709',
  bt470bg: 'bt470',
  smpte170m: 'smpte170m',
  smpte240m: 'smpte240m',
  fcc: 'fcc',
  bt2020nc: 'bt2020',
  bt2020c: 'bt2020',
  gbr: 'auto',
}

/** What isn't said follows the size, by the custom of all players: HD is BT.709, what is smaller BT.601. */
function matrixOf({ matrix, frame }: Pictures): string {
  const byCustom = Math.min(frame.width, frame.height) >= 720 ? 'bt709' : 'bt601'
  return (matrix !== undefined && Object.hasOwn(matrices, matrix) ? matrices[matrix] : undefined) ?? byCustom
}
