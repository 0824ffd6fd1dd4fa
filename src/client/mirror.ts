/**
 * A copy of what a person has, kept in step by the pages of their feed. A page counts only as the answer to the cursor that
 * the mirror is at, so that one that comes again, late or out of its turn changes nothing; whoever asks again from `cursor`
 * until there is no more has what the server has. After a reset the listing is applied to its end, and what it did not name
 * is dropped then: a break in the middle of it leaves things that may be gone, and never takes one that is there. Touches
 * nothing outside; `serialize` gives a text to keep, between pages at any moment.
 */
import * as z from 'zod/mini'
import { AppError } from '../core/errors.js'
import { type AlbumEntry, albumEntry, type Change, type ChangesPage, type PhotoEntry, photoEntry } from './feed-api.js'

export interface Mirror {
  /** Where to go on; undefined before the first page. */
  readonly cursor: string | undefined
  /** Whether a listing after a reset is under way, so that things may be here that are gone. */
  readonly listing: boolean
  /** Whole photos and parts, those in the trash too, by id. */
  readonly photos: ReadonlyMap<string, PhotoEntry>
  readonly albums: ReadonlyMap<string, AlbumEntry>
  /** Ids of the photos in it. */
  photosOf(album: string): ReadonlySet<string>
  /** `asked`: the cursor that the page is the answer to. False when the mirror is elsewhere, and the page was passed over. */
  apply(page: ChangesPage, asked: string | undefined): boolean
  serialize(): string
}

interface Named {
  photos: Set<string>
  albums: Set<string>
  /** As `memberKey` has them. */
  members: Set<string>
}

interface State {
  cursor: string | undefined
  photos: Map<string, PhotoEntry>
  albums: Map<string, AlbumEntry>
  members: Map<string, Set<string>>
  /** What a listing under way has named so far. */
  named: Named | undefined
}

export function makeMirror(): Mirror {
  return mirrorOf({
    cursor: undefined,
    photos: new Map(),
    albums: new Map(),
    members: new Map(),
    named: undefined,
  })
}

const saved = z.object({
  version: z.literal(1),
  cursor: z.optional(z.string()),
  photos: z.array(z.tuple([z.string(), photoEntry])),
  albums: z.array(z.tuple([z.string(), albumEntry])),
  members: z.array(z.tuple([z.string(), z.array(z.string())])),
  named: z.optional(
    z.object({ photos: z.array(z.string()), albums: z.array(z.string()), members: z.array(z.string()) }),
  ),
})

/** What `serialize` gave; throws an AppError (`invalid`) for anything else. */
export function restoreMirror(text: string): Mirror {
  const { cursor, photos, albums, members, named } = parseSaved(text)
  return mirrorOf({
    cursor,
    photos: new Map(photos),
    albums: new Map(albums),
    members: new Map(members.map(([album, ids]) => [album, new Set(ids)])),
    named: named && {
      photos: new Set(named.photos),
      albums: new Set(named.albums),
      members: new Set(named.members),
    },
  })
}

function parseSaved(text: string): z.infer<typeof saved> {
  try {
    return saved.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('invalid', 'The kept mirror cannot be read: begin with a new one', { cause })
  }
}

function mirrorOf(state: State): Mirror {
  return {
    get cursor() {
      return state.cursor
    },
    get listing() {
      return state.named !== undefined
    },
    photos: state.photos,
    albums: state.albums,
    photosOf: album => state.members.get(album) ?? none,
    apply: (page, asked) => {
      if (asked !== state.cursor) return false
      if (page.reset) state.named = { photos: new Set(), albums: new Set(), members: new Set() }
      for (const change of page.changes) applyChange(state, change)
      if (!page.more && state.named) {
        dropUnnamed(state, state.named)
        state.named = undefined
      }
      state.cursor = page.cursor
      return true
    },
    serialize: () => serialize(state),
  }
}

const none: ReadonlySet<string> = new Set()

function applyChange(state: State, change: Change): void {
  const { photos, albums, members, named } = state
  switch (change.kind) {
    case 'album':
    case 'album_deleted': {
      named?.albums.add(change.album)
      // What was in it then went with it, even if one of that id was made again by the time the page was read.
      if (change.kind === 'album_deleted' || !change.now) members.delete(change.album)
      if (change.now) albums.set(change.album, change.now)
      else albums.delete(change.album)
      return
    }
    case 'added':
    case 'removed': {
      named?.members.add(memberKey(change.album, change.photo))
      if (change.now.member) addMember(members, change.album, change.photo)
      else removeMember(members, change.album, change.photo)
      return
    }
    default: {
      named?.photos.add(change.photo)
      if (change.now) photos.set(change.photo, change.now)
      else {
        photos.delete(change.photo)
        // It left its albums without a change for each.
        for (const album of [...members.keys()]) removeMember(members, album, change.photo)
      }
    }
  }
}

function dropUnnamed({ photos, albums, members }: State, named: Named): void {
  for (const id of photos.keys()) if (!named.photos.has(id)) photos.delete(id)
  for (const id of albums.keys()) if (!named.albums.has(id)) albums.delete(id)
  for (const [album, ids] of [...members]) {
    for (const photo of [...ids]) {
      const stays = named.members.has(memberKey(album, photo)) && albums.has(album) && photos.has(photo)
      if (!stays) removeMember(members, album, photo)
    }
  }
}

/** Ids hold no space. */
const memberKey = (album: string, photo: string): string => `${album} ${photo}`

function addMember(members: State['members'], album: string, photo: string): void {
  const ids = members.get(album)
  if (ids) ids.add(photo)
  else members.set(album, new Set([photo]))
}

function removeMember(members: State['members'], album: string, photo: string): void {
  const ids = members.get(album)
  if (ids?.delete(photo) && ids.size === 0) members.delete(album)
}

function serialize({ cursor, photos, albums, members, named }: State): string {
  const kept: z.infer<typeof saved> = {
    version: 1,
    ...(cursor !== undefined && { cursor }),
    photos: [...photos],
    albums: [...albums],
    members: [...members].map(([album, ids]) => [album, [...ids]]),
    ...(named && {
      named: { photos: [...named.photos], albums: [...named.albums], members: [...named.members] },
    }),
  }
  return JSON.stringify(kept)
}
