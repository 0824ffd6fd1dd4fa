/**
 * The tables `albums` and `album_photos`. A photo in the trash stays in its albums, and is not counted or listed there meanwhile. What
 * of a photo decides where it stands in an album is kept with its membership by the database itself, in step: `hidden`, `shown_at`.
 */
import type { Placement } from '../../core/keys.js'
import type { Queryable } from '../../db/database.js'
import { type PageRow, pageColumns, pageEdit, pageOf } from '../page-sql.js'
import type { TimelineCursor, TimelinePage } from '../timeline.js'
import type { Album } from './albums.js'

/** In the order they were made. With `album`, that one alone. Their photos are counted in an index and not looked at. */
export function selectAlbums(db: Queryable, { person, epoch }: Placement, album?: string): Promise<Album[]> {
  return db.query<Album>(
    `select albums.id, albums.name, albums.created_at as "createdAt",
            (select count(*) from album_photos where album = albums.id and not hidden) as photos,
            (select photo from album_photos where album = albums.id and not hidden order by shown_at desc, photo desc limit 1) as cover
     from albums where person = $1 and epoch = $2 and ($3::text is null or id = $3) order by created_at, id`,
    [person, epoch, album ?? null],
  )
}

export async function isAlbum(db: Queryable, { person, epoch }: Placement, album: string): Promise<boolean> {
  const rows = await db.query('select from albums where id = $1 and person = $2 and epoch = $3', [album, person, epoch])
  return rows.length > 0
}

export interface BeforeNew {
  /** Of the person's own, when it is there already. */
  name: string | null
  createdAt: Date | null
  isOthers: boolean
  wasDeleted: boolean
  /** Albums of the person. */
  count: number
}

/** What may stand in the way of a new album with this id, and what it would be besides. The person's feed must be locked. */
export async function selectForNew(tx: Queryable, { person, epoch }: Placement, album: string): Promise<BeforeNew> {
  const [row] = await tx.query<BeforeNew>(
    `select mine.name, mine.created_at as "createdAt",
            exists (select from albums where id = $3 and (person, epoch) <> ($1, $2)) as "isOthers",
            exists (select from changes where person = $1 and epoch = $2 and kind = 'album_deleted' and album = $3) as "wasDeleted",
            (select count(*) from albums where person = $1 and epoch = $2) as count
     from (values (1)) as one left join albums mine on id = $3 and person = $1 and epoch = $2`,
    [person, epoch, album],
  )
  if (!row) throw new Error('a row joined to its left has one row')
  return row
}

export async function insertAlbum(
  tx: Queryable,
  { person, epoch }: Placement,
  { id, name, now }: { id: string; name: string; now: Date },
): Promise<void> {
  await tx.query('insert into albums (id, person, epoch, name, created_at) values ($1, $2, $3, $4, $5)', [
    id,
    person,
    epoch,
    name,
    now,
  ])
}

export async function renameAlbum(tx: Queryable, album: string, name: string): Promise<void> {
  await tx.query('update albums set name = $2 where id = $1', [album, name])
}

/** Whether it was there. */
export async function deleteAlbumRow(tx: Queryable, { person, epoch }: Placement, album: string): Promise<boolean> {
  const rows = await tx.query('delete from albums where id = $1 and person = $2 and epoch = $3 returning id', [
    album,
    person,
    epoch,
  ])
  return rows.length > 0
}

/**
 * Those of the ids that are photos of this placement, by id; they stay until the transaction's end. `onlyShown`: whole ones that
 * aren't in the trash, and nobody puts them there meanwhile.
 */
export async function lockForAlbum(
  tx: Queryable,
  { person, epoch }: Placement,
  ids: readonly string[],
  { onlyShown }: { onlyShown: boolean },
): Promise<string[]> {
  // What changes a photo takes its row first and the feed's after it, so that is the order here, too.
  const rows = await tx.query<{ id: string }>(
    `select id from photos where id = any($3) and person = $1 and epoch = $2
       ${onlyShown ? 'and part_of is null and trashed_at is null' : ''}
     order by id ${onlyShown ? 'for share' : 'for key share'}`,
    [person, epoch, ids],
  )
  return rows.map(({ id }) => id)
}

/** Which of them were not in it before. They must be locked and shown. */
export async function insertMembers(
  tx: Queryable,
  album: string,
  photos: readonly string[],
  now: Date,
): Promise<string[]> {
  const rows = await tx.query<{ photo: string }>(
    `insert into album_photos (album, photo, added_at, shown_at) select $1, id, $3, shown_at from photos where id = any($2)
     on conflict do nothing returning photo`,
    [album, photos, now],
  )
  return rows.map(({ photo }) => photo)
}

/** Which of them were in it. */
export async function deleteMembers(tx: Queryable, album: string, photos: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ photo: string }>(
    'delete from album_photos where album = $1 and photo = any($2) returning photo',
    [album, photos],
  )
  return rows.map(({ photo }) => photo)
}

/** Newest first, as the timeline has them. Costs the same at any depth. */
export async function selectAlbumPage(
  db: Queryable,
  album: string,
  { after, limit }: { after?: TimelineCursor | undefined; limit: number },
): Promise<TimelinePage> {
  const rows = await db.query<PageRow>(
    `select ${pageColumns}
     from (select photo from album_photos
           where album = $1 and not hidden and (shown_at, photo) < (coalesce($2::timestamp, 'infinity'), $3)
           order by shown_at desc, photo desc limit $4) as member
     join photos on photos.id = member.photo ${pageEdit}
     order by photos.shown_at desc, photos.id desc`,
    [album, after?.shownAt ?? null, after?.id ?? '', limit + 1],
  )
  return pageOf(rows, limit)
}
