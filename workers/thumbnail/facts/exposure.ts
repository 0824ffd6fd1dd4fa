/** How a photo was exposed, from the several fields that EXIF has for each number. Pure; what can't be is left out. */
import { photoFactsLimits as limits, type PhotoFacts } from '../../../src/library/photo-facts.js'
import type { Exif } from './blocks.js'

type Exposure = Pick<PhotoFacts, 'exposureSeconds' | 'fNumber' | 'iso' | 'focalLengthMm'>

export function readExposure(exif: Exif | undefined): Exposure {
  // Fields of the photo's directory stand in the first one in some raws.
  const number = (tag: number) => exif?.photo?.number(tag) ?? exif?.main?.number(tag)
  const shutter = number(0x9201)
  const aperture = number(0x9202)
  return {
    exposureSeconds:
      positive(number(0x829a), limits.exposureSeconds) ??
      // APEX (EXIF 2.32 annex C): the time is 2^−value; to the three digits that it has.
      positive(shutter !== undefined && shutter < 24 ? rounded(2 ** -shutter, 3) : undefined, limits.exposureSeconds),
    fNumber:
      positive(number(0x829d), limits.fNumber) ??
      positive(aperture !== undefined && aperture > -4 ? rounded(2 ** (aperture / 2), 2) : undefined, limits.fNumber),
    iso: iso([0x8827, 0x8833, 0x8832, 0x8831].map(number)),
    focalLengthMm: positive(number(0x920a), limits.focalLengthMm),
  }
}

/** EXIF 2.3 §4.6.5: in the first, 65535 means that the real value didn't fit in 16 bits and stands in one of the others. */
function iso(candidates: readonly (number | undefined)[]): number | null {
  const found = candidates.find(
    value => value !== undefined && Number.isInteger(value) && value > 0 && value !== 65_535 && value <= limits.iso,
  )
  return found ?? null
}

function positive(value: number | undefined, max: number): number | null {
  return value !== undefined && value > 0 && value <= max ? value : null
}

function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits))
}
