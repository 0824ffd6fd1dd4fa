/** /v1/me, /v1/sync/check and /v1/photos/:id: what the library holds; and /v1/consents: what it may. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import type { Accounts } from '../accounts/accounts.js'
import { limits } from '../core/limits.js'
import type { Database } from '../db/database.js'
import { callerOf } from '../http/auth.js'
import { parseBody } from '../http/parse-body.js'
import type { Photo } from './photo.js'
import type { Motion } from './photo-facts.js'
import { countPhotos, findByHashes } from './photos-sql.js'
import { keepPlaces } from './places.js'
import { requirePhoto } from './require-photo.js'

const checkBody = z.object({
  sha256: z
    .array(z.string().regex(/^[0-9a-fA-F]{64}$/, { error: 'must be a SHA-256 in 64 hexadecimal digits' }))
    .max(limits.checkHashes),
})

const consentBody = z.object({ granted: z.boolean() })

export interface LibraryDeps {
  db: Database
  accounts: Pick<Accounts, 'getPerson' | 'region' | 'consents' | 'setConsent'>
}

export const libraryRoutes =
  ({ db, accounts }: LibraryDeps): FastifyPluginAsync =>
  async app => {
    app.get('/v1/me', async request => {
      const caller = callerOf(request)
      const [person, counts] = await Promise.all([accounts.getPerson(caller.person), countPhotos(db, caller)])
      return { ...person, region: accounts.region.id, ...counts }
    })

    app.post('/v1/sync/check', async request => {
      const { sha256 } = parseBody(checkBody, request.body)
      const asked = new Set(sha256.map(hash => hash.toLowerCase()))
      const matches = await findByHashes(
        db,
        callerOf(request),
        Array.from(asked, hash => Buffer.from(hash, 'hex')),
      )
      const here = matches.map(match => ({ ...match, sha256: match.sha256.toString('hex') }))
      for (const { sha256 } of here) asked.delete(sha256)
      return { missing: [...asked], here }
    })

    app.get<{ Params: { id: string } }>('/v1/photos/:id', async request =>
      describe(await requirePhoto(db, callerOf(request), request.params.id)),
    )

    app.get('/v1/consents', async request => accounts.consents(callerOf(request).person))

    app.put('/v1/consents/places', async request => {
      const { granted } = parseBody(consentBody, request.body)
      const caller = callerOf(request)
      await keepPlaces({ db, accounts }, caller, granted)
      return accounts.consents(caller.person)
    })
  }

function describe(photo: Photo) {
  const { recipe: _, movingHalf, motion, sha256, cameraMake, cameraModel, lens, latitude, longitude, ...rest } = photo
  const hasCamera = cameraMake !== null || cameraModel !== null || lens !== null
  return {
    ...rest,
    sha256: sha256.toString('hex'),
    camera: hasCamera ? { make: cameraMake, model: cameraModel, lens } : null,
    motion: movingHalf ? describeMotion(movingHalf, null) : motion && describeMotion(motion, motion.atMs),
    place: latitude !== null && longitude !== null ? { latitude, longitude } : null,
  }
}

const describeMotion = (
  { mediaType, sizeBytes }: Pick<Motion, 'sizeBytes'> & { mediaType: string | null },
  atMs: number | null,
) => ({
  mediaType,
  sizeBytes,
  atMs,
})
