/**
 * A made-up history of one person's library for the tests of the feed: the library's rows are changed as its modules change them,
 * each with its change, in one transaction; readers copy the feed into mirrors.
 */
import { newId } from '../src/core/ids.js'
import type { Placement } from '../src/core/keys.js'
import type { Database, Queryable } from '../src/db/database.js'
import { type ChangesPage, type Cursor, formatCursor, parseCursor, readChanges } from '../src/feed/changes.js'
import { appendChange, appendChanges } from '../src/feed/changes-sql.js'

/** Numbers from 0 to below 1. */
export type Draw = () => number

export interface History {
  placement: Placement
  /** Changes something, by the draw. */
  step(draw: Draw): Promise<void>
  /** The present, which steps move on. */
  now(): Date
  /** What a mirror has to be in the end. */
  snapshot(): Promise<Snapshot>
}

export interface Snapshot {
  /** Sorted: "id favourite trashed". */
  photos: string[]
  /** Sorted: "id name". */
  albums: string[]
  /** Sorted: "album photo". */
  members: string[]
}

const dayMs = 24 * 3600_000

export async function startHistory(db: Database): Promise<History> {
  const placement = { person: newId(), epoch: 1 }
  const { person, epoch } = placement
  await db.query(
    `with person as (insert into people values ($1, $1, $1, '', now())),
     placement as (insert into placements values ($1, $2, 'open')) insert into feeds (person, epoch) values ($1, $2)`,
    [person, epoch],
  )
  let now = new Date(Date.UTC(2025, 0, 1))
  const photos: string[] = []
  const albums: string[] = []
  const oneOf = (list: readonly string[], draw: Draw) => list[Math.floor(draw() * list.length)] ?? newId()

  const store = async (tx: Queryable) => {
    const photo = newId()
    await tx.query(
      `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, shown_at)
       values ($1, $2, $3, sha256($1::text::bytea), 1, $4::timestamptz, $4::timestamptz at time zone 'UTC')`,
      [photo, person, epoch, now],
    )
    await appendChange(tx, { ...placement, kind: 'stored', photo, at: now })
    photos.push(photo)
  }
  const update = async (tx: Queryable, kind: 'edited' | 'trashed' | 'restored' | 'deleted', photo: string) => {
    const statement = {
      edited: 'update photos set favourite = not favourite where id = $1 returning id',
      trashed: 'update photos set trashed_at = now() where id = $1 and trashed_at is null returning id',
      restored: 'update photos set trashed_at = null where id = $1 and trashed_at is not null returning id',
      deleted: 'delete from photos where id = $1 returning id',
    }[kind]
    const changed = await tx.query<{ id: string }>(statement, [photo])
    await appendChanges(tx, { ...placement, kind, photos: changed.map(({ id }) => id), at: now })
  }
  const nameAlbum = async (tx: Queryable, album: string) => {
    const [row] = await tx.query(
      `insert into albums values ($1, $2, $3, 'new', $4) on conflict (id) do update set name = albums.name || '+' returning id`,
      [album, person, epoch, now],
    )
    if (row) await appendChange(tx, { ...placement, kind: 'album', album, at: now })
  }
  const deleteAlbum = async (tx: Queryable, album: string) => {
    const gone = await tx.query('delete from albums where id = $1 returning id', [album])
    if (gone.length > 0) await appendChange(tx, { ...placement, kind: 'album_deleted', album, at: now })
    albums.splice(albums.indexOf(album), 1)
  }
  const change = async (tx: Queryable, kind: 'added' | 'removed', album: string, photo: string) => {
    const changed = await tx.query<{ photo: string }>(
      kind === 'added'
        ? `insert into album_photos select albums.id, photos.id, now() from albums, photos
           where albums.id = $1 and photos.id = $2 on conflict do nothing returning photo`
        : 'delete from album_photos where album = $1 and photo = $2 returning photo',
      [album, photo],
    )
    await appendChanges(tx, { ...placement, kind, album, photos: changed.map(row => row.photo), at: now })
  }

  const act = (tx: Queryable, draw: Draw): Promise<void> => {
    const choice = draw()
    const photo = oneOf(photos, draw)
    if (choice < 0.25) return store(tx)
    if (choice < 0.35) return update(tx, 'edited', photo)
    if (choice < 0.42) return update(tx, 'trashed', photo)
    if (choice < 0.47) return update(tx, 'restored', photo)
    if (choice < 0.57) return update(tx, 'deleted', photo)
    if (choice < 0.63) {
      albums.push(newId())
      return nameAlbum(tx, albums.at(-1) as string)
    }
    const album = oneOf(albums, draw)
    if (albums.length === 0) return store(tx)
    if (choice < 0.67) return nameAlbum(tx, album)
    if (choice < 0.71) return deleteAlbum(tx, album)
    return change(tx, choice < 0.9 ? 'added' : 'removed', album, photo)
  }

  return {
    placement,
    now: () => now,
    step: async draw => {
      now = new Date(now.getTime() + draw() * 12 * dayMs)
      await db.transaction(tx => act(tx, draw))
    },
    snapshot: () => snapshotOf(db, person),
  }
}

/** What a mirror of the person's library has to be. */
export async function snapshotOf(db: Database, person: string): Promise<Snapshot> {
  const texts = (sql: string) =>
    db.query<{ text: string }>(sql, [person]).then(rows => rows.map(({ text }) => text).sort())
  return {
    photos: await texts(
      `select concat_ws(' ', id, favourite::text, (trashed_at is not null)::text) as text from photos where person = $1`,
    ),
    albums: await texts(`select id || ' ' || name as text from albums where person = $1`),
    members: await texts(
      `select album || ' ' || photo as text from album_photos join albums on albums.id = album where person = $1`,
    ),
  }
}

/** A mirror that reads page by page, as a handset would. */
export function startReader(db: Database, placement: Placement) {
  let photos = new Map<string, string>()
  let albums = new Map<string, string>()
  let members = new Set<string>()
  let cursor: Cursor | undefined
  let resets = 0

  const set = (map: Map<string, string>, id: string, text: string | null) =>
    void (text === null ? map.delete(id) : map.set(id, text))
  const leave = (of: (album: string, photo: string) => boolean) => {
    members = new Set([...members].filter(pair => !of(...(pair.split(' ') as [string, string]))))
  }
  const apply = ({ photo, album, now: json }: ChangesPage['changes'][number]) => {
    const now = JSON.parse(json)
    if (photo !== null && album !== null) {
      members[now.member ? 'add' : 'delete'](`${album} ${photo}`)
    } else if (photo !== null) {
      set(photos, photo, now && [photo, now.favourite, now.trashedAt !== null].join(' '))
      if (!now) leave((_, member) => member === photo)
    } else if (album !== null) {
      set(albums, album, now && `${album} ${now.name}`)
      if (!now) leave(from => from === album)
    }
  }

  const read = async (limit: number): Promise<boolean> => {
    const page = await readChanges(db, placement, cursor, limit)
    if (page.reset) {
      ;[photos, albums, members] = [new Map(), new Map(), new Set()]
      resets++
    }
    for (const change of page.changes) apply(change)
    cursor = parseCursor(formatCursor(page.cursor))
    return page.more
  }
  return {
    read,
    readAll: async (limit: number) => {
      while (await read(limit));
    },
    resets: () => resets,
    mirror: (): Snapshot => ({
      photos: [...photos.values()].sort(),
      albums: [...albums.values()].sort(),
      members: [...members].sort(),
    }),
  }
}
