/**
 * Where the moving half of a motion photo lies inside of the still: as Google's two formats, Samsung's and Huawei's say it, or
 * in the box that HEIF files have for it. A place is believed only when a film begins there. Pure; never throws.
 */
import type { Motion } from '../../../src/library/photo-facts.js'
import { boxAt, boxesIn } from './boxes.js'
import { samsungVideo } from './samsung-trailer.js'
import type { Xmp } from './xmp.js'

/** From the first byte to behind the last; the film may end before it. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** Phones' are some seconds; how far into one a still can be. */
const atMsMax = 3600_000

/** What a film's file is made of; anything else behind it belongs to the photo. */
const filmBoxes =
  /^(ftyp|moov|mdat|free|skip|wide|moof|mfra|sidx|styp|pdin|meta|udta|emsg|prft|ssix|uuid[0-9a-f]{32}|uuid)$/

export interface Telling {
  xmp: Xmp | undefined
  /** The camera's maker, as EXIF names it. */
  make: string | null
}

export function findMotion(original: Buffer, { xmp, make }: Telling): Motion | null {
  // A still whose film was taken off by an editor may keep what told of it, and one may say that it has none.
  if (xmp?.text('GCamera:MotionPhoto')?.trim() === '0') return null
  for (const candidate of candidates(original, { xmp, make })) {
    const film = filmIn(original, candidate)
    if (film) return { ...film, atMs: stillAtMs(xmp) }
  }
  return null
}

function* candidates(original: Buffer, { xmp, make }: Telling): Generator<Range> {
  if (original.toString('latin1', 4, 8) === 'ftyp') {
    for (const box of boxesIn(original, 0, original.length)) {
      if (box.type === 'mpvd') yield { from: box.body, to: box.end }
    }
  }
  if (xmp) yield* googleVideo(original.length, xmp)
  // To look through all of a file takes longer than to read its facts: only where it may help.
  yield* samsungVideo(original, { mayLackDirectory: make === null || /samsung/i.test(make) })
  yield* huaweiVideo(original)
  if (Number(xmp?.text('GCamera:MotionPhoto')) > 0 || Number(xmp?.text('GCamera:MicroVideo')) > 0)
    yield* lastFilms(original)
}

/** Motion Photo 1.0: the files of the container follow one another, so the film's place counts from the end. */
function* googleVideo(sizeBytes: number, xmp: Xmp): Generator<Range> {
  const items = xmp.structures('Container:Directory')
  let to = sizeBytes
  for (const item of items.toReversed()) {
    const length = count(item.get('Item:Length'))
    const padding = count(item.get('Item:Padding'))
    if (item.get('Item:Semantic') === 'MotionPhoto' && length > 0) {
      yield { from: to - length, to }
      // Some count what follows the film as its padding, some the film alone while other things follow.
      if (padding > 0) yield { from: to - padding - length, to: to - padding }
    }
    to -= length + padding
  }
  // MicroVideo, the format before it: bytes from the film's beginning to the end of the file.
  const back = count(xmp.text('GCamera:MicroVideoOffset'))
  if (back > 0) yield { from: sizeBytes - back, to: sizeBytes }
}

/** HarmonyOS: behind the film three fields of 20 bytes; the last says how long the film and the first of them are together. */
function* huaweiVideo(original: Buffer): Generator<Range> {
  const to = original.length
  const match = /^LIVE_(\d{1,12})[ \0]*$/.exec(original.toString('latin1', Math.max(0, to - 20)))
  if (match) yield { from: to - 40 - Number(match[1]), to }
}

/** Some editors and phones say that there is a film and not where; then it is the last that begins anywhere, if it is a whole one. */
function* lastFilms(original: Buffer): Generator<Range> {
  let end = original.length
  for (let tries = 0; tries < 8 && end > 0; tries++) {
    const at = original.lastIndexOf('ftyp', end)
    if (at < 8) return
    const range = { from: at - 4, to: original.length }
    const film = filmIn(original, range)
    if (film) {
      for (const box of boxesIn(original, film.offset, film.offset + film.sizeBytes))
        if (box.type === 'moov') yield range
    }
    end = at - 1
  }
}

/** The film that begins where the range does, as far as its boxes are a film's: what follows them belongs to the photo. */
function filmIn(original: Buffer, { from, to }: Range): Pick<Motion, 'offset' | 'sizeBytes' | 'mediaType'> | undefined {
  if (!Number.isSafeInteger(from) || from < 4 || to > original.length) return undefined
  const first = boxAt(original, from, to)
  if (first?.type !== 'ftyp' || first.end < first.body + 4) return undefined
  let end = first.end
  for (const box of boxesIn(original, first.end, to)) {
    if (!filmBoxes.test(box.type)) break
    end = box.end
  }
  // Nothing readable follows: what said where it begins is believed about where it ends.
  if (end === first.end) end = to
  const isQuickTime = original.toString('latin1', first.body, first.body + 4) === 'qt  '
  return { offset: from, sizeBytes: end - from, mediaType: isQuickTime ? 'video/quicktime' : 'video/mp4' }
}

function stillAtMs(xmp: Xmp | undefined): number | null {
  const names = ['GCamera:MotionPhotoPresentationTimestampUs', 'GCamera:MicroVideoPresentationTimestampUs']
  const written = names.map(name => xmp?.text(name)?.trim()).find(value => value !== undefined)
  // −1 is unknown.
  if (written === undefined || !/^\d{1,15}$/.test(written)) return null
  const ms = Math.round(Number(written) / 1000)
  return ms <= atMsMax ? ms : null
}

function count(written: string | undefined): number {
  return written !== undefined && /^\s*\d{1,15}\s*$/.test(written) ? Number(written) : 0
}
