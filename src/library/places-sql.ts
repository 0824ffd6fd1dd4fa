/**
 * Where photos were taken, in the table `photos`: taken out, or marked to be read again. Both go through a placement in batches, by
 * what never changes of a photo. So none is passed over because it went to the trash and back meanwhile, or to another time.
 */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'

/** Photos in one statement: no statement of a library of a million comes near its deadline. */
const batchPhotos = 10_000

/**
 * Takes every place out of the placement's photos, parts and lost ones as well. Nobody may be able to write a place meanwhile who
 * had not done so before: see `setConsent`.
 */
export async function removePlaces(tx: Queryable, placement: Placement): Promise<void> {
  let after = ''
  for (;;) {
    const last = await removeBatch(tx, placement, after)
    // It is over when the whole of it, looked at from its start, has none.
    if (last === undefined && after === '') return
    after = last ?? ''
  }
}

/**
 * Of the next ids after `after`. Locked in their order, as everybody locks photos. Returns the last, undefined if there is none. The
 * update names a stretch of ids: a list of them could be gone through anew for each photo, where the table's statistics are old.
 */
async function removeBatch(tx: Queryable, { person, epoch }: Placement, after: string): Promise<string | undefined> {
  const [row] = await tx.query<{ last: string | null }>(
    `select max(id) as last from (
       select id from photos where person = $1 and epoch = $2 and latitude is not null and id > $3
       order by id limit $4 for no key update
     ) as batch`,
    [person, epoch, after, batchPhotos],
  )
  const last = row?.last ?? undefined
  if (last !== undefined) {
    await tx.query(
      `update photos set latitude = null, longitude = null
       where person = $1 and epoch = $2 and latitude is not null and id > $3 and id <= $4`,
      [person, epoch, after, last],
    )
  }
  return last
}

/**
 * Has the workers look at every photo again that they have looked at: a recipe below zero is older than any, and its
 * absolute value still says which renditions there are (`recipeOf` in photo.ts).
 */
export async function markToReadAgain(tx: Queryable, placement: Placement): Promise<void> {
  // Content is in no order of ids: whoever locks families of photos comes before all of this, or after it.
  await tx.query('select lock_families($1, $2)', [placement.person, placement.epoch])
  for (const listing of listings) {
    let after: Buffer | undefined = Buffer.alloc(0)
    while (after) after = await markBatch(tx, placement, listing, after)
  }
}

/** Together all photos that a worker looks at, each in the words by which its own index is found. A sidecar never is anything else. */
const listings = [`not lost and role is distinct from 'sidecar'`, `not lost and role = 'sidecar'`]

/** Of the next contents after `after`; those of one content go together. Returns the last, undefined if there is none. */
async function markBatch(
  tx: Queryable,
  { person, epoch }: Placement,
  listing: string,
  after: Buffer,
): Promise<Buffer | undefined> {
  const [row] = await tx.query<{ last: Buffer }>(
    `select sha256 as last from (
       select sha256 from photos where person = $1 and epoch = $2 and ${listing} and sha256 > $3 order by sha256 limit $4
     ) as batch order by sha256 desc limit 1`,
    [person, epoch, after, batchPhotos],
  )
  const last = row?.last
  if (last) {
    await tx.query(
      `update photos set recipe = -recipe
       where person = $1 and epoch = $2 and ${listing} and sha256 > $3 and sha256 <= $4 and state = 'ready' and recipe > 0`,
      [person, epoch, after, last],
    )
  }
  return last
}
