/** The tables `feeds` and `changes`. */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'
import type { Change, ChangeKind } from './changes.js'

export interface NewChange extends Placement {
  kind: ChangeKind
  photo: string
  at: Date
}

/**
 * Adds to the feed inside the transaction that made the change; resolves with its sequence number. The feed's row stays locked
 * until the commit, so numbers become visible in their order and a rolled-back one leaves no gap: whoever sees n sees all
 * below it. Call it late in the transaction, since a person's commits wait for each other from here on.
 */
export async function appendChange(tx: Queryable, { person, epoch, kind, photo, at }: NewChange): Promise<number> {
  const [row] = await tx.query<{ seq: number }>('select append_change($1, $2, $3, $4, $5) as seq', [
    person,
    epoch,
    kind,
    photo,
    at,
  ])
  return (row as { seq: number }).seq
}

/** `lastSeq` is the last one of the epoch before; 0 for a new person. */
export async function createFeed(tx: Queryable, { person, epoch }: Placement, lastSeq = 0): Promise<void> {
  await tx.query('insert into feeds (person, epoch, seq) values ($1, $2, $3)', [person, epoch, lastSeq])
}

export async function selectChanges(
  db: Queryable,
  { person, epoch }: Placement,
  after: number,
  limit: number,
): Promise<Change[]> {
  return db.query<Change>(
    `select seq, kind, photo, at from changes
     where person = $1 and epoch = $2 and seq > $3 order by seq limit $4`,
    [person, epoch, after, limit],
  )
}
