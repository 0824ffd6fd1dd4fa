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

/**
 * What every picture has. Largest first: each is derived from the one before. 1440 is below half of what any sensor of 8 megapixels
 * or more gives, so that decoders of JPEG read such a photo at half its size.
 */
export const renditions = [
  { name: '1440.jpg', edgePx: 1440, format: 'jpeg', quality: 80, mediaType: 'image/jpeg' },
  { name: '256.webp', edgePx: 256, format: 'webp', quality: 75, mediaType: 'image/webp' },
] as const satisfies readonly RenditionSpec[]

/** What a picture that moves (GIF, WebP) has besides; its others are of the first frame. */
export const animation = {
  name: 'animated.webp',
  edgePx: 480,
  format: 'webp',
  quality: 70,
  mediaType: 'image/webp',
  /** Frames that are kept, from the first: ten seconds at the quickest that browsers show. */
  framesMax: 240,
  /** Pixels of all kept frames as they are decoded: bounds the time of one rendition to seconds. */
  pixelsMax: 100_000_000,
} as const satisfies RenditionSpec & { framesMax: number; pixelsMax: number }

export function findRendition(name: string): RenditionSpec | undefined {
  return [...renditions, animation].find(rendition => rendition.name === name)
}
