/**
 * A person's library and its feed as a model in memory: what the contract of /v1/sync/changes says, and nothing of how the
 * service does it. Pages tell what things are when they are read; compaction removes what is superseded and forgets deletions.
 */
import type { AlbumEntry, ChangesPage, Mirror, PhotoEntry } from '../../src/client/index.js'

type Kind = ChangesPage['changes'][number]['kind']

interface Made {
  seq: number
  kind: Kind
  photo?: string
  album?: string
}

export interface FeedModel {
  readonly photos: ReadonlyMap<string, PhotoEntry>
  readonly albums: ReadonlyMap<string, AlbumEntry>
  store(id: string): void
  edit(id: string): void
  setTrashed(id: string, trashed: boolean): void
  /** For good. */
  deletePhoto(id: string): void
  putAlbum(id: string, name: string): void
  deleteAlbum(id: string): void
  setMember(album: string, photo: string, member: boolean): void
  /** Removes what is superseded, and forgets deletions up to this number. */
  compact(forgetUpTo: number): void
  readonly end: number
  page(since: string | undefined, limit: number): ChangesPage
  /** What a mirror in step holds. */
  content(): unknown
}

const deletions: readonly Kind[] = ['deleted', 'album_deleted', 'removed']

export function makeFeedModel(): FeedModel {
  const photos = new Map<string, PhotoEntry>()
  const albums = new Map<string, AlbumEntry>()
  const members = new Set<string>()
  let changes: Made[] = []
  let end = 0
  let floor = 0
  const append = (kind: Kind, of: { photo?: string; album?: string }) => changes.push({ seq: ++end, kind, ...of })
  const update = (id: string, kind: Kind, change: (entry: PhotoEntry) => Partial<PhotoEntry>) => {
    const entry = photos.get(id)
    if (!entry) return
    photos.set(id, { ...entry, ...change(entry) })
    append(kind, { photo: id })
  }
  const leave = (gone: (album: string, photo: string) => boolean) => {
    for (const key of members) if (gone(...(key.split(' ') as [string, string]))) members.delete(key)
  }
  const superseded = ({ seq, photo, album }: Made) =>
    changes.some(later => {
      if (later.seq <= seq) return false
      if (later.photo === photo && later.album === album) return true
      if (photo === undefined || album === undefined) return false
      return (
        (later.kind === 'deleted' && later.photo === photo) || (later.kind === 'album_deleted' && later.album === album)
      )
    })
  const now = ({ photo, album }: Made) => {
    if (album === undefined) return photos.get(photo ?? '') ?? null
    if (photo === undefined) return albums.get(album) ?? null
    return { member: members.has(`${album} ${photo}`) }
  }
  return {
    photos,
    albums,
    get end() {
      return end
    },
    store(id) {
      if (photos.has(id)) return
      photos.set(id, entryOf(id))
      append('stored', { photo: id })
    },
    edit: id => update(id, 'edited', ({ rating }) => ({ rating: (rating ?? 0) + 1 })),
    setTrashed: (id, trashed) =>
      update(id, trashed ? 'trashed' : 'restored', () => ({ trashedAt: trashed ? '2025-06-01T12:00:00Z' : null })),
    deletePhoto(id) {
      if (!photos.delete(id)) return
      leave((_, photo) => photo === id)
      append('deleted', { photo: id })
    },
    putAlbum(id, name) {
      albums.set(id, { name, createdAt: '2025-06-01T12:00:00Z' })
      append('album', { album: id })
    },
    deleteAlbum(id) {
      if (!albums.delete(id)) return
      leave(album => album === id)
      append('album_deleted', { album: id })
    },
    setMember(album, photo, member) {
      const key = `${album} ${photo}`
      if (!photos.has(photo) || !albums.has(album) || members.has(key) === member) return
      if (member) members.add(key)
      else members.delete(key)
      append(member ? 'added' : 'removed', { album, photo })
    },
    compact(forgetUpTo) {
      changes = changes.filter(change => !superseded(change))
      const forgotten = changes.filter(({ seq, kind }) => seq <= forgetUpTo && deletions.includes(kind))
      changes = changes.filter(change => !forgotten.includes(change))
      floor = Math.max(floor, ...forgotten.map(({ seq }) => seq))
    },
    page(since, limit) {
      const [seq = 0, base = 0] = since === undefined ? [0, floor] : since.split('.').map(Number)
      const reset = since !== undefined && Math.max(seq, base) < floor
      const after = reset ? 0 : seq
      const found = changes.filter(change => change.seq > after)
      const shown = found.slice(0, limit)
      const more = found.length > limit
      return {
        changes: shown.map(made => ({ ...made, at: '2025-06-01T12:00:00Z', now: now(made) })) as ChangesPage['changes'],
        cursor: `${more ? shown.at(-1)?.seq : end}.${reset ? floor : base}`,
        more,
        ...(reset && { reset }),
      }
    },
    content: () => sorted(photos, albums, [...members]),
  }
}

/** What a mirror holds, in the model's form. */
export function contentOf({ photos, albums, photosOf }: Mirror): unknown {
  // Also of albums that are gone: nothing may be in them.
  const ids = new Set([...albums.keys(), 'a0', 'a1', 'a2', 'a3', 'a4', 'a5'])
  const members = [...ids].flatMap(album => [...photosOf(album)].map(photo => `${album} ${photo}`))
  return sorted(photos, albums, members)
}

const sorted = (
  photos: ReadonlyMap<string, PhotoEntry>,
  albums: ReadonlyMap<string, AlbumEntry>,
  members: string[],
) => ({
  photos: [...photos].sort(([a], [b]) => (a < b ? -1 : 1)),
  albums: [...albums].sort(([a], [b]) => (a < b ? -1 : 1)),
  members: members.sort(),
})

const entryOf = (id: string): PhotoEntry => ({
  sha256: id.padStart(64, '0'),
  sizeBytes: 1,
  fileName: `${id}.jpg`,
  mediaType: 'image/jpeg',
  kind: 'picture',
  state: 'stored',
  reason: null,
  verified: false,
  width: null,
  height: null,
  durationMs: null,
  thumbhash: null,
  takenAt: null,
  takenOffsetMinutes: null,
  shownAt: '2025-06-01T12:00:00',
  storedAt: '2025-06-01T12:00:00Z',
  favourite: false,
  archived: false,
  rating: null,
  description: null,
  trashedAt: null,
  partOf: null,
  role: null,
  renditions: [],
})
