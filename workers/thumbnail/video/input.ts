/**
 * How ffmpeg and ffprobe are made to open a file: as the container that its first bytes told, with the decoders that cameras'
 * videos need and no others, and nothing beside that one file, whatever the file refers to. Pure.
 */
import type { ConfinedFile } from './confined.js'

/** A movie may say that its pictures are in other files. */
const movie = ['-f', 'mov', '-enable_drefs', '0', '-use_absolute_path', '0']

/** Names as in sniff.ts. ffmpeg is never left to guess: its guesses include playlists and lists of other files. */
const demuxers: Readonly<Record<string, readonly string[]>> = {
  mp4: movie,
  mov: movie,
  '3gp': movie,
  '3g2': movie,
  webm: ['-f', 'matroska'],
  mkv: ['-f', 'matroska'],
  avi: ['-f', 'avi'],
}

/** ffmpeg's names of what phones, cameras and old cameras write → its decoders for it. */
const decoders: Readonly<Record<string, readonly string[]>> = {
  h264: ['h264'],
  hevc: ['hevc'],
  av1: ['libdav1d', 'libaom-av1'],
  vp8: ['vp8'],
  vp9: ['vp9'],
  mpeg4: ['mpeg4'],
  h263: ['h263'],
  h263p: ['h263p'],
  mpeg1video: ['mpeg1video'],
  mpeg2video: ['mpeg2video'],
  msmpeg4v2: ['msmpeg4v2'],
  msmpeg4v3: ['msmpeg4'],
  mjpeg: ['mjpeg'],
  prores: ['prores'],
  dvvideo: ['dvvideo'],
  svq1: ['svq1'],
  svq3: ['svq3'],
  rawvideo: ['rawvideo'],
}

/** Above the planes of any frame that is let in. */
const allocationBytesMax = 256 * 2 ** 20

/** Pixels of one frame: 8K as cinemas count it (8192 × 4320), the most that phones record, with room for whole blocks. */
export const framePixelsMax = 8192 * 4352

/**
 * Pictures reach no other decoder, and none that are larger. (At the first bytes of sound ffprobe looks with a decoder for it, and
 * has no way to be kept from that.)
 */
export const decodersOnly: readonly string[] = [
  ...['-codec_whitelist:v', Object.values(decoders).flat().join(',')],
  ...['-max_pixels', String(framePixelsMax)],
]

export function isDecoded(codec: string): boolean {
  return Object.hasOwn(decoders, codec)
}

/** To stand last. undefined: no kind that is opened here. */
export function inputArgs(kind: string, file: ConfinedFile): string[] | undefined {
  const demuxer = Object.hasOwn(demuxers, kind) ? demuxers[kind] : undefined
  if (demuxer === undefined) return undefined
  return [
    ...['-protocol_whitelist', 'file', ...demuxer],
    ...['-max_alloc', String(allocationBytesMax), '-max_streams', '64'],
    // Bytes, and microseconds of the video, that are read to learn what it is.
    ...['-probesize', '10000000', '-analyzeduration', '10000000'],
    ...['-threads', '1', '-i', `file:${file.path}`],
  ]
}
