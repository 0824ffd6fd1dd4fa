/**
 * The timeline, read from the index photos_timeline: newest first, by (shown_at, id). What is a part of a photo is no photo of its
 * own and not in it, and neither is what is archived or in the trash.
 */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'
import { shownEdit } from './parts-sql.js'
import type { PhotoKind, PhotoState } from './photo.js'
import { formatTimelineCursor, type TimelineCursor, type TimelinePage, type TimelineSection } from './timeline.js'

/** Every month that has photos, newest first. */
export async function readSections(db: Queryable, { person, epoch }: Placement): Promise<TimelineSection[]> {
  return db.query<TimelineSection>(
    `select to_char(month, 'YYYY-MM') as id, count(*) as count
     from (select date_trunc('month', shown_at) as month
           from photos where person = $1 and epoch = $2 and part_of is null and trashed_at is null and not archived) as months
     group by month order by month desc`,
    [person, epoch],
  )
}

interface TimelineRow {
  id: string
  shownAt: string
  width: number | null
  height: number | null
  state: PhotoState
  reason: string | null
  kind: PhotoKind | null
  durationMs: number | null
  thumbnail: boolean
  motion: boolean
  animated: boolean
  thumbhash: Buffer | null
  fileName: string | null
}

/** At most `limit` photos of the section ('YYYY-MM') after the cursor. Costs the same at any depth. */
export async function readSection(
  db: Queryable,
  { person, epoch }: Placement,
  section: string,
  { after, limit }: { after?: TimelineCursor | undefined; limit: number },
): Promise<TimelinePage> {
  // Before the first page stands the end of the month, with the id that sorts before every other.
  const rows = await db.query<TimelineRow>(
    `select photos.id, shown_at as "shownAt", coalesce(edit.width, photos.width) as width, coalesce(edit.height, photos.height) as height,
            state, reason, kind, duration_ms as "durationMs", coalesce(edit.thumbhash, photos.thumbhash) as thumbhash,
            file_name as "fileName", '256.webp' = any(coalesce(edit.renditions, photos.renditions)) as thumbnail,
            'animated.webp' = any(coalesce(edit.renditions, photos.renditions)) as animated,
            motion is not null or exists (
              select from photos half where half.part_of = photos.id and half.role = 'motion' and half.state = 'ready') as motion
     from photos left join lateral ${shownEdit('photos')} edit on true
     where person = $1 and epoch = $2 and part_of is null and trashed_at is null and not archived
       and shown_at >= $3::timestamp and shown_at < $3::timestamp + interval '1 month'
       and (shown_at, photos.id) < (coalesce($4::timestamp, $3::timestamp + interval '1 month'), $5)
     order by shown_at desc, photos.id desc limit $6`,
    [person, epoch, `${section}-01`, after?.shownAt ?? null, after?.id ?? '', limit + 1],
  )
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
    thumbhash: page.map(row => row.thumbhash?.toString('base64') ?? null),
    fileName: page.map(row => row.fileName),
    cursor: last && rows.length > limit ? formatTimelineCursor(last) : null,
  }
}
