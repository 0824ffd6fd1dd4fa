/** Where photos were taken, in the table `photos`: taken out, or marked to be read again. Both go through a placement in batches. */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'

/** Photos in one statement, and their parts with them: no statement of a library of a million comes near its deadline. */
const batchPhotos = 10_000

/** Takes every place out of the placement's photos. */
export const removePlaces = (tx: Queryable, placement: Placement): Promise<void> =>
  inBatches(tx, placement, 'latitude = null, longitude = null', 'latitude is not null')

/**
 * Has the workers look at every photo again that they have looked at: a recipe below zero is older than any, and its
 * absolute value still says which renditions there are (`recipeOf` in photo.ts).
 */
export const markToReadAgain = (tx: Queryable, placement: Placement): Promise<void> =>
  inBatches(tx, placement, 'recipe = -recipe', `state = 'ready' and recipe > 0`)

/** A list of whole photos in the order of an index, so that each batch costs the same. */
interface Listing {
  moment: 'shown_at' | 'trashed_at'
  type: 'timestamp' | 'timestamptz'
  condition: string
}

/** Together all photos: those of the timeline and the archive, and the trash. */
const listings: readonly Listing[] = [
  { moment: 'shown_at', type: 'timestamp', condition: 'trashed_at is null and part_of is null' },
  { moment: 'trashed_at', type: 'timestamptz', condition: 'trashed_at is not null and part_of is null' },
]

interface Position {
  /** To the microsecond. */
  moment: string
  id: string
}

async function inBatches(
  tx: Queryable,
  { person, epoch }: Placement,
  assignments: string,
  condition: string,
): Promise<void> {
  for (const listing of listings) {
    const { moment, type } = listing
    let after: Position | undefined
    do {
      const rows: Position[] = await tx.query<Position>(
        `with batch as (
           select id, ${moment} as moment from photos
           where person = $1 and epoch = $2 and ${listing.condition}
             and (${moment}, id) < (coalesce($3::${type}, 'infinity'), $4)
           order by ${moment} desc, id desc limit $5
         ), listed as (
           select id from batch union all select part.id from batch join photos part on part.part_of = batch.id
         ), changed as (
           update photos set ${assignments} where id in (select id from listed) and ${condition}
         )
         select moment::text, id from batch order by batch.moment, id limit 1`,
        [person, epoch, after?.moment ?? null, after?.id ?? '', batchPhotos],
      )
      after = rows[0]
    } while (after)
  }
}
