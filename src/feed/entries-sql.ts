/**
 * What the things that changes are about are now, for one page: read from the library's tables, one query for each table however
 * long the page is. It reads only, and knows of the library no more than these columns.
 *
 * Entries come as JSON, made by the database. Reading a thousand of them into objects to write them out again would take Node longer than
 * all the rest of the page takes.
 */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'
import type { Change } from './changes.js'

/** Resolves with what tells of each of these changes what its thing is now, as JSON text; "null": it is gone. */
export async function selectEntries(
  db: Queryable,
  placement: Placement,
  changes: readonly Change[],
): Promise<(change: Change) => string> {
  const photoIds = new Set<string>()
  const albumIds = new Set<string>()
  const pairs = new Map<string, [album: string, photo: string]>()
  for (const { photo, album } of changes) {
    if (album === null) photoIds.add(photo as string)
    else if (photo === null) albumIds.add(album)
    else pairs.set(`${album} ${photo}`, [album, photo])
  }
  const [photos, albums, members] = await Promise.all([
    photoIds.size > 0 ? selectJson(db, photosSql, placement, [...photoIds]) : undefined,
    albumIds.size > 0 ? selectJson(db, albumsSql, placement, [...albumIds]) : undefined,
    pairs.size > 0 ? selectMembers(db, placement, [...pairs.values()]) : undefined,
  ])
  return ({ photo, album }) => {
    if (album === null) return photos?.get(photo as string) ?? 'null'
    if (photo === null) return albums?.get(album) ?? 'null'
    return members?.has(`${album} ${photo}`) ? '{"member":true}' : '{"member":false}'
  }
}

/** As JavaScript writes a Date. */
const moment = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** verified: a worker read this very original again, and its hash was right. Of its parts their own entries tell. */
const photosSql = `
  select id, row_to_json(entry)::text as json from photos, lateral (
    select encode(sha256, 'hex') as sha256, size_bytes as "sizeBytes", file_name as "fileName", media_type as "mediaType", kind,
      state, reason, verified_at is not null as verified, width, height, duration_ms as "durationMs",
      encode(thumbhash, 'base64') as thumbhash, taken_at as "takenAt", taken_offset_minutes as "takenOffsetMinutes",
      shown_at as "shownAt", ${moment('stored_at')} as "storedAt", favourite, archived, rating, description,
      ${moment('trashed_at')} as "trashedAt", part_of as "partOf", role, renditions
  ) as entry
  where id = any($1) and person = $2 and epoch = $3`

const albumsSql = `
  select id, row_to_json(entry)::text as json from albums, lateral (
    select name, ${moment('created_at')} as "createdAt"
  ) as entry
  where id = any($1) and person = $2 and epoch = $3`

async function selectJson(
  db: Queryable,
  sql: string,
  { person, epoch }: Placement,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const rows = await db.query<{ id: string; json: string }>(sql, [ids, person, epoch])
  return new Map(rows.map(({ id, json }) => [id, json]))
}

/** Which of the pairs are there, as "album photo". */
async function selectMembers(
  db: Queryable,
  { person, epoch }: Placement,
  pairs: readonly [album: string, photo: string][],
): Promise<Set<string>> {
  const rows = await db.query<{ album: string; photo: string }>(
    `select album_photos.album, album_photos.photo
     from unnest($1::text[], $2::text[]) as asked (album, photo)
     join album_photos on album_photos.album = asked.album and album_photos.photo = asked.photo
     join albums on albums.id = asked.album
     where albums.person = $3 and albums.epoch = $4`,
    [pairs.map(([album]) => album), pairs.map(([, photo]) => photo), person, epoch],
  )
  return new Set(rows.map(({ album, photo }) => `${album} ${photo}`))
}
