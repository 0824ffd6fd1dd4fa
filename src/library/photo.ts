/** A photo, as this region's tables know it. */
import type { PhotoState } from '../core/photo-state.js'

export type { PhotoState }

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
  /** Of the renditions that exist. */
  recipe: number | null
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
}
