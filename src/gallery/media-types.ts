/** What pictures and videos may say they are. */

/**
 * Kinds of original that a page may show or play. None of them can carry a script; SVG and HTML can, and are not here. A type is
 * always that of the bytes, and browsers are told not to guess another.
 */
const shown: ReadonlySet<string> = new Set([
  'image/avif',
  'image/gif',
  'image/heic',
  'image/heif',
  'image/jpeg',
  'image/png',
  'image/tiff',
  'image/webp',
  'video/3gpp',
  'video/3gpp2',
  'video/mp4',
  'video/quicktime',
  'video/webm',
])

export function downloadMediaType(mediaType: string | null): string {
  return mediaType !== null && shown.has(mediaType) ? mediaType : 'application/octet-stream'
}

/** Of a rendition, which a worker made and named after its format. */
export function renditionMediaType(name: string): string {
  return name.endsWith('.webp') ? 'image/webp' : name.endsWith('.jpg') ? 'image/jpeg' : 'application/octet-stream'
}
