/** The timeline's words: sections, which are months of shown_at, and the cursor inside one. Pure. */
import { isId } from '../core/ids.js'
import type { PhotoKind, PhotoState } from './photo.js'

export interface TimelineSection {
  /** 'YYYY-MM' */
  id: string
  count: number
}

/** Columns of equal length, newest first: a third of the bytes of rows, and quicker to read. */
export interface TimelinePage {
  id: string[]
  /** Wall clocks, ISO 8601 without zone. */
  shownAt: string[]
  width: (number | null)[]
  height: (number | null)[]
  state: PhotoState[]
  /** Why, of those that can't be shown, and of a video that has no picture. */
  reason: (string | null)[]
  /** null until a worker has looked. */
  kind: (PhotoKind | null)[]
  /** Of videos. */
  durationMs: (number | null)[]
  /** Whether there is the small picture that a grid shows: a video may have none. */
  thumbnail: boolean[]
  /** Whether a moving half belongs to the picture. */
  motion: boolean[]
  /** Whether the picture itself moves, and there is a rendition that does. */
  animated: boolean[]
  /** What `?v=` says in the addresses of its renditions, see `versionOf`. */
  renditionVersion: (string | null)[]
  /** Base64. */
  thumbhash: (string | null)[]
  fileName: (string | null)[]
  /** Where the next page starts; null when this is the last one. */
  cursor: string | null
}

/** The last photo of the page before. Photos of the same moment are told apart by id. */
export interface TimelineCursor {
  readonly shownAt: string
  readonly id: string
}

export function isSection(text: string): boolean {
  return /^(?!0000)\d{4}-(0[1-9]|1[0-2])$/.test(text)
}

export function formatTimelineCursor({ shownAt, id }: TimelineCursor): string {
  return `${shownAt}~${id}`
}

/** Undefined unless formatTimelineCursor could have written it. */
export function parseTimelineCursor(text: string): TimelineCursor | undefined {
  const match = /^((?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?~(.+)$/.exec(text)
  if (!match) return undefined
  const [, seconds = '', fraction = '', id = ''] = match
  // Dates such as 30 February are well-formed and exist for no database.
  const date = new Date(`${seconds}Z`)
  const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(seconds)
  return exists && isId(id) ? { shownAt: seconds + fraction, id } : undefined
}
