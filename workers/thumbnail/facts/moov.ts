/**
 * What a film says about itself: MP4, QuickTime and 3GP keep it in one box, `moov` (ISO 14496-12 §8.2), before or after the
 * pictures. `openMoovReader` picks that box out of a stream and keeps nothing else; `readMovie` reads it. What is malformed
 * is left out (null). Pure; never throws.
 */
import { noFacts, type PhotoFacts } from '../../../src/library/photo-facts.js'
import { type Box, boxesIn, childBox } from './boxes.js'
import { utcClock } from './exif-time.js'
import { type MovieTexts, readMovieTexts } from './movie-texts.js'

export interface MovieFacts extends MovieTexts {
  durationMs: number | null
  /** Pixels as shown: a turned film's sides are exchanged. */
  width: number | null
  height: number | null
}

export interface MoovReader {
  /** The file's next bytes, in chunks of any size. */
  push(chunk: Buffer): void
  /** The whole box, header and all; undefined until it was whole. A box that reaches to the file's end is whole at any time. */
  moov(): Buffer | undefined
}

/** An hour of film has about 1 MiB, at 240 frames a second ten; larger boxes are passed by. Several films are read at once. */
export const moovBytesMax = 16 * 1024 * 1024

/** A film in fragments has two boxes a second or so; a file of nothing but box headers is no film. */
const topBoxesMax = 100_000

export function openMoovReader(): MoovReader {
  let header = Buffer.alloc(0)
  /** Bytes of the current box that are still to come. */
  let left = 0
  let kept: Buffer[] | undefined
  let keptToEnd = 0
  let state: 'reading' | 'whole' | 'toEnd' | 'none' = 'reading'
  let boxes = 0

  const open = (size: number, isMoov: boolean) => {
    left = size - header.length
    if (isMoov && size <= moovBytesMax) kept = [header]
    header = Buffer.alloc(0)
    if (left < 0 || ++boxes > topBoxesMax) state = 'none'
    else if (kept && left === 0) state = 'whole'
  }

  /** Takes what it needs of the chunk for the next header; true once the header was read. */
  const readHeader = (chunk: Buffer): number => {
    const isLong = header.length >= 8 && header.readUInt32BE(0) === 1
    const taken = chunk.subarray(0, (isLong ? 16 : 8) - header.length)
    header = Buffer.concat([header, taken])
    if (header.length < 8) return taken.length
    const short = header.readUInt32BE(0)
    const isMoov = header.toString('latin1', 4, 8) === 'moov'
    if (short === 0) {
      // To the end of the file: either it is what is looked for, or nothing follows that could be.
      if (isMoov) kept = [header]
      state = isMoov ? 'toEnd' : 'none'
    } else if (short !== 1) open(short, isMoov)
    else if (header.length === 16) open(Number(header.readBigUInt64BE(8)), isMoov)
    return taken.length
  }

  const push = (chunk: Buffer) => {
    let at = 0
    while (at < chunk.length && state === 'reading') {
      if (left === 0) {
        at += readHeader(chunk.subarray(at))
        continue
      }
      const taken = Math.min(left, chunk.length - at)
      kept?.push(Buffer.from(chunk.subarray(at, at + taken)))
      left -= taken
      at += taken
      if (kept && left === 0) state = 'whole'
    }
    if (state === 'toEnd' && at < chunk.length) {
      keptToEnd += chunk.length - at
      kept?.push(Buffer.from(chunk.subarray(at)))
      if (keptToEnd > moovBytesMax) {
        kept = undefined
        state = 'none'
      }
    }
  }

  const moov = () => {
    if (!kept || (state !== 'whole' && state !== 'toEnd')) return undefined
    const whole = Buffer.concat(kept)
    // Its pieces need not stand beside it.
    kept = [whole]
    return whole
  }

  return { push, moov }
}

/** `moov`: the box with its header, or a whole film (a motion photo's) that has it at its top. */
export function readMovie(moov: Buffer, { now }: { now: Date }): MovieFacts {
  const box = childBox(moov, { body: 0, end: moov.length }, 'moov')
  if (!box) return { ...noMovieTexts, durationMs: null, width: null, height: null }
  const mvhd = childBox(moov, box, 'mvhd')
  const texts = readMovieTexts(moov, box, { now })
  const taken = texts.takenAt === null ? createdAt(moov, mvhd, now) : undefined
  const size = pictureSize(moov, box)
  return {
    ...texts,
    ...(taken && { takenAt: taken.wall, takenOffsetMinutes: 0 }),
    durationMs: durationMs(moov, box, mvhd),
    width: size?.width ?? null,
    height: size?.height ?? null,
  }
}

const noMovieTexts: MovieTexts = {
  takenAt: null,
  takenOffsetMinutes: null,
  latitude: null,
  longitude: null,
  cameraMake: null,
  cameraModel: null,
  description: null,
  live: null,
}

export function factsOfMovie(movie: MovieFacts): PhotoFacts {
  const { durationMs: _, width: _width, height: _height, ...facts } = movie
  return { ...noFacts, ...facts }
}

/** Years without pictures in motion on anyone's phone are clocks that were never set. */
const yearMin = 1990
const secondsFrom1904To1970 = 2_082_844_800

/** The header's time is in UTC by the standard; it says nothing of where. Only for films that say nothing better. */
function createdAt(bytes: Buffer, mvhd: Box | undefined, now: Date) {
  const seconds = timeField(bytes, mvhd, 4, 4)
  return seconds === undefined ? undefined : utcClock((seconds - secondsFrom1904To1970) * 1000, yearMin, now)
}

/** Of whichever box tells: the film's header, that of its fragments, or the longest track's. */
function durationMs(bytes: Buffer, moov: Box, mvhd: Box | undefined): number | null {
  const timescale = timeField(bytes, mvhd, 12, 20, 4)
  const fragments = childBox(bytes, childBox(bytes, moov, 'mvex'), 'mehd')
  const whole = milliseconds(timeField(bytes, mvhd, 16, 24), timescale)
  const inFragments = milliseconds(timeField(bytes, fragments, 4, 4), timescale)
  const known = whole ?? inFragments
  if (known !== null) return known
  const tracks = tracksOf(bytes, moov)
    .map(track => childBox(bytes, childBox(bytes, track, 'mdia'), 'mdhd'))
    .map(mdhd => milliseconds(timeField(bytes, mdhd, 16, 24), timeField(bytes, mdhd, 12, 20, 4)) ?? 0)
  return tracks.reduce((longest, ms) => Math.max(longest, ms), 0) || null
}

/** Phones write up to ten. */
const tracksMax = 64

function tracksOf(bytes: Buffer, moov: Box): Box[] {
  return [...boxesIn(bytes, moov.body, moov.end)].filter(({ type }) => type === 'trak').slice(0, tracksMax)
}

/** More is no film: three weeks fill a phone many times over. */
const durationMsMax = 2 ** 31 - 1

function milliseconds(duration: number | undefined, timescale: number | undefined): number | null {
  if (!duration || !timescale) return null
  const ms = Math.round((duration / timescale) * 1000)
  return ms > 0 && ms <= durationMsMax ? ms : null
}

/**
 * A number of a full box; where it stands depends on the box's version, of which 1 has times of 64 bits. All bits set is
 * "unknown".
 */
function timeField(bytes: Buffer, box: Box | undefined, at0: number, at1: number, size1 = 8): number | undefined {
  if (!box || box.body >= box.end) return undefined
  const isLong = bytes[box.body] === 1 && size1 === 8
  const at = box.body + (bytes[box.body] === 1 ? at1 : at0)
  if (at + (isLong ? 8 : 4) > box.end) return undefined
  const value = isLong ? bytes.readBigUInt64BE(at) : BigInt(bytes.readUInt32BE(at))
  return value === (isLong ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn) ? undefined : Number(value)
}

const pixelsMax = 65_535

/** Of the largest track of pictures, turned as its matrix says; cropping and pixels that aren't square are left aside. */
function pictureSize(bytes: Buffer, moov: Box): { width: number; height: number } | undefined {
  let largest: { width: number; height: number } | undefined
  for (const track of tracksOf(bytes, moov)) {
    const hdlr = childBox(bytes, childBox(bytes, track, 'mdia'), 'hdlr')
    const tkhd = childBox(bytes, track, 'tkhd')
    if (!tkhd || !hdlr) continue
    if (bytes.toString('latin1', hdlr.body + 8, Math.min(hdlr.body + 12, hdlr.end)) !== 'vide') continue
    const matrix = tkhd.body + (bytes[tkhd.body] === 1 ? 52 : 40)
    if (matrix + 44 > tkhd.end) continue
    const [a, b] = [bytes.readInt32BE(matrix), bytes.readInt32BE(matrix + 4)]
    // Fixed point, 16.16.
    const width = Math.round(bytes.readUInt32BE(matrix + 36) / 65_536)
    const height = Math.round(bytes.readUInt32BE(matrix + 40) / 65_536)
    if (width < 1 || height < 1 || width > pixelsMax || height > pixelsMax) continue
    const isTurned = Math.abs(b) > Math.abs(a)
    const size = isTurned ? { width: height, height: width } : { width, height }
    if (!largest || size.width * size.height > largest.width * largest.height) largest = size
  }
  return largest
}
