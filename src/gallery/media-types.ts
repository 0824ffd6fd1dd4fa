/** Which originals may say what they are when they are downloaded. */

/** Kinds of picture that renditions are made of. None of them can carry a script; SVG can, and is not here. */
const pictures: ReadonlySet<string> = new Set([
  'image/avif',
  'image/gif',
  'image/heic',
  'image/heif',
  'image/jpeg',
  'image/png',
  'image/tiff',
  'image/webp',
])

export function downloadMediaType(mediaType: string | null): string {
  return mediaType !== null && pictures.has(mediaType) ? mediaType : 'application/octet-stream'
}
