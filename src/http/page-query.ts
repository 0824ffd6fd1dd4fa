/** The query of a list that comes in pages. */
import { z } from 'zod'
import { limits } from '../core/limits.js'

/** ?limit=, a whole number from 1 to limits.pageEntries, which is also its default. */
export const pageLimit = z
  .string()
  .regex(/^\d{1,6}$/, { error: 'must be a whole number' })
  .transform(Number)
  .pipe(z.number().min(1).max(limits.pageEntries))
  .default(limits.pageEntries)
