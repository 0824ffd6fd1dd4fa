/** The tables `feeds` and `changes`, as those use them who make changes and who read them; compact-sql.ts removes some again. */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'
import type { AlbumChangeKind, Change, ChangeKind, MemberChangeKind, PhotoChangeKind } from './changes.js'

/** One change; which ids it has goes by its kind. */
export type NewChange = Placement & { at: Date } & (
    | { kind: PhotoChangeKind; photo: string; album?: undefined }
    | { kind: AlbumChangeKind; album: string; photo?: undefined }
    | { kind: MemberChangeKind; album: string; photo: string }
  )

/** The same change of many photos. */
export type NewChanges = Placement & { photos: readonly string[]; at: Date } & (
    | { kind: PhotoChangeKind; album?: undefined }
    | { kind: MemberChangeKind; album: string }
  )

/**
 * Adds to the feed inside the transaction that made the change; resolves with its sequence number. The feed's row stays locked
 * until the commit, so numbers become visible in their order and a rolled-back one leaves no gap: whoever sees n sees all
 * below it. Call it late in the transaction, since a person's commits wait for each other from here on. Once it is committed,
 * tell those who listen: the signal `feed`, with the person.
 */
export async function appendChange(tx: Queryable, change: NewChange): Promise<number> {
  const { person, epoch, kind, photo = null, album = null, at } = change
  const [row] =
    album === null
      ? await tx.query<{ seq: number }>('select append_change($1, $2, $3, $4, $5) as seq', [
          person,
          epoch,
          kind,
          photo,
          at,
        ])
      : await appendAll(tx, { person, epoch, kind, photos: [photo], album, at })
  return (row as { seq: number }).seq
}

/** The same for many photos, in their order; resolves with the last number, undefined when there are none. */
export async function appendChanges(tx: Queryable, changes: NewChanges): Promise<number | undefined> {
  const [row] = await appendAll(tx, { ...changes, album: changes.album ?? null })
  return row?.seq ?? undefined
}

interface ManyChanges extends Placement {
  kind: ChangeKind
  photos: readonly (string | null)[]
  album: string | null
  at: Date
}

function appendAll(
  tx: Queryable,
  { person, epoch, kind, photos, album, at }: ManyChanges,
): Promise<{ seq: number | null }[]> {
  return tx.query('select append_changes($1, $2, $3, $4, $5, $6) as seq', [person, epoch, kind, photos, album, at])
}

/** Both are of the epoch before: the last number, and the floor, for cursors go on from one epoch to the next. 0 for a new person. */
export async function createFeed(
  tx: Queryable,
  { person, epoch }: Placement,
  { seq, floor }: { seq: number; floor: number } = { seq: 0, floor: 0 },
): Promise<void> {
  await tx.query('insert into feeds (person, epoch, seq, floor) values ($1, $2, $3, $4)', [person, epoch, seq, floor])
}

/** Changes of the person wait for this transaction from here on. */
export async function lockFeed(tx: Queryable, { person, epoch }: Placement): Promise<void> {
  await tx.query('select from feeds where person = $1 and epoch = $2 for update', [person, epoch])
}

export interface FoundChanges {
  changes: Change[]
  /** The feed's last number. */
  end: number
  /** Deletions up to it are forgotten. */
  floor: number
  /** The position counted: what was found is all there is from it on. Else it is from the start. */
  counted: boolean
}

/**
 * At most `limit` changes after `seq`. It counts if it is not beyond the feed's end, and it or `base` not below the floor. One
 * statement, so that no compaction comes between the look at the floor and the changes.
 */
export async function selectChanges(
  db: Queryable,
  { person, epoch }: Placement,
  { seq, base }: { seq: number; base: number },
  limit: number,
): Promise<FoundChanges> {
  const rows = await db.query<
    { end: number; floor: number; counted: boolean; seq: number | null } & Omit<Change, 'seq'>
  >(
    `select feed.seq as end, feed.floor, feed.counted, change.seq, change.kind, change.photo, change.album, change.at
     from (select seq, floor, $3::bigint <= seq and greatest($3::bigint, $4::bigint) >= floor as counted
           from feeds where person = $1 and epoch = $2) as feed
     left join lateral (
       select seq, kind, photo, album, at from changes
       where person = $1 and epoch = $2 and changes.seq > case when feed.counted then $3::bigint else 0 end
       order by changes.seq limit $5
     ) as change on true
     order by change.seq`,
    [person, epoch, seq, base, limit],
  )
  const [feed] = rows
  if (!feed) throw new Error('a placement without a feed')
  const { end, floor, counted } = feed
  const changes = rows.flatMap(({ seq, kind, photo, album, at }) =>
    seq === null ? [] : [{ seq, kind, photo, album, at }],
  )
  return { changes, end, floor, counted }
}

/** Where the feeds of these people end now; those whose data is not here are left out. */
export async function selectEnds(db: Queryable, people: readonly string[]): Promise<(Placement & { seq: number })[]> {
  return db.query(
    `select person, epoch, seq from feeds join placements using (person, epoch)
     where person = any($1) and placements.state in ('open', 'frozen')`,
    [people],
  )
}
