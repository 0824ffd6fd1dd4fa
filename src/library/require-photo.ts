/** A photo that somebody asks for by its id. */
import { AppError } from '../core/errors.js'
import { isId } from '../core/ids.js'
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'
import type { Photo } from './photo.js'
import { findPhoto } from './photos-sql.js'

/** `not_found` when it isn't there, when it is somebody else's, and when `id` is no id: nobody can tell which. */
export async function requirePhoto(db: Queryable, placement: Placement, id: string): Promise<Photo> {
  const photo = isId(id) ? await findPhoto(db, placement, id) : undefined
  if (!photo) throw new AppError('not_found', 'You have no such photo')
  return photo
}
