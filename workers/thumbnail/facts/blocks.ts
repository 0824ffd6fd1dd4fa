/** The two blocks in which pictures of every format say what they are: EXIF's directories and XMP's packet. Pure. */
import { type Directory, openTiff } from './tiff.js'

export interface Exif {
  readonly main: Directory | undefined
  readonly photo: Directory | undefined
  readonly gps: Directory | undefined
}

export interface Metadata {
  readonly exif?: Exif | undefined
  readonly xmp?: Buffer | undefined
  /** PNG's own texts, by their keywords in small letters. */
  readonly texts?: ReadonlyMap<string, string>
}

/** A packet of a photo has a few KiB; only embedded pictures make it larger, and nobody needs those here. */
export const xmpBytesMax = 1024 * 1024

/** Some writers of PNG, WebP and HEIF leave JPEG's introduction standing. */
export function openExif(block: Buffer): Exif | undefined {
  const main = openTiff(block.toString('latin1', 0, 6) === 'Exif\0\0' ? block.subarray(6) : block)
  return main && { main, photo: main.directory(0x8769), gps: main.directory(0x8825) }
}

export function openXmp(packet: Buffer | undefined): Buffer | undefined {
  return packet && packet.length > 0 && packet.length <= xmpBytesMax ? packet : undefined
}
