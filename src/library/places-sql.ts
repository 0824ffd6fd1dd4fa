/** Where photos were taken, in the table `photos`: taken out, or marked to be read again. Both go through a placement in batches. */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'

/** Rows in one statement: no statement of a library of a million comes near its deadline. */
const batchRows = 10_000

/** Takes every place out of the placement's photos. */
export const removePlaces = (tx: Queryable, placement: Placement): Promise<void> =>
  inBatches(tx, placement, 'latitude = null, longitude = null', 'latitude is not null')

/**
 * Has the workers look at every photo again that they have looked at: a recipe below zero is older than any, and its
 * absolute value still says which renditions there are (`recipeOf` in photo.ts).
 */
export const markToReadAgain = (tx: Queryable, placement: Placement): Promise<void> =>
  inBatches(tx, placement, 'recipe = -recipe', `state = 'ready' and recipe > 0`)

interface Position {
  shownAt: string
  id: string
}

/** Along the timeline's index, so that each batch costs the same. */
async function inBatches(
  tx: Queryable,
  { person, epoch }: Placement,
  assignments: string,
  condition: string,
): Promise<void> {
  let after: Position | undefined
  do {
    const rows: Position[] = await tx.query<Position>(
      `with batch as (
         select id, shown_at from photos
         where person = $1 and epoch = $2 and (shown_at, id) < (coalesce($3::timestamp, 'infinity'), $4)
         order by shown_at desc, id desc limit $5
       ), changed as (
         update photos set ${assignments} where id in (select id from batch) and ${condition}
       )
       select shown_at as "shownAt", id from batch order by shown_at, id limit 1`,
      [person, epoch, after?.shownAt ?? null, after?.id ?? '', batchRows],
    )
    after = rows[0]
  } while (after)
}
