/** What is never decoded, told by a file's first bytes alone, and why. Pure; loads no decoder. */
import { sniff } from '../sniff.js'

const refusals: Readonly<Record<string, string>> = {
  svg: 'SVG pictures are not rendered',
  jxl: "JPEG XL pictures can't be shown here yet",
  jp2: "JPEG 2000 pictures can't be shown here yet",
  bmp: "BMP pictures can't be shown here yet",
  psd: "Photoshop files can't be shown here",
  m4a: 'The file is a sound recording, not a picture',
  mp3: 'The file is a sound recording, not a picture',
  wav: 'The file is a sound recording, not a picture',
}

/**
 * One public sentence without a full stop; undefined for pictures and videos. 4 KiB are enough of a head. Nothing is known of a
 * picture's soundness yet.
 */
export function refusalOf(head: Buffer): string | undefined {
  if (head.length === 0) return 'The file is empty'
  const { name, sort } = sniff(head)
  if (sort === 'picture' || sort === 'video') return undefined
  return refusals[name] ?? "The file isn't a picture of a kind that is known here"
}
