/** Which files are pictures or videos, by the ending of their name: a cheap first sieve. The server looks at the bytes. Pure. */
const mediaTypes: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  avif: 'image/avif',
  gif: 'image/gif',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  heic: 'image/heic',
  heif: 'image/heif',
  hif: 'image/heif',
  jfif: 'image/jpeg',
  jpe: 'image/jpeg',
  svg: 'image/svg+xml',
  dng: 'image/x-adobe-dng',
  arw: 'image/x-sony-arw',
  cr2: 'image/x-canon-cr2',
  cr3: 'image/x-canon-cr3',
  nef: 'image/x-nikon-nef',
  orf: 'image/x-olympus-orf',
  pef: 'image/x-pentax-pef',
  raf: 'image/x-fuji-raf',
  rw2: 'image/x-panasonic-rw2',
  mp4: 'video/mp4',
  m4v: 'video/x-m4v',
  mov: 'video/quicktime',
  avi: 'video/x-msvideo',
  '3gp': 'video/3gpp',
  '3g2': 'video/3gpp2',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
}

/** Of XMP files: words and stars beside a picture or video, never without it. */
export const sidecarType = 'application/rdf+xml'

/** The media type of a file by its name, or undefined when it is not a picture or video. */
export function mediaTypeOf(fileName: string): string | undefined {
  const dot = fileName.lastIndexOf('.')
  const ending = fileName.slice(dot + 1).toLowerCase()
  return dot > 0 && Object.hasOwn(mediaTypes, ending) ? mediaTypes[ending] : undefined
}
