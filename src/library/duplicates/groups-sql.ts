/** Reads groups of near duplicates, from the indexes photos_same and photos_similar. */

import type { Placement } from '../../core/keys.js'
import { limits } from '../../core/limits.js'
import type { Queryable } from '../../db/database.js'
import type { DuplicateGroup, GroupClass, GroupedPhoto } from './duplicates.js'

export interface GroupsPage {
  groups: DuplicateGroup[]
  /** Where the next page starts; null when this is the last one. */
  cursor: string | null
}

const columns: Readonly<Record<GroupClass, string>> = { same: 'same_group', similar: 'similar_group' }

/** Whoever can be seen and compared: one that became unreadable is in no group, nor is a part of a photo, nor what is in the trash. */
const shown = `state = 'ready' and part_of is null and trashed_at is null and phash is not null`

/** The oldest groups first, by id; those with two photos or more. `after`: the last group of the page before. */
export async function readGroups(
  db: Queryable,
  placement: Placement,
  of: GroupClass,
  { after, limit }: { after: string; limit: number },
): Promise<GroupsPage> {
  const { person, epoch } = placement
  const found = await db.query<{ id: string; count: number }>(
    `select ${columns[of]} as id, count(*) as count from photos
     where person = $1 and epoch = $2 and ${columns[of]} > $3 and ${shown}
     group by ${columns[of]} having count(*) > 1 order by ${columns[of]} limit $4`,
    [person, epoch, after, limit + 1],
  )
  const page = found.slice(0, limit)
  const members = await readMembers(db, placement, of, page)
  const groups = page.flatMap(({ id, count }): DuplicateGroup[] => {
    const photos = members.get(id)
    const [keep] = photos ?? []
    // It may have gone between the two questions.
    return photos && keep ? [{ id, class: of, keep: keep.id, count, photos }] : []
  })
  return { groups, cursor: found.length > limit ? (page.at(-1)?.id ?? null) : null }
}

async function readMembers(
  db: Queryable,
  { person, epoch }: Placement,
  of: GroupClass,
  groups: readonly { id: string }[],
): Promise<Map<string, GroupedPhoto[]>> {
  const rows = await db.query<GroupedPhoto & { group: string }>(
    `select "group", id, bit_count((phash # first_value(phash) over best)::bit(64)) as distance, size_bytes as "sizeBytes",
            width, height, taken_at as "takenAt", file_name as "fileName", media_type as "mediaType"
     from (
       select *, ${columns[of]} as "group", row_number() over (
         partition by ${columns[of]} order by width::bigint * height desc nulls last, size_bytes desc, stored_at, id
       ) as place
       from photos where person = $1 and epoch = $2 and ${columns[of]} = any($3) and ${shown}
     ) as members
     where place <= $4 window best as (partition by "group" order by place) order by "group", place`,
    [person, epoch, groups.map(({ id }) => id), limits.pageEntries],
  )
  const members = new Map<string, GroupedPhoto[]>()
  for (const { group, ...photo } of rows) {
    const photos = members.get(group)
    if (photos) photos.push(photo)
    else members.set(group, [photo])
  }
  return members
}
