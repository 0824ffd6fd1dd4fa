/** A photo, as this region's tables know it. */
import type { PartRole } from '../core/part-roles.js'
import type { PhotoState } from '../core/photo-state.js'
import type { PhotoPart } from './parts-sql.js'
import type { Motion } from './photo-facts.js'

export type { PhotoState }

export type PhotoKind = 'picture' | 'video'

/** The video that is the moving half of a picture: a file of its own. */
export interface MovingHalf {
  /** Its row in photos. */
  id: string
  /** Lower-case hex. */
  sha256: string
  sizeBytes: number
  mediaType: string | null
  fileName: string | null
}

export interface Exposure {
  exposureSeconds: number | null
  fNumber: number | null
  iso: number | null
  focalLengthMm: number | null
}

export interface Photo {
  id: string
  sha256: Buffer
  sizeBytes: number
  fileName: string | null
  storedAt: Date
  /** When a worker last read the original again and its hash was right. */
  verifiedAt: Date | null
  state: PhotoState
  reason: string | null
  /** Of the renditions that exist; below zero when the original is to be looked at again, see `recipeOf`. */
  recipe: number | null
  /** Names of the renditions that exist. */
  renditions: string[]
  /** Whose renditions people see: the photo's own, or its edit's. null: there are none. */
  shown: { id: string; recipe: number | null } | null
  kind: PhotoKind | null
  /** Of a video. */
  durationMs: number | null
  /** From the bytes. */
  mediaType: string | null
  /** Upright, in pixels. */
  width: number | null
  height: number | null
  /** Wall clocks, ISO 8601 without zone. */
  takenAt: string | null
  takenOffsetMinutes: number | null
  shownAt: string
  cameraMake: string | null
  cameraModel: string | null
  lens: string | null
  exposure: Exposure | null
  latitude: number | null
  longitude: number | null
  /** Stars, 1–5; 0 is none and −1 rejected. */
  rating: number | null
  description: string | null
  /** Its moving half, when that is inside of the original. */
  motion: Motion | null
  /** Its moving half, when that is a file of its own. */
  movingHalf: MovingHalf | null
  /** What it is made of besides its original, the oldest first. */
  parts: PhotoPart[]
  /** The photo that this is a part of, and which part; it is no photo of its own then. */
  partOf: string | null
  role: PartRole | null
  favourite: boolean
  /** Kept, and not in the timeline. */
  archived: boolean
  /** Since when it is in the trash. */
  trashedAt: Date | null
}

/**
 * The recipe that its renditions were made by: the one in their keys. Its sign says whether a worker is to look at the original
 * again; negative counts as older than any, and the renditions that exist go on being shown meanwhile.
 */
export function recipeOf({ recipe }: Pick<Photo, 'recipe'>): number | null {
  return recipe === null ? null : Math.abs(recipe)
}

/**
 * What `?v=` says in the addresses of a photo's renditions: another whenever what is shown is another, so that browsers may keep what
 * they got. Mostly a digit, since there are many of them in a page. null: nothing is shown.
 */
export function versionOf(photo: string, shown: { id: string; recipe: number | null } | null): string | null {
  const recipe = shown && recipeOf(shown)
  if (!shown || recipe === null) return null
  return shown.id === photo ? `${recipe}` : `${shown.id}-${recipe}`
}
