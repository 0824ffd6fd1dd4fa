/**
 * From an original that streams past to what is kept of it. Pictures are decoded in processes of their own. A video tells of itself
 * in a box that is read as it passes, and has its poster from ffmpeg, where that is installed; the poster is then a picture.
 */
import { isAppError } from '../../src/core/errors.js'
import { noFacts, type PhotoFacts } from '../../src/library/photo-facts.js'
import type { Developed } from './developed.js'
import { factsOfMovie, openMoovReader, readMovie } from './facts/moov.js'
import { readWebm } from './facts/webm.js'
import { Broke } from './isolated/broke.js'
import type { Decoder } from './isolated/decoder.js'
import type { Original } from './original.js'
import { refusalOf } from './picture/refusal.js'
import { type Kind, sniff } from './sniff.js'
import { Unreadable } from './unreadable.js'
import { noFfmpeg, readVideo, type VideoFacts } from './video/ffmpeg.js'
import type { Ffmpeg } from './video/find-ffmpeg.js'
import { openSpool } from './video/spool.js'

export interface DevelopOptions {
  /** Dates far ahead of it are not believed. */
  now: Date
  signal: AbortSignal
}

/** Rejects with Unreadable for a file that has no picture, with Broke when decoding broke, else with what failed around it. */
export type Develop = (original: Original, options: DevelopOptions) => Promise<Developed>

/** Above this nothing is a camera's picture; it is hashed as it passes, and never in memory. */
const pictureBytesMax = 256 * 1024 * 1024

/** What most photos have is read before a decoder is free, so that none of them waits for the bucket. */
const aheadBytesMax = 16 * 1024 * 1024

/** These can't be played without their `moov` box. */
const hasMoov: ReadonlySet<string> = new Set(['mp4', 'mov', '3gp', '3g2'])
const isWebm: ReadonlySet<string> = new Set(['webm', 'mkv'])
const cutShort = "The video's file is damaged, or ends too early"
const noFrame = 'No frame of the video can be shown as its preview'

export interface DevelopDeps {
  decoder: Decoder
  /** undefined: it isn't installed. */
  ffmpeg: Ffmpeg | undefined
}

export function makeDevelop({ decoder, ffmpeg }: DevelopDeps): Develop {
  const picture = async ({ bytes, sizeBytes }: Original, options: DevelopOptions): Promise<Developed> => {
    if (sizeBytes <= aheadBytesMax) return decoder.develop(await readAhead(bytes, sizeBytes), { ...options, sizeBytes })
    if (sizeBytes <= pictureBytesMax) return decoder.develop(bytes, { ...options, sizeBytes })
    throw new Unreadable(`The file is larger than ${pictureBytesMax / 1024 / 1024} MiB, the most that is rendered`)
  }

  /** ffmpeg has to jump about in a video, so its bytes go to a file as well, where there is one to use it. */
  const spooled = async (bytes: AsyncIterable<Buffer>, kind: Kind, sizeBytes: number, options: DevelopOptions) => {
    const { now, signal } = options
    const spool = await openSpool({ sizeBytes }).catch((error: unknown) => {
      if (isAppError(error, 'too_large')) return error
      throw error
    })
    if (spool instanceof Error) {
      for await (const _ of bytes);
      return { noPoster: spool.message }
    }
    try {
      for await (const chunk of bytes) await spool.write(chunk)
      return { seen: await readVideo(spool.file, kind, { ffmpeg, now, signal }), noPoster: noFrame }
    } finally {
      await spool.remove()
    }
  }

  /** A frame that can't be shown is no reason to call the video unreadable. */
  const posterOf = async (frame: Buffer | null, options: DevelopOptions): Promise<Developed | undefined> => {
    if (frame === null) return undefined
    try {
      return await decoder.develop(once(frame), { ...options, sizeBytes: frame.byteLength })
    } catch (error) {
      if (error instanceof Unreadable || error instanceof Broke) return undefined
      throw error
    }
  }

  const video = async (
    { head, bytes, sizeBytes }: Original,
    kind: Kind,
    options: DevelopOptions,
  ): Promise<Developed> => {
    const reader = openMoovReader()
    const passing = passedBy(bytes, chunk => reader.push(chunk))
    let seen: VideoFacts | undefined
    let noPoster = noFfmpeg
    if (ffmpeg) ({ seen, noPoster } = await spooled(passing, kind, sizeBytes, options))
    else for await (const _ of passing);
    const moov = reader.moov()
    const movie = moov ? readMovie(moov, options) : isWebm.has(kind.name) ? readWebm(head, options) : undefined
    // Any bytes can have a video's header: one that tells neither size nor length is none.
    const isNothing = (movie?.width ?? movie?.durationMs ?? seen?.width ?? seen?.durationMs) == null
    if (isNothing && (seen?.reason || hasMoov.has(kind.name))) throw new Unreadable(seen?.reason ?? cutShort)
    const poster = await posterOf(seen?.poster ?? null, options)
    return {
      kind: 'video',
      mediaType: kind.mediaType,
      width: seen?.width ?? movie?.width ?? null,
      height: seen?.height ?? movie?.height ?? null,
      durationMs: movie?.durationMs ?? seen?.durationMs ?? null,
      renditions: poster?.renditions ?? [],
      thumbhash: poster?.thumbhash ?? null,
      // Videos are not compared with pictures, nor with each other by one frame.
      look: null,
      facts: factsOf(movie && factsOfMovie(movie), seen),
      reason: poster ? null : (seen?.reason ?? noPoster),
    }
  }

  return async (original, options) => {
    const refusal = refusalOf(original.head)
    if (refusal !== undefined) throw new Unreadable(refusal)
    const kind = sniff(original.head)
    return kind.sort === 'video' ? video(original, kind, options) : picture(original, options)
  }
}

/** The file's own words go before what ffprobe makes of them. */
function factsOf(movie: PhotoFacts | undefined, seen: VideoFacts | undefined): PhotoFacts {
  const facts = movie ?? noFacts
  if (facts.takenAt !== null || !seen) return facts
  return { ...facts, takenAt: seen.takenAt, takenOffsetMinutes: seen.takenOffsetMinutes }
}

/** In one piece: many small ones would each wait for the decoder to take them. A body that is too long is told by its last piece. */
async function readAhead(bytes: AsyncIterable<Buffer>, sizeBytes: number): Promise<AsyncIterable<Buffer>> {
  const whole = Buffer.allocUnsafeSlow(sizeBytes)
  let filled = 0
  const beyond: Buffer[] = []
  for await (const chunk of bytes) {
    const taken = chunk.copy(whole, filled)
    filled += taken
    if (taken < chunk.byteLength) beyond.push(chunk.subarray(taken))
  }
  return (async function* () {
    yield whole.subarray(0, filled)
    yield* beyond
  })()
}

async function* passedBy(bytes: AsyncIterable<Buffer>, look: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    look(chunk)
    yield chunk
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
