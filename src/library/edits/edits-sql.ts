/** What their owner wrote of photos, in the table `photos`. */
import type { Placement } from '../../core/keys.js'
import type { Queryable } from '../../db/database.js'
import { editedColumns, type Marks, type Words } from './edit.js'

export interface Editable {
  partOf: string | null
  words: Words
  favourite: boolean
  archived: boolean
}

/** The photo as it is and stays until the transaction's end, but for this transaction. `photo` may be any text. */
export async function lockEditable(
  tx: Queryable,
  { person, epoch }: Placement,
  photo: string,
): Promise<Editable | undefined> {
  const [row] = await tx.query<Editable>(
    `select part_of as "partOf", edits as words, favourite, archived from photos
     where id = $3 and person = $1 and epoch = $2 for no key update`,
    [person, epoch, photo],
  )
  return row
}

/**
 * Columns get the owner's words; those that were taken back are empty until a worker has looked again, but for what sidecars say
 * (`applySidecars`), and the photo stands in the timeline meanwhile as if the file said no time. Returns whether a worker has to look
 * at the photo again for it.
 */
export async function writeEdits(
  tx: Queryable,
  photo: string,
  { words, takenBack, favourite, archived }: { words: Words; takenBack: readonly string[] } & Required<Marks>,
): Promise<boolean> {
  const columns = Object.entries(editedColumns).map(
    ([column, type]) =>
      `${column} = case when $2::jsonb ? '${column}' then ($2::jsonb->>'${column}')::${type}
         when '${column}' = any($3::text[]) then null else ${column} end`,
  )
  const [row] = await tx.query<{ readAgain: boolean }>(
    `update photos set edits = $2::jsonb, favourite = $4, archived = $5, ${columns.join(', ')},
       shown_at = case when $2::jsonb->>'taken_at' is not null then ($2::jsonb->>'taken_at')::timestamp
         when 'taken_at' = any($3::text[]) then coalesce(modified_at, stored_at) at time zone 'UTC' else shown_at end,
       recipe = case when cardinality($3::text[]) > 0 and state = 'ready' then -abs(recipe) else recipe end
     where id = $1 returning cardinality($3::text[]) > 0 and state = 'ready' as "readAgain"`,
    [photo, JSON.stringify(words), takenBack, favourite, archived],
  )
  return row?.readAgain ?? false
}

/** Those of the photos that the marks are new to, by id. They must be locked. */
export async function markPhotos(
  tx: Queryable,
  ids: readonly string[],
  { favourite, archived }: Marks,
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `update photos set favourite = coalesce($2::boolean, favourite), archived = coalesce($3::boolean, archived)
     where id = any($1) and (favourite <> coalesce($2::boolean, favourite) or archived <> coalesce($3::boolean, archived)) returning id`,
    [ids, favourite ?? null, archived ?? null],
  )
  return rows.map(({ id }) => id).toSorted()
}
