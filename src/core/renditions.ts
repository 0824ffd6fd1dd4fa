/**
 * Which smaller pictures are derived from an original. To add one: add it here and raise `recipe`; workers/thumbnail makes
 * it, and the gallery may ask for it by name. The recipe is part of the object's key, so old and new live side by side.
 */
export const recipe = 1

export interface RenditionSpec {
  /** Its name in keys and URLs. */
  readonly name: string
  /** Longest side, in pixels; a smaller original is never enlarged. */
  readonly edgePx: number
  readonly format: 'webp' | 'jpeg'
  /** Encoder quality, 1–100. */
  readonly quality: number
  readonly mediaType: string
}

/** Largest first: each is derived from the one before. */
export const renditions = [
  { name: '1440.jpg', edgePx: 1440, format: 'jpeg', quality: 80, mediaType: 'image/jpeg' },
  { name: '256.webp', edgePx: 256, format: 'webp', quality: 75, mediaType: 'image/webp' },
] as const satisfies readonly RenditionSpec[]

export function findRendition(name: string): RenditionSpec | undefined {
  return renditions.find(rendition => rendition.name === name)
}
