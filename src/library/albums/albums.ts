/**
 * Albums: photos under a name. Each step is one transaction that looks first whether the placement may be written and says in the
 * feed what it did; asked for again it does nothing more. A person's steps take the feed's row and so come one after another; the
 * rows of photos are taken before it, as everywhere.
 *
 * An album's id is made by whoever makes the album, so that a request that comes twice makes one. The id of one that was deleted is
 * not taken again (`gone`) for as long as the feed remembers it: a late request would else bring back what its owner deleted,
 * and a mirror could not tell the new one's photos from the old one's. Rejects as `requireOpenPlacement` does.
 */
import { AppError } from '../../core/errors.js'
import { isId } from '../../core/ids.js'
import type { Placement } from '../../core/keys.js'
import { limits } from '../../core/limits.js'
import type { Database, Queryable } from '../../db/database.js'
import { appendChange, appendChanges, lockFeed } from '../../feed/changes-sql.js'
import { requireOpenPlacement } from '../../regions/placements-sql.js'
import type { TimelineCursor, TimelinePage } from '../timeline.js'
import {
  deleteAlbumRow,
  deleteMembers,
  insertAlbum,
  insertMembers,
  isAlbum,
  lockForAlbum,
  renameAlbum,
  selectAlbumPage,
  selectAlbums,
  selectForNew,
} from './albums-sql.js'

export interface Album {
  id: string
  name: string
  createdAt: Date
  /** How many can be seen: without those in the trash. */
  photos: number
  /** The newest of them. */
  cover: string | null
}

/** The name as it is kept, undefined if it can't be one: 1 to 200 characters of any script, on one line. */
export function albumName(text: string): string | undefined {
  const name = text.normalize('NFC').trim()
  // A surrogate alone is no character, and a database takes none.
  const isWhole = !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(name)
  const characters = [...name].length
  return isWhole && characters > 0 && characters <= limits.albumNameChars ? name : undefined
}

/** Makes the album, or gives it that name. `changed` is false when it had it. */
export async function putAlbum(
  db: Database,
  placement: Placement,
  { id, name, now }: { id: string; name: string; now: Date },
): Promise<{ album: Album; made: boolean; changed: boolean }> {
  const { made, changed, createdAt } = await db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    await lockFeed(tx, placement)
    const { name: current, createdAt, isOthers, wasDeleted, count } = await selectForNew(tx, placement, id)
    const made = current === null
    const changed = current !== name
    if (made) {
      if (wasDeleted) throw new AppError('gone', 'This album was deleted. Make a new one with an id of its own')
      if (isOthers) throw new AppError('conflict', 'An album can’t have this id. Make it with another one')
      if (count >= limits.albumsPerPerson) {
        throw new AppError(
          'too_large',
          `You have ${limits.albumsPerPerson} albums, and that is as many as there can be`,
        )
      }
      await insertAlbum(tx, placement, { id, name, now })
    } else if (changed) await renameAlbum(tx, id, name)
    if (changed) await appendChange(tx, { ...at(placement), kind: 'album', album: id, at: now })
    return { made, changed, createdAt: createdAt ?? now }
  })
  // Its photos are counted for this answer alone, so nobody waits for that. Whoever deletes it meanwhile says so in the feed.
  const [album = { id, name, createdAt, photos: 0, cover: null }] = await selectAlbums(db, placement, id)
  return { album, made, changed }
}

export function listAlbums(db: Queryable, placement: Placement): Promise<Album[]> {
  return selectAlbums(db, placement)
}

/** Its photos stay where they are. Returns whether it was there; what is no id is nowhere. */
export async function deleteAlbum(db: Database, placement: Placement, id: string, now: Date): Promise<boolean> {
  if (!isId(id)) return false
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    await lockFeed(tx, placement)
    // Photos of it that are being deleted meanwhile may wait for this, and this for them: then it is done again.
    const wasThere = await deleteAlbumRow(tx, placement, id)
    if (wasThere) await appendChange(tx, { ...at(placement), kind: 'album_deleted', album: id, at: now })
    return wasThere
  })
}

export interface Members {
  album: string
  photos: readonly string[]
  now: Date
}

/** Returns how many came into it. Passed over: those in it already, in the trash, parts of others, and what is not the person's. */
export function addToAlbum(db: Database, placement: Placement, { album, photos, now }: Members): Promise<number> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    const shown = await lockForAlbum(tx, placement, photos, { onlyShown: true })
    await lockFeed(tx, placement)
    await requireAlbum(tx, placement, album)
    const added = (await insertMembers(tx, album, shown, now)).toSorted()
    await appendChanges(tx, { ...at(placement), kind: 'added', album, photos: added, at: now })
    return added.length
  })
}

/** Returns how many were in it. */
export function removeFromAlbum(db: Database, placement: Placement, { album, photos, now }: Members): Promise<number> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    const mine = await lockForAlbum(tx, placement, photos, { onlyShown: false })
    await lockFeed(tx, placement)
    await requireAlbum(tx, placement, album)
    const removed = (await deleteMembers(tx, album, mine)).toSorted()
    await appendChanges(tx, { ...at(placement), kind: 'removed', album, photos: removed, at: now })
    return removed.length
  })
}

/** What can be seen of it, newest first. */
export async function listAlbum(
  db: Queryable,
  placement: Placement,
  album: string,
  page: { after?: TimelineCursor | undefined; limit: number },
): Promise<TimelinePage> {
  await requireAlbum(db, placement, album)
  return selectAlbumPage(db, album, page)
}

/** `not_found` when it isn't there, when it is somebody else's, and when it is no id. */
async function requireAlbum(db: Queryable, placement: Placement, album: string): Promise<void> {
  const isThere = isId(album) && (await isAlbum(db, placement, album))
  if (!isThere) throw new AppError('not_found', 'You have no such album')
}

const at = ({ person, epoch }: Placement): Placement => ({ person, epoch })
