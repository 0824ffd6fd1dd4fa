/** PATCH /v1/photos/:id and /v1/photos: what its owner says of a photo, and of many at once. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { Clock } from '../../core/clock.js'
import type { Database } from '../../db/database.js'
import { callerOf } from '../../http/auth.js'
import { parseBody } from '../../http/parse-body.js'
import type { Signals } from '../../queue/signals.js'
import { describePhoto } from '../describe-photo.js'
import { photoFactsLimits } from '../photo-facts.js'
import { photoIds } from '../photo-ids.js'
import { requirePhoto } from '../require-photo.js'
import type { Edit } from './edit.js'
import { editPhoto, editPhotos } from './edits.js'
import { cleanWords, parseWallClock } from './words.js'

export interface EditDeps {
  db: Database
  clock: Clock
  signals: Pick<Signals, 'publish'>
}

const marks = { favourite: z.boolean().optional(), archived: z.boolean().optional() }
const { offsetMinutes } = photoFactsLimits

const editBody = z
  .strictObject({
    ...marks,
    description: z.string().transform(cleanWords).pipe(z.string().max(photoFactsLimits.descriptionChars)).nullish(),
    rating: z.int().min(-1).max(5).nullish(),
    takenAt: z
      .string()
      .transform((text, context) => {
        const wall = parseWallClock(text)
        if (wall === undefined) context.addIssue('must be a date and time such as 2025-06-01T12:30:00, without a zone')
        return wall ?? null
      })
      .nullish(),
    takenOffsetMinutes: z.int().min(-offsetMinutes).max(offsetMinutes).nullish(),
  })
  .refine(saysSomething, { error: 'must say what to change' }) satisfies z.ZodType<Edit>

const marksBody = z
  .strictObject({ photos: photoIds, ...marks })
  .refine(({ photos: _, ...said }) => saysSomething(said), { error: 'must say favourite or archived' })

function saysSomething(edit: object): boolean {
  return Object.values(edit).some(value => value !== undefined)
}

export const editRoutes =
  ({ db, clock, signals }: EditDeps): FastifyPluginAsync =>
  async app => {
    app.patch<{ Params: { id: string } }>('/v1/photos/:id', async request => {
      const edit = parseBody(editBody, request.body)
      const caller = callerOf(request)
      const { id } = await requirePhoto(db, caller, request.params.id)
      const { changed, readAgain } = await editPhoto(db, caller, { photo: id, edit, now: clock.now() })
      if (changed) await signals.publish('feed', caller.person)
      if (readAgain) await signals.publish('outbox', '')
      return describePhoto(await requirePhoto(db, caller, id))
    })

    app.patch('/v1/photos', async request => {
      const { photos, ...marks } = parseBody(marksBody, request.body)
      const caller = callerOf(request)
      const edited = await editPhotos(db, caller, { photos, marks, now: clock.now() })
      if (edited > 0) await signals.publish('feed', caller.person)
      return { edited }
    })
  }
