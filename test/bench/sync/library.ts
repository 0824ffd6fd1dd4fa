/** Libraries as a worker leaves them, by rows alone: photos that are ready and verified, each with two changes in its owner's feed. */
import type { Placement } from '../../../src/core/keys.js'
import type { Database } from '../../../src/db/database.js'

/** Photos with these contents; the feed, which must be empty, tells nothing of them. */
export async function addPhotos(db: Database, { person, epoch }: Placement, sha256: readonly Buffer[]): Promise<void> {
  await db.query(
    `insert into photos (id, person, epoch, sha256, size_bytes, stored_at, verified_at, shown_at, state, kind, recipe, renditions)
     select substr(md5($1 || n) || md5(n || $1), 1, 26), $1, $2, content, 3000, now(), now(), now() - n * interval '1 minute', 'ready', 'picture', 1,
       '{thumbnail,preview}'
     from unnest($3::bytea[]) with ordinality as given (content, n)`,
    [person, epoch, sha256],
  )
}

const chunkPhotos = 50_000

/** The content of a library's photo with that number, from 1. */
export const contentNumbered = `sha256(($1 || n)::bytea)`

/** A library of so many, as a million photos have come one after another and were looked at by workers soon after. */
export async function addLibrary(
  db: Database,
  { person, epoch }: Placement,
  photos: number,
  onAdded: (photos: number) => void,
): Promise<void> {
  for (let first = 1; first <= photos; first += chunkPhotos) {
    const last = Math.min(photos, first + chunkPhotos - 1)
    await db.query(
      `with fresh as (
         insert into photos (id, person, epoch, sha256, size_bytes, file_name, stored_at, verified_at, shown_at, taken_at, state, kind, recipe,
           renditions, media_type, width, height, thumbhash)
         select substr(md5($1 || n) || md5(n || $1), 1, 26), $1, $2, ${contentNumbered}, 3000000, 'IMG_' || n || '.jpg', now(), now(),
           timestamp '2010-01-01' + n * interval '7 minutes', timestamp '2010-01-01' + n * interval '7 minutes', 'ready', 'picture', 1,
           '{thumbnail,preview}', 'image/jpeg', 4032, 3024, decode(substr(md5(n::text) || md5(n::text), 1, 50), 'hex')
         from generate_series($3::bigint, $4::bigint) as n
         returning id)
       insert into changes (person, epoch, seq, kind, photo, at)
       select $1, $2, 2 * ($3 - 1) + 2 * (row_number() over () - 1) + step, case step when 1 then 'stored' else 'ready' end, id, now()
       from fresh, generate_series(1, 2) as step`,
      [person, epoch, first, last],
    )
    onAdded(last)
  }
  await db.query('update feeds set seq = $3 where person = $1 and epoch = $2', [person, epoch, 2 * photos])
  // As autovacuum leaves it some time after many rows have come.
  await db.query('vacuum analyze photos')
  await db.query('vacuum analyze changes')
}
