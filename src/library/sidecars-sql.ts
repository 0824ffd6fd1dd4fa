/**
 * What sidecars say of their photos: stars, words and, where its owner agrees, the place. It is kept in the sidecar's own row, so that
 * it is still known when a worker looks at the photo again. It goes before what the photo's file says, and what its owner
 * wrote here goes before both; of several sidecars the newest that says anything counts.
 */
import { hasConsent } from '../accounts/consents-sql.js'
import type { Placement } from '../core/keys.js'
import type { Database, Queryable } from '../db/database.js'
import { appendChange } from '../feed/changes-sql.js'
import { requireOpenPlacement } from '../regions/placements-sql.js'
import type { PhotoFacts } from './photo-facts.js'

export type SidecarFacts = Pick<PhotoFacts, 'rating' | 'description' | 'latitude' | 'longitude'>

export interface ReadSidecar {
  facts: SidecarFacts
  mediaType: string
  /** Until a newer one it isn't looked at again. */
  recipe: number
}

/** Resolves with whether the sidecar is still there. Its hash must have been right. */
export function recordSidecar(
  db: Database,
  { id, person, epoch }: Placement & { id: string },
  { facts, mediaType, recipe }: ReadSidecar,
  now: Date,
): Promise<boolean> {
  return db.transaction(async tx => {
    await requireOpenPlacement(tx, person, epoch)
    // Of others' places as well: theirs may become the photo's.
    const isPlaceKept = await hasConsent(tx, person, 'places')
    await tx.query('select lock_families($1, $2)', [person, epoch])
    // In the order of their ids, as everybody locks them.
    const locked = await tx.query<{ id: string; partOf: string | null }>(
      `select id, part_of as "partOf" from photos where id = any(array[$1, (select part_of from photos where id = $1)])
       order by id for no key update`,
      [id],
    )
    const sidecar = locked.find(row => row.id === id)
    if (!sidecar) return false
    const changed = await tx.query(
      `update photos set state = 'ready', reason = null, media_type = $3, recipe = $2, rating = $4, description = $5, latitude = $6,
         longitude = $7, verified_at = $8, attempts = 0, breaks = 0
       where id = $1 and (state = 'stored' or (state = 'ready' and recipe < $2)) returning id`,
      [
        id,
        recipe,
        mediaType,
        facts.rating,
        facts.description,
        isPlaceKept ? facts.latitude : null,
        isPlaceKept ? facts.longitude : null,
        now,
      ],
    )
    if (changed.length === 0) return true
    const isTold = sidecar.partOf !== null && (await applySidecars(tx, sidecar.partOf))
    await appendChange(tx, { person, epoch, kind: 'ready', photo: id, at: now })
    if (isTold && sidecar.partOf)
      await appendChange(tx, { person, epoch, kind: 'edited', photo: sidecar.partOf, at: now })
    return true
  })
}

/** Resolves with whether that changed anything of the photo, which must be locked, and before that `hasConsent` asked for places. */
export async function applySidecars(tx: Queryable, photo: string): Promise<boolean> {
  const newest = (column: string) =>
    `(array_agg(${column} order by stored_at desc, id desc) filter (where ${column} is not null))[1] as ${column}`
  const rows = await tx.query(
    `with said as (
       select ${['rating', 'description', 'latitude', 'longitude'].map(newest).join(', ')}
       from photos where part_of = $1 and role = 'sidecar' and state = 'ready'
     ), wanted as (
       select case when edits ? 'rating' then photos.rating else coalesce(said.rating, photos.rating) end as rating,
         case when edits ? 'description' then photos.description else coalesce(said.description, photos.description) end as description,
         coalesce(said.latitude, photos.latitude) as latitude, coalesce(said.longitude, photos.longitude) as longitude
       from photos, said where id = $1
     )
     update photos set (rating, description, latitude, longitude) = row(wanted.rating, wanted.description, wanted.latitude, wanted.longitude)
     from wanted where photos.id = $1 and (photos.rating, photos.description, photos.latitude, photos.longitude)
       is distinct from (wanted.rating, wanted.description, wanted.latitude, wanted.longitude)
     returning photos.id`,
    [photo],
  )
  return rows.length > 0
}
