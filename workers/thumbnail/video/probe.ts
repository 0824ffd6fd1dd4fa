/** What ffprobe says of a video: how it is asked, and what its answer means. Pure; what is malformed is left out. */
import { photoFactsLimits } from '../../../src/library/photo-facts.js'
import { parseOffset, parseWallTime } from '../facts/exif-time.js'

/** A video's one stream of pictures. */
export interface Pictures {
  /** ffmpeg's name. */
  readonly codec: string
  /** Of the frames as they are stored. */
  readonly frame: { readonly width: number; readonly height: number }
  /** As it is shown: turned the right way up, with square pixels. */
  readonly upright: { readonly width: number; readonly height: number }
  /** As ffmpeg names them; undefined where the file doesn't say. */
  readonly matrix: string | undefined
  readonly transfer: string | undefined
}

export interface Probed {
  /** `none`: only sound, for instance. `sizeless`: there are some, of no size that ffprobe would say. */
  readonly pictures: Pictures | 'none' | 'sizeless'
  readonly durationMs: number | null
  /** As in PhotoFacts. A file that gives the moment in UTC gives a wall clock in UTC, with the offset 0. */
  readonly takenAt: string | null
  readonly takenOffsetMinutes: number | null
}

const streamEntries = 'codec_name,width,height,sample_aspect_ratio,color_space,color_transfer,duration'
const dateTags = ['com.apple.quicktime.creationdate', 'creation_time', 'date', 'ICRD'] as const

/** V: pictures that move, not covers and chapter marks. */
export const probeArgs: readonly string[] = [
  ...['-v', 'error', '-of', 'json', '-select_streams', 'V:0', '-show_entries'],
  `stream=${streamEntries}:stream_tags=DURATION:stream_side_data=rotation:format=duration:format_tags=${dateTags.join(',')}`,
]

/** Asks the container alone and decodes nothing: for what stays unsaid because a decoder isn't let in, or lets nothing so large in. */
export const containerOnly: readonly string[] = ['-nofind_stream_info']

type Fields = Readonly<Record<string, unknown>>

/** undefined: not ffprobe's answer. */
export function parseProbe(json: string, now: Date): Probed | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(json)
  } catch {
    return undefined
  }
  const [stream] = Array.isArray(fields(answer).streams) ? (fields(answer).streams as unknown[]) : []
  const format = fields(fields(answer).format)
  return {
    pictures: readPictures(fields(stream)),
    durationMs: duration(fields(stream), format),
    ...readDate(fields(format.tags), now),
  }
}

function readPictures(stream: Fields): Probed['pictures'] {
  const { codec_name: codec, width, height } = stream
  if (Object.keys(stream).length === 0) return 'none'
  if (!isSize(width) || !isSize(height)) return 'sizeless'
  // A pixel may be wider than high; what is far from a square is a broken number.
  const [across = 1, down = 1] = String(stream.sample_aspect_ratio).split(':').map(Number)
  const ratio = across / down
  const stretched = ratio >= 0.25 && ratio <= 4 ? Math.round(width * ratio) : width
  const sides = Array.isArray(stream.side_data_list) ? stream.side_data_list.map(fields) : []
  const rotation = sides.map(side => side.rotation).find(value => typeof value === 'number') ?? 0
  const isTurned = Math.abs(Math.round(rotation / 90)) % 2 === 1
  return {
    codec: typeof codec === 'string' && /^\w{1,30}$/.test(codec) ? codec : 'unknown',
    frame: { width, height },
    upright: isTurned ? { width: height, height: stretched } : { width: stretched, height },
    matrix: known(stream.color_space),
    transfer: known(stream.color_transfer),
  }
}

/** Above a day a video is no camera's; a phone's longest is some hours. */
const durationMsMax = 7 * 24 * 3600_000

function duration(stream: Fields, format: Fields): number | null {
  // Matroska: '00:00:03.033000000'.
  const clock = /^(\d{1,4}):(\d\d):(\d\d(?:\.\d+)?)$/.exec(String(fields(stream.tags).DURATION))
  const clockSeconds = clock ? Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]) : Number.NaN
  const candidates = [Number(format.duration ?? Number.NaN), Number(stream.duration ?? Number.NaN), clockSeconds]
  const seconds = candidates.find(value => value > 0 && value * 1000 <= durationMsMax)
  return seconds === undefined ? null : Math.round(seconds * 1000)
}

function readDate(tags: Fields, now: Date): Pick<Probed, 'takenAt' | 'takenOffsetMinutes'> {
  for (const tag of dateTags) {
    const text = tags[tag]
    const takenAt = parseWallTime(text, now)
    if (typeof text !== 'string' || takenAt === undefined) continue
    // What clocks that were never set, and muxers that have none, count from.
    if (/^(1904|1970)-01-01T00:00/.test(takenAt)) continue
    const zone = /(Z|[+-]\d\d:?\d\d)$/.exec(text.trim())?.[1]
    const offset = parseOffset(zone)
    const isSane = offset !== undefined && Math.abs(offset) <= photoFactsLimits.offsetMinutes
    return { takenAt, takenOffsetMinutes: isSane ? offset : null }
  }
  return { takenAt: null, takenOffsetMinutes: null }
}

function known(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w-]{1,30}$/.test(value) && value !== 'unknown' ? value : undefined
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}
