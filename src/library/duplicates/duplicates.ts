/** Near duplicates, in the words of whoever looks at them. Pure. */

/**
 * same: one picture in several files (another size, encoding, brightness, a small crop, a messenger's copy).
 * similar: several pictures of one moment (a burst, or a few seconds).
 */
export const groupClasses = ['same', 'similar'] as const
export type GroupClass = (typeof groupClasses)[number]

export interface DuplicateGroup {
  /** Stays as the group grows. When two become one, the older id stays. */
  id: string
  class: GroupClass
  /** The photo proposed to be kept: most pixels, then most bytes, then the first that came. A proposal: nothing is ever removed by it. */
  keep: string
  /** All of them; `photos` has the first thousand at most. */
  count: number
  /** The one to keep first, then by what they would be kept for. */
  photos: GroupedPhoto[]
}

export interface GroupedPhoto {
  id: string
  /** Differing bits of its perceptual hash and that of the one to keep, 0 to 64. */
  distance: number | null
  sizeBytes: number
  width: number | null
  height: number | null
  takenAt: string | null
  fileName: string | null
  mediaType: string | null
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const momentChars = 10

/**
 * Has the form of an id and begins with the moment (48 bits of milliseconds): of two groups the older one's id is the lesser.
 * `random` is an id.
 */
export function groupId(now: Date, random: string): string {
  let moment = ''
  for (let ms = now.getTime(); moment.length < momentChars; ms = Math.floor(ms / 32))
    moment = alphabet[ms % 32] + moment
  return moment + random.slice(0, random.length - momentChars)
}
