/**
 * Whether two pictures are the same one, or two of one moment. Pure.
 *
 * `same` is said only when it is sure: a copy that is called different costs its owner some space, two photos that are called the same
 * may cost one of them. So all of this must hold: the hashes are near, the details agree, they agree everywhere, and the place where the
 * one lies in the other is one that an edit could have put it: the whole, or a window inside, of the proportions that both sizes say.
 *
 * Pictures of a burst are alike, too. Where the camera says that two were taken at different moments close together, only what is
 * equal within an encoder's noise is the same: that is a copy of the other's pixels, and a hand is never that still.
 */
import { align, type Fit, fitInPlace, restOf, type Surface, surfaceOf, type Window, whole } from './align.js'

/** Pictures whose hashes differ by more bits are not compared. Edits differ by 10 at most, nearly all by 6; most pairs by 24 to 40. */
export const sameDistanceMax = 12

/** Taken within so many seconds of each other is one moment. */
export const momentSeconds = 5

/** How much two pictures of one moment must look alike, as they lie: of a thousand pairs of any two photos two do. */
const similarLimits = { correlationMin: 0.7, distanceMax: 24 } as const
/** The camera says that it is a burst: then a look that has nothing in common is enough to say no. */
const burstCorrelationMin = 0.3

export interface Pictured {
  readonly surface: Surface
  /** Upright, in pixels. */
  readonly width: number
  readonly height: number
  /** Of the wall clock where it was taken, in seconds from any fixed moment; null when unknown. */
  readonly takenSeconds: number | null
  readonly camera: string | null
  readonly burst: string | null
}

export type LikenessClass = 'same' | 'similar'

/** `distance`: of the two hashes. undefined: two different pictures. */
export function compare(a: Pictured, b: Pictured, distance: number): LikenessClass | undefined {
  const inPlace = fitInPlace(a.surface, b.surface)
  const moment = momentOf(a, b)
  if (distance <= sameDistanceMax) {
    const same = moment === 'apart' ? isCopy(a, b, inPlace) : isSame(a, b, inPlace)
    if (same) return 'same'
  }
  if (moment === 'unknown') return undefined
  const isBurst = a.burst !== null && a.burst === b.burst
  const isSimilar = isBurst
    ? inPlace.correlation >= burstCorrelationMin
    : inPlace.correlation >= similarLimits.correlationMin && distance <= similarLimits.distanceMax
  return isSimilar ? 'similar' : undefined
}

/**
 * What the camera says of when the two were taken: at moments that it tells `apart` though they are near, at `one` moment, or nothing
 * that makes them belong together. The clock counts whole seconds, so `one` may be a burst as well as a copy.
 */
function momentOf(a: Pictured, b: Pictured): 'apart' | 'one' | 'unknown' {
  if (a.takenSeconds === null || b.takenSeconds === null) return 'unknown'
  if (a.camera !== null && b.camera !== null && a.camera !== b.camera) return 'unknown'
  const seconds = Math.abs(a.takenSeconds - b.takenSeconds)
  const isBurst = a.burst !== null && a.burst === b.burst
  if (seconds > (isBurst ? burstSeconds : momentSeconds)) return 'unknown'
  return seconds > 0 ? 'apart' : 'one'
}

/** Bursts are held for longer than that by nobody. */
export const burstSeconds = 60

/** Below it, as they lie, even a crop of a twentieth doesn't fall; it spares most pairs the search. */
const worthAligning = 0.75

/**
 * What a crop's finer grain and clipped lights leave in the worst part stays below `worstMax`. Where size and tones are the same, neither
 * can be the cause of it: colours turned to grey in another way, up to `worstStillMax`, or something moved. The latter is believed sooner
 * of two that were taken in one second.
 */
const sameLimits = { correlationMin: 0.985, worstMax: 0.38, worstStillMax: 0.3, worstMomentMax: 0.2 } as const
const toningMin = 0.04
/** The encoder's noise at quality 30, at half the size. */
const copyLimits = { correlationMin: 0.998, worstMax: 0.14 } as const

function isSame(a: Pictured, b: Pictured, inPlace: Fit): boolean {
  if (isCopy(a, b, inPlace)) return true
  if (inPlace.correlation < worthAligning) return false
  return isWindow(a, b) || isWindow(b, a)
}

/** As they lie, and whatever their proportions: a picture that was squeezed into another size is the same, too. */
function isCopy(a: Pictured, b: Pictured, inPlace: Fit): boolean {
  if (inPlace.correlation < copyLimits.correlationMin) return false
  return restOf(a.surface, b.surface, whole).worst <= copyLimits.worstMax
}

/** Whether `inner` is all of `outer`, or what a crop has left of it. */
function isWindow(inner: Pictured, outer: Pictured): boolean {
  const proportion = inner.width / inner.height / (outer.width / outer.height)
  if (Math.abs(proportion - 1) > cropMax) return false
  const { window, correlation } = align(inner.surface, outer.surface, proportion)
  if (correlation < sameLimits.correlationMin || !isPossible(window, inner, outer)) return false
  const { worst, toning } = restOf(inner.surface, outer.surface, window)
  const isStill = isOfOneSize(inner, outer) && toning < toningMin
  if (!isStill) return worst <= sameLimits.worstMax
  return worst <= (momentOf(inner, outer) === 'one' ? sameLimits.worstMomentMax : sameLimits.worstStillMax)
}

/** By how much a crop changes the proportions at most, or rounding those of a small picture. */
const cropMax = 0.08

/** How exactly a window is found, as shares of a side. */
const exactness = { place: 0.006, size: 0.018, border: 0.01 } as const

/** An edit of equal size was not cropped, so it lies in place; two shots by hand hardly do. Any other lies inside. */
function isPossible({ x, y, width, height }: Window, inner: Pictured, outer: Pictured): boolean {
  if (isOfOneSize(inner, outer)) {
    return Math.max(Math.abs(x), Math.abs(y)) <= exactness.place && Math.abs(width - 1) <= exactness.size
  }
  const beyond = Math.max(Math.abs(x) + width / 2, Math.abs(y) + height / 2) - 0.5
  return beyond <= exactness.border
}

const isOfOneSize = (a: Pictured, b: Pictured) => a.width === b.width && a.height === b.height

export interface Looked {
  readonly look: Uint8Array
  readonly width: number
  readonly height: number
  /** 'YYYY-MM-DDTHH:MM:SS' */
  readonly takenAt: string | null
  readonly cameraMake: string | null
  readonly cameraModel: string | null
  readonly burst: string | null
}

export function picturedOf({ look, width, height, takenAt, cameraMake, cameraModel, burst }: Looked): Pictured {
  return {
    surface: surfaceOf(look),
    width,
    height,
    takenSeconds: takenAt === null ? null : Date.parse(`${takenAt}Z`) / 1_000,
    camera: cameraModel === null ? null : `${cameraMake ?? ''} ${cameraModel}`,
    burst,
  }
}
