/** What a page of photos tells of each, the timeline's and an album's alike: one that has an edit looks as that does. */
import { shownEdit } from './parts-sql.js'
import { versionOf } from './photo.js'
import { formatTimelineCursor, type TimelinePage } from './timeline.js'

export type PageRow = {
  [Column in keyof Omit<TimelinePage, 'cursor' | 'thumbhash' | 'renditionVersion'>]: TimelinePage[Column][number]
} & { thumbhash: Buffer | null; shownId: string; shownRecipe: number | null }

/** Of `photos` joined with `pageEdit`. Not `exists`: for that the planner likes to read every moving half there is, of everybody. */
export const pageColumns = `photos.id, shown_at as "shownAt", coalesce(edit.width, photos.width) as width, coalesce(edit.height, photos.height) as height,
            state, reason, kind, duration_ms as "durationMs", coalesce(edit.thumbhash, photos.thumbhash) as thumbhash,
            file_name as "fileName", '256.webp' = any(coalesce(edit.renditions, photos.renditions)) as thumbnail,
            'animated.webp' = any(coalesce(edit.renditions, photos.renditions)) as animated,
            coalesce(edit.id, photos.id) as "shownId",
            case when photos.state = 'ready' then coalesce(edit.recipe, photos.recipe) else edit.recipe end as "shownRecipe",
            motion is not null or coalesce((
              select true from photos half where half.part_of = photos.id and half.role = 'motion' and half.state = 'ready' limit 1
            ), false) as motion`

export const pageEdit = `left join lateral ${shownEdit('photos')} edit on true`

/** Of up to `limit + 1` rows, newest first: the one too many says that there are more. */
export function pageOf(rows: readonly PageRow[], limit: number): TimelinePage {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    id: page.map(row => row.id),
    shownAt: page.map(row => row.shownAt),
    width: page.map(row => row.width),
    height: page.map(row => row.height),
    state: page.map(row => row.state),
    reason: page.map(row => row.reason),
    kind: page.map(row => row.kind),
    durationMs: page.map(row => row.durationMs),
    thumbnail: page.map(row => row.thumbnail),
    motion: page.map(row => row.motion),
    animated: page.map(row => row.animated),
    renditionVersion: page.map(({ id, shownId, shownRecipe }) => versionOf(id, { id: shownId, recipe: shownRecipe })),
    thumbhash: page.map(row => row.thumbhash?.toString('base64') ?? null),
    fileName: page.map(row => row.fileName),
    cursor: last && rows.length > limit ? formatTimelineCursor(last) : null,
  }
}
