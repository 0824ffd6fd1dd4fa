/**
 * Looks at a video with ffmpeg: its size, length and date, and one of its frames for a poster. Touches nothing but the file it is
 * given and two programs, one after the other, each confined (find-ffmpeg.ts, confined.ts, input.ts).
 *
 * What is wrong with the video is in `reason`, in words for its owner; the promise rejects only for what isn't the video's fault.
 */
import { type ConfinedFile, type Ended, run } from './confined.js'
import type { Ffmpeg } from './find-ffmpeg.js'
import { decodersOnly, framePixelsMax, inputArgs, isDecoded } from './input.js'
import { posterBytesMax, posterLooks } from './poster.js'
import { containerOnly, type Pictures, parseProbe, probeArgs } from './probe.js'

export type { Ffmpeg } from './find-ffmpeg.js'

export interface VideoFacts {
  /** A PNG, upright, sRGB, its longest side at most posterEdgePx. null: `reason` says why. */
  readonly poster: Buffer | null
  /** Pixels as it is shown, upright; null when it couldn't be learned. */
  readonly width: number | null
  readonly height: number | null
  readonly durationMs: number | null
  /** As in PhotoFacts. A file that gives the moment in UTC gives a wall clock in UTC, with the offset 0. */
  readonly takenAt: string | null
  readonly takenOffsetMinutes: number | null
  /** One public sentence, without a full stop, when there is no poster. */
  readonly reason: string | null
  /** What ffmpeg complained of, for the log of whoever operates it; printable ASCII in one line. */
  readonly said: string
}

export interface ReadVideoOptions {
  /** undefined where it isn't installed. */
  ffmpeg: Ffmpeg | undefined
  /** Rejects at once with its reason. */
  signal: AbortSignal
  /** Dates far ahead of it are not believed. */
  now: Date
  timeoutMs?: number
}

/** Of all looks together. Most take less than a second; this leaves room for a machine that is busy with other things. */
export const videoTimeoutMs = 40_000

/** The kind's name is as in sniff.ts. Rejects with the signal's reason, and AppError `unavailable` when ffmpeg can't be started. */
export async function readVideo(
  file: ConfinedFile,
  kind: { readonly name: string },
  { ffmpeg, signal, now, timeoutMs = videoTimeoutMs }: ReadVideoOptions,
): Promise<VideoFacts> {
  signal.throwIfAborted()
  if (ffmpeg === undefined) return { ...nothing, reason: noFfmpeg }
  const input = inputArgs(kind.name, file)
  if (input === undefined) return { ...nothing, reason: 'The file is no video of a kind that is known here' }

  const end = new AbortController()
  const stop = () => end.abort(signal.reason)
  const timer = setTimeout(() => end.abort(), timeoutMs)
  signal.addEventListener('abort', stop, { once: true })
  let known = nothing
  try {
    const use = { ffmpeg, input, file, signal: end.signal }
    const { probed, ended } = await probe(use, now)
    if (probed === undefined) return { ...nothing, reason: exhausted(ended) ?? damaged, said: ended.said }
    const { pictures, durationMs, takenAt, takenOffsetMinutes } = probed
    known = { ...nothing, durationMs, takenAt, takenOffsetMinutes }
    if (typeof pictures === 'string') return { ...known, reason: lacking[pictures], said: ended.said }
    known = { ...known, ...pictures.upright }
    const refusal = refuse(pictures)
    if (refusal !== undefined) return { ...known, reason: refusal, said: ended.said }
    return { ...known, ...(await takePoster(use, pictures, durationMs)) }
  } catch (error) {
    signal.throwIfAborted()
    if (!end.signal.aborted) throw error
    return { ...known, reason: `The video could not be read in ${Math.ceil(timeoutMs / 1000)} seconds` }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

export const noFfmpeg = 'There is no preview, because this server has no ffmpeg'

const nothing: VideoFacts = {
  poster: null,
  width: null,
  height: null,
  durationMs: null,
  takenAt: null,
  takenOffsetMinutes: null,
  reason: null,
  said: '',
}

const lacking = {
  none: 'There are no pictures in this video',
  sizeless: 'The video does not say how large its pictures are, or says what cannot be',
} as const
const damaged = "The video's file is damaged, or ends too early"

interface Use {
  ffmpeg: Ffmpeg
  input: readonly string[]
  file: ConfinedFile
  signal: AbortSignal
}

async function probe({ ffmpeg, input, file, signal }: Use, now: Date) {
  const ask = async (manner: readonly string[]) => {
    const args = [...probeArgs, ...manner, ...input]
    const ended = await run(ffmpeg.ffprobe, args, { file, signal, outputBytesMax: 65_536 })
    return { ended, probed: ended.isWell ? parseProbe(ended.output.toString(), now) : undefined }
  }
  const answer = await ask(decodersOnly)
  const isEnough = answer.probed !== undefined && answer.probed.pictures !== 'sizeless'
  if (isEnough || exhausted(answer.ended)) return answer
  const again = await ask(containerOnly)
  return again.probed ? again : answer
}

function refuse(pictures: Pictures): string | undefined {
  const { codec, frame } = pictures
  if (!isDecoded(codec)) return `The video's pictures are in a format that is not read here (${codec})`
  if (frame.width * frame.height <= framePixelsMax) return undefined
  const megapixelsMax = Math.floor(framePixelsMax / 1e6)
  return `${frame.width} × ${frame.height} pixels are more than the limit of ${megapixelsMax} megapixels for a video`
}

async function takePoster({ ffmpeg, input, file, signal }: Use, pictures: Pictures, durationMs: number | null) {
  let said = ''
  let reason: string | undefined
  for (const args of posterLooks([...decodersOnly, ...input], { pictures, durationMs, mapsTones: ffmpeg.mapsTones })) {
    const ended = await run(ffmpeg.ffmpeg, args, { file, signal, outputBytesMax: posterBytesMax })
    // Over damage it goes on as far as it can, and ends with another status; a whole picture is one all the same.
    if (ended.killedBy === null && isPng(ended.output)) return { poster: ended.output, said: ended.said }
    said ||= ended.said
    reason ??= exhausted(ended)
  }
  return { reason: reason ?? "The video's picture data is damaged", said }
}

/** The system's limits on memory and CPU time end a program so. */
function exhausted({ killedBy }: Ended): string | undefined {
  const isLimit = killedBy === 'SIGKILL' || killedBy === 'SIGXCPU'
  return isLimit ? 'The video takes more time or memory to read than a video may' : undefined
}

/** From its signature to its last chunk (PNG §5.6). */
function isPng(bytes: Buffer): boolean {
  return (
    bytes.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n' &&
    bytes.toString('latin1', bytes.length - 8, bytes.length - 4) === 'IEND'
  )
}
