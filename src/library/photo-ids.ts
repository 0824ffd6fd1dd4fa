/** Photos named in a request's body: well-formed ids, not too many at once. Whether they exist is another question. */
import { z } from 'zod'
import { isId } from '../core/ids.js'
import { limits } from '../core/limits.js'

export const photoIds = z
  .array(z.string().refine(isId, { error: 'must be the id of a photo' }))
  .max(limits.photosAtOnce)
