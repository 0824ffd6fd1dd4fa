/** Parts of photos: each is an original of its own, in a row of the table `photos` that names its whole. */
import { AppError } from '../core/errors.js'
import type { Placement } from '../core/keys.js'
import { limits } from '../core/limits.js'
import type { PartRole } from '../core/part-roles.js'
import type { PhotoState } from '../core/photo-state.js'
import type { Queryable } from '../db/database.js'
import type { Photo } from './photo.js'

/** `conflict` unless the person has a photo of this id that is no part of another. The commit makes sure of it once more. */
export async function requireWhole(db: Queryable, { person, epoch }: Placement, id: string): Promise<void> {
  const [found] = await db.query<{ id: string }>(
    'select id from photos where id = $3 and person = $1 and epoch = $2 and part_of is null',
    [person, epoch, id],
  )
  if (!found) throw noWhole()
}

export function noWhole(cause?: unknown): AppError {
  return new AppError('conflict', 'The photo that it is a part of is not there', { cause })
}

/** Only the commit knows whether it is a new one, so that it alone looks at the limit. */
export function tooManyParts(cause?: unknown): AppError {
  const sentence = `The photo has ${limits.partsPerPhoto} parts already, and that is as many as there can be`
  return new AppError('conflict', sentence, { cause })
}

/** A part as whoever asks for its whole is told of it. */
export interface PhotoPart {
  id: string
  role: PartRole
  fileName: string | null
  mediaType: string | null
  sizeBytes: number
  /** Lower-case hex. */
  sha256: string
  state: PhotoState
  verified: boolean
}

/** SQL: the parts of a row of `photos` as PhotoPart, the oldest first. */
export const partsOf = (photo: string): string =>
  `(select coalesce(jsonb_agg(jsonb_build_object('id', part.id, 'role', part.role, 'fileName', part.file_name,
       'mediaType', part.media_type, 'sizeBytes', part.size_bytes, 'sha256', encode(part.sha256, 'hex'), 'state', part.state,
       'verified', part.verified_at is not null) order by part.stored_at, part.id), '[]')
     from photos part where part.part_of = ${photo}.id and not part.lost)`

/** SQL: of a row of `photos` the edit that people see in its place, the newest that can be seen; to be joined laterally. */
export const shownEdit = (photo: string): string =>
  `(select edit.id, edit.width, edit.height, edit.thumbhash, edit.recipe, edit.renditions from photos edit
    where edit.part_of = ${photo}.id and edit.role = 'edit' and edit.state = 'ready' and cardinality(edit.renditions) > 0
    order by edit.stored_at desc, edit.id desc limit 1)`

export interface Shown extends Pick<Photo, 'recipe' | 'renditions'> {
  /** In the keys of its renditions. */
  id: string
}

/** What is shown of a photo: its edit's renditions, else its own. undefined: there are none, or no such photo. */
export async function findShown(db: Queryable, { person, epoch }: Placement, id: string): Promise<Shown | undefined> {
  const [shown] = await db.query<Shown>(
    `select coalesce(edit.id, photos.id) as id, coalesce(edit.recipe, photos.recipe) as recipe,
       coalesce(edit.renditions, photos.renditions) as renditions
     from photos left join lateral ${shownEdit('photos')} edit on true
     where photos.id = $3 and person = $1 and epoch = $2 and (state = 'ready' or edit.id is not null)`,
    [person, epoch, id],
  )
  return shown
}
