/** What looking at an original gives: the contract between whoever decodes, apart from the rest, and whoever records it. */
import type { PhotoFacts } from '../../src/library/photo-facts.js'

export interface Rendition {
  /** As in core/renditions.ts. */
  readonly name: string
  readonly mediaType: string
  readonly bytes: Buffer
  readonly width: number
  readonly height: number
}

/** What a picture looks like, for comparing it with others; see workers/dedupe. */
export interface Look {
  /** Perceptual hash, 64 bits. */
  readonly phash: bigint
  /** What pictures with near hashes are compared by. */
  readonly detail: Buffer
}

export interface Developed {
  readonly kind: 'picture' | 'video'
  /** By its bytes. */
  readonly mediaType: string
  /** Pixels of the upright original; null when a video doesn't say. */
  readonly width: number | null
  readonly height: number | null
  readonly durationMs: number | null
  readonly renditions: readonly Rendition[]
  readonly thumbhash: Buffer | null
  readonly look: Look | null
  readonly facts: PhotoFacts
  /** One public sentence when there are no renditions though it could be looked at: a video without a poster. */
  readonly reason: string | null
}
