/**
 * What a worker and its decoder say to each other, as the heads of frames (frames.ts), and what was developed as such a head with
 * its pictures' bytes behind it. Types and the decoder's half, which needs nothing but this; read-answer.ts is the worker's.
 */
import type { PhotoFacts } from '../../../src/library/photo-facts.js'
import type { Developed } from '../developed.js'

/** The file descriptor of the channel in the decoder's process. */
export const channelFd = 3

/** By it a decoder ends itself when it has taken more memory than it may. Nothing else sends it. */
export const memorySignal = 'SIGUSR2'

/** The original's bytes follow. */
export interface Asked {
  readonly sizeBytes: number
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

export type Answer =
  /** Once, at the start. */
  | { readonly is: 'ready' }
  /** The original is there whole: what happens from here on is its own doing. */
  | { readonly is: 'began' }
  | DevelopedHead
  | { readonly is: 'unreadable'; readonly reason: string; readonly cause: string | null }
  /** The decoder's own code threw. */
  | { readonly is: 'failed'; readonly error: string }

/** Buffers are their sizes; the bytes follow in this order: renditions, ThumbHash, detail. */
export interface DevelopedHead {
  readonly is: 'developed'
  readonly kind: Developed['kind']
  readonly mediaType: string
  readonly width: number | null
  readonly height: number | null
  readonly durationMs: number | null
  readonly reason: string | null
  readonly facts: PhotoFacts
  readonly renditions: readonly RenditionHead[]
  readonly thumbhash: number | null
  /** The hash in decimal: JSON has no 64-bit numbers. */
  readonly look: { readonly phash: string; readonly detail: number } | null
}

export interface RenditionHead {
  readonly name: string
  readonly mediaType: string
  readonly width: number
  readonly height: number
  readonly bytes: number
}

export function encodeDeveloped(developed: Developed): { head: DevelopedHead; blobs: Buffer[] } {
  const { kind, mediaType, width, height, durationMs, reason, facts, renditions, thumbhash, look } = developed
  const head: DevelopedHead = {
    is: 'developed',
    kind,
    mediaType,
    width,
    height,
    durationMs,
    reason,
    facts,
    renditions: renditions.map(({ bytes, name, mediaType, width, height }) => {
      return { name, mediaType, width, height, bytes: bytes.byteLength }
    }),
    thumbhash: thumbhash === null ? null : thumbhash.byteLength,
    look: look && { phash: `${look.phash}`, detail: look.detail.byteLength },
  }
  const blobs = [...renditions.map(({ bytes }) => bytes), thumbhash, look?.detail]
  return { head, blobs: blobs.filter(blob => blob !== null && blob !== undefined) }
}
