/** Where a photo stands in the timeline, and what is next to it. Pure. */
import type { TimelinePhoto } from './api.js'
import type { Section } from './library.js'

export interface Place {
  readonly photo: TimelinePhoto
  /** Counted from 1 over the whole library, newest first. */
  readonly position: number
  readonly newer: TimelinePhoto | undefined
  readonly older: TimelinePhoto | undefined
  /** Months to load before `newer` or `older` can be told. */
  readonly sectionsWanted: readonly string[]
}

/** Undefined while the photo's month isn't loaded, or when it is in none. */
export function findPlace(sections: readonly Section[], id: string): Place | undefined {
  let before = 0
  for (const [at, { photos, count }] of sections.entries()) {
    const index = photos?.findIndex(photo => photo.id === id) ?? -1
    const photo = photos?.[index]
    if (!photos || !photo) {
      before += count
      continue
    }
    const newerSection = index === 0 ? sections[at - 1] : undefined
    const olderSection = index === photos.length - 1 ? sections[at + 1] : undefined
    return {
      photo,
      position: before + index + 1,
      newer: photos[index - 1] ?? newerSection?.photos?.at(-1),
      older: photos[index + 1] ?? olderSection?.photos?.[0],
      sectionsWanted: [newerSection, olderSection].flatMap(section => (section && !section.photos ? section.id : [])),
    }
  }
  return undefined
}
