/**
 * The part of the API that keeps handsets in step: the feed of changes, the trash, the owner's edits, albums. Calls behave as
 * those of api.ts: a time limit and further attempts for each, so every one of them may reach the server more than once; all
 * of them are idempotent there. Lists of photos may be of any length: they go out in requests of as many as the server takes.
 */
import * as z from 'zod/mini'
import { partRoles } from '../core/part-roles.js'
import { photoStates } from '../core/photo-state.js'
import { type ApiOptions, call, type PhotoFacts, photo } from './api.js'

/** A photo, or a part of one, as the feed tells it. */
export const photoEntry = z.object({
  sha256: z.string(),
  sizeBytes: z.number(),
  fileName: z.nullable(z.string()),
  mediaType: z.nullable(z.string()),
  kind: z.nullable(z.string()),
  state: z.enum(photoStates),
  reason: z.nullable(z.string()),
  verified: z.boolean(),
  width: z.nullable(z.number()),
  height: z.nullable(z.number()),
  durationMs: z.nullable(z.number()),
  thumbhash: z.nullable(z.string()),
  takenAt: z.nullable(z.string()),
  takenOffsetMinutes: z.nullable(z.number()),
  shownAt: z.string(),
  storedAt: z.string(),
  favourite: z.boolean(),
  archived: z.boolean(),
  rating: z.nullable(z.number()),
  description: z.nullable(z.string()),
  /** In the trash since then. */
  trashedAt: z.nullable(z.string()),
  /** The whole photo that this is a part of; null for a whole one. */
  partOf: z.nullable(z.string()),
  role: z.nullable(z.enum(partRoles)),
  /** Names of its renditions. */
  renditions: z.array(z.string()),
})
export type PhotoEntry = z.infer<typeof photoEntry>

export const albumEntry = z.object({ name: z.string(), createdAt: z.string() })
export type AlbumEntry = z.infer<typeof albumEntry>

const photoKinds = [...photoStates, 'edited', 'trashed', 'restored', 'deleted'] as const
const seen = { seq: z.number(), at: z.string() }

/** `now` is how the thing was when the page was read, which may be later than the change; null when it is gone. */
const change = z.discriminatedUnion('kind', [
  z.object({ ...seen, kind: z.enum(photoKinds), photo: z.string(), now: z.nullable(photoEntry) }),
  z.object({
    ...seen,
    kind: z.enum(['album', 'album_deleted']),
    album: z.string(),
    now: z.nullable(albumEntry),
  }),
  z.object({
    ...seen,
    kind: z.enum(['added', 'removed']),
    photo: z.string(),
    album: z.string(),
    now: z.object({ member: z.boolean() }),
  }),
])
export type Change = z.infer<typeof change>

const changesPage = z.object({
  changes: z.array(change),
  /** Opaque: where to go on. */
  cursor: z.string(),
  more: z.boolean(),
  /** The cursor was too old: this page begins a listing of all there is. */
  reset: z.optional(z.boolean()),
})
export type ChangesPage = z.infer<typeof changesPage>

const trashPage = z.object({
  photos: z.array(
    z.object({
      id: z.string(),
      fileName: z.nullable(z.string()),
      mediaType: z.nullable(z.string()),
      kind: z.nullable(z.string()),
      width: z.nullable(z.number()),
      height: z.nullable(z.number()),
      /** Whether there is the small picture that a grid shows. */
      thumbnail: z.boolean(),
      thumbhash: z.nullable(z.string()),
      trashedAt: z.string(),
      /** When it goes for good. */
      expiresAt: z.string(),
      sizeBytes: z.number(),
    }),
  ),
  cursor: z.nullish(z.string()),
})
export type TrashPage = z.infer<typeof trashPage>

const album = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  photos: z.number(),
  cover: z.nullable(z.string()),
})
export type Album = z.infer<typeof album>

/** What the owner writes about a photo. Null takes their word back, and what the file says counts again. */
export interface PhotoEdit {
  favourite?: boolean
  archived?: boolean
  description?: string | null
  /** -1 (rejected) to 5. */
  rating?: number | null
  /** Wall clock where it was taken, ISO 8601 without a zone. */
  takenAt?: string | null
  takenOffsetMinutes?: number | null
}

export interface AllTrash {
  all: true
  /**
   * What came into the trash after this moment of the server's stays: say the `trashedAt` of the first that was listed, and nothing goes
   * that the owner wasn't shown. Default: that of the newest that is there when it is asked. Either way it is the same for every
   * attempt, so that one whose answer was lost deletes nothing more when it is made again.
   */
  before?: string
}

export interface FeedApi {
  /** What changed after the cursor, or everything without one. */
  changes(since?: string, limit?: number): Promise<ChangesPage>
  /** How many whole photos went into the trash; those that aren't there are passed over. */
  trash(photos: readonly string[]): Promise<number>
  restore(photos: readonly string[]): Promise<number>
  /** What is in the trash, the last that was put there first. */
  trashed(cursor?: string, limit?: number): Promise<TrashPage>
  /** Deletes for good those of the photos that are in the trash, or all that is there. */
  emptyTrash(what: readonly string[] | AllTrash): Promise<number>
  edit(photo: string, edit: PhotoEdit): Promise<PhotoFacts>
  editAll(photos: readonly string[], edit: Pick<PhotoEdit, 'favourite' | 'archived'>): Promise<number>
  albums(): Promise<Album[]>
  /** Makes it, or renames it. Ids are core/ids.ts texts that the caller makes, so that asking twice makes one album. */
  putAlbum(id: string, name: string): Promise<Album>
  deleteAlbum(id: string): Promise<void>
  addToAlbum(album: string, photos: readonly string[]): Promise<number>
  removeFromAlbum(album: string, photos: readonly string[]): Promise<number>
}

/** Photos in one request. */
const photosMax = 1_000

/** Every call rejects with an AppError, or with the signal's reason. */
export function makeFeedApi(options: ApiOptions): FeedApi {
  const counted = <K extends string>(name: K, path: string, method = 'POST', more: object = {}) => {
    const shape = z.record(z.literal(name), z.number())
    return async (photos: readonly string[]) => {
      let sum = 0
      for (let start = 0; start < photos.length; start += photosMax) {
        const batch = photos.slice(start, start + photosMax)
        const answer: Record<string, number> = await call(options, shape, path, { ...more, photos: batch }, method)
        sum += answer[name] ?? 0
      }
      return sum
    }
  }
  const trashed = (cursor?: string, limit?: number) => call(options, trashPage, `v1/trash${query({ cursor, limit })}`)
  const emptied = z.object({ deleted: z.number() })
  const emptyAll = async ({ all, before }: AllTrash) => {
    const bound = before ?? (await trashed(undefined, 1)).photos[0]?.trashedAt
    if (bound === undefined) return 0
    const patient = { ...options, timeoutMs: emptyTimeoutMs }
    return (await call(patient, emptied, 'v1/trash/empty', { all, before: bound })).deleted
  }
  return {
    changes: (since, limit) => call(options, changesPage, `v1/sync/changes${query({ since, limit })}`),
    trash: counted('trashed', 'v1/photos/trash'),
    restore: counted('restored', 'v1/photos/restore'),
    trashed,
    emptyTrash: async what => ('all' in what ? emptyAll(what) : counted('deleted', 'v1/trash/empty')(what)),
    edit: (id, edit) => call(options, photo, `v1/photos/${encodeURIComponent(id)}`, edit, 'PATCH'),
    editAll: (photos, edit) => counted('edited', 'v1/photos', 'PATCH', edit)(photos),
    albums: async () => (await call(options, z.object({ albums: z.array(album) }), 'v1/albums')).albums,
    putAlbum: (id, name) => call(options, album, albumPath(id), { name }, 'PUT'),
    deleteAlbum: async id => {
      await call(options, z.undefined(), albumPath(id), undefined, 'DELETE')
    },
    addToAlbum: (id, photos) => counted('added', `${albumPath(id)}/photos`)(photos),
    removeFromAlbum: (id, photos) => counted('removed', `${albumPath(id)}/photos/remove`)(photos),
  }
}

/** It goes through everything in the trash. */
const emptyTimeoutMs = 5 * 60_000

const albumPath = (id: string): string => `v1/albums/${encodeURIComponent(id)}`

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const said = Object.entries(values).filter(([, value]) => value !== undefined)
  return said.length === 0 ? '' : `?${new URLSearchParams(said.map(([name, value]) => [name, String(value)]))}`
}
