/** /v1/me and /v1/photos/:id: what the library holds; and /v1/consents: what it may. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { Accounts } from '../accounts/accounts.js'
import { wordsVersion } from '../core/consents.js'
import { AppError } from '../core/errors.js'
import type { Database } from '../db/database.js'
import { callerOf } from '../http/auth.js'
import { parseBody } from '../http/parse-body.js'
import { requireOpenPlacement } from '../regions/placements-sql.js'
import { checkRoutes } from './check/routes.js'
import { describePhoto } from './describe-photo.js'
import { countPhotos } from './photos-sql.js'
import { keepPlaces } from './places.js'
import { requirePhoto } from './require-photo.js'

const consentBody = z.strictObject({ granted: z.boolean() })
/** A yes names the words that were shown. */
const syncBody = consentBody.extend({ version: z.int().optional() })

export interface LibraryDeps {
  db: Database
  accounts: Pick<Accounts, 'getPerson' | 'region' | 'consents' | 'setConsent'>
}

export const libraryRoutes =
  ({ db, accounts }: LibraryDeps): FastifyPluginAsync =>
  async app => {
    app.get('/v1/me', async request => {
      const caller = callerOf(request)
      const [person, { sync }, counts] = await Promise.all([
        accounts.getPerson(caller.person),
        accounts.consents(caller.person),
        countPhotos(db, caller),
      ])
      return { ...person, region: accounts.region.id, agreesToSync: sync.granted, ...counts }
    })

    await app.register(checkRoutes({ db }))

    app.get<{ Params: { id: string } }>('/v1/photos/:id', async request =>
      describePhoto(await requirePhoto(db, callerOf(request), request.params.id)),
    )

    app.get('/v1/consents', async request => accounts.consents(callerOf(request).person))

    app.put('/v1/consents/sync', async request => {
      const { granted, version } = parseBody(syncBody, request.body)
      if (granted && version !== wordsVersion.sync) {
        throw new AppError(
          'invalid',
          `version must be that of the words now, ${wordsVersion.sync}: show those and ask again`,
        )
      }
      const { person, epoch } = callerOf(request)
      await db.transaction(async tx => {
        await requireOpenPlacement(tx, person, epoch)
        await accounts.setConsent(tx, person, 'sync', granted)
      })
      return accounts.consents(person)
    })

    app.put('/v1/consents/places', async request => {
      const { granted } = parseBody(consentBody, request.body)
      const caller = callerOf(request)
      await keepPlaces({ db, accounts }, caller, granted)
      return accounts.consents(caller.person)
    })
  }
