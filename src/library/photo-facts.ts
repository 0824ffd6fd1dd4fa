/** What a photo says about itself, as the catalogue keeps it. Types and limits only; workers/thumbnail reads it from the bytes. */

export interface PhotoFacts {
  /** The wall clock where the photo was taken, 'YYYY-MM-DDTHH:MM:SS'. Never shifted: an unknown zone stays unknown. */
  takenAt: string | null
  /** Minutes that wall clock is ahead of UTC, −840 to 840; null when the file doesn't say. */
  takenOffsetMinutes: number | null
  cameraMake: string | null
  cameraModel: string | null
  lens: string | null
  /** Degrees, north positive. Latitude and longitude are both there or both null. */
  latitude: number | null
  /** Degrees, east positive. */
  longitude: number | null
  /** EXIF orientation 1–8 as the file has it; renditions and the catalogue's width and height are upright already. */
  orientation: number | null
  exposureSeconds: number | null
  fNumber: number | null
  iso: number | null
  focalLengthMm: number | null
  /** Stars, 1–5; 0 is none and −1 rejected (XMP). */
  rating: number | null
  description: string | null
  /** What pictures of one burst share. */
  burst: string | null
  /** What the two halves of a Live Photo share (Apple's content identifier). */
  live: string | null
  /** The moving half of a motion photo, inside of the original. */
  motion: Motion | null
}

export interface Motion {
  /** Where it begins in the original, in bytes. */
  offset: number
  sizeBytes: number
  mediaType: string
  /** When in it the still was taken; null when the file doesn't say. */
  atMs: number | null
}

export const photoFactsLimits = {
  /** A camera or lens name; longer ones are cut. */
  textChars: 100,
  /** The first photograph is of 1826: an earlier date is a broken clock or a broken file. */
  yearMin: 1826,
  /** How far ahead of now a photo's wall clock may be: zones reach 14 hours, clocks drift. */
  takenAheadMs: 24 * 3600_000,
  /** Zones in use reach from −12 to +14 hours. */
  offsetMinutes: 14 * 60,
  /** Stars are exposed for hours, in steps; a day is no exposure. */
  exposureSeconds: 24 * 3600,
  fNumber: 1_000,
  /** Above the highest of any camera (4,560,000). */
  iso: 10_000_000,
  focalLengthMm: 100_000,
  /** A description; longer ones are cut. */
  descriptionChars: 2_000,
  /** An identifier; longer ones are none. */
  idChars: 100,
} as const

export const noFacts: Readonly<PhotoFacts> = {
  takenAt: null,
  takenOffsetMinutes: null,
  cameraMake: null,
  cameraModel: null,
  lens: null,
  latitude: null,
  longitude: null,
  orientation: null,
  exposureSeconds: null,
  fNumber: null,
  iso: null,
  focalLengthMm: null,
  rating: null,
  description: null,
  burst: null,
  live: null,
  motion: null,
}
