/**
 * The timeline, read from the index photos_timeline: newest first, by (shown_at, id). What is a part of a photo is no photo of its
 * own and not in it, and neither is what is archived or in the trash.
 */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'
import { type PageRow, pageColumns, pageEdit, pageOf } from './page-sql.js'
import type { TimelineCursor, TimelinePage, TimelineSection } from './timeline.js'

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

/** At most `limit` photos of the section ('YYYY-MM') after the cursor. Costs the same at any depth. */
export async function readSection(
  db: Queryable,
  { person, epoch }: Placement,
  section: string,
  { after, limit }: { after?: TimelineCursor | undefined; limit: number },
): Promise<TimelinePage> {
  // Before the first page stands the end of the month, with the id that sorts before every other.
  const rows = await db.query<PageRow>(
    `select ${pageColumns} from photos ${pageEdit}
     where person = $1 and epoch = $2 and part_of is null and trashed_at is null and not archived
       and shown_at >= $3::timestamp and shown_at < $3::timestamp + interval '1 month'
       and (shown_at, photos.id) < (coalesce($4::timestamp, $3::timestamp + interval '1 month'), $5)
     order by shown_at desc, photos.id desc limit $6`,
    [person, epoch, `${section}-01`, after?.shownAt ?? null, after?.id ?? '', limit + 1],
  )
  return pageOf(rows, limit)
}
