/**
 * Live Photos: a picture and a video that come as two originals and say by a common identifier that they are one photo. The video
 * becomes part of the picture, whichever comes first.
 */
import { limits } from '../core/limits.js'
import type { Queryable } from '../db/database.js'

export interface Half {
  id: string
  person: string
  epoch: number
  kind: 'picture' | 'video'
  live: string
}

/**
 * Finds the other half and locks both, in the order of their ids: call it before this one is locked, and pair them (`pairLive`) once
 * this one is ready. undefined: there is none to be joined with. No part comes to any photo of this person until the transaction's end, so
 * two halves that come at once find each other.
 *
 * A picture has one moving half, the oldest; a further one stays a video of its own. A half that was lost is no half any more: what
 * comes in its place is joined anew. What is in the trash takes the other half along only when that is the picture; a video that was
 * thrown away by itself, or that has parts of its own, stays one.
 */
export async function lockHalves(tx: Queryable, { id, person, epoch, kind, live }: Half): Promise<string | undefined> {
  const other = kind === 'picture' ? 'video' : 'picture'
  await tx.query('select lock_families($1, $2)', [person, epoch])
  const [found] = await tx.query<{ id: string }>(
    `select ${other}.id from photos picture join photos video using (person, epoch)
     where person = $1 and epoch = $2 and ${kind}.id = $3 and picture.id <> video.id
       and ${other}.live = $4 and ${other}.kind = '${other}' and ${other}.state = 'ready'
       and (video.part_of is null or exists (select from photos gone where gone.id = video.part_of and gone.lost))
       and not exists (select from photos part where part.part_of = video.id)
       and picture.part_of is null
       and not exists (select from photos taken where taken.part_of = picture.id and taken.role = 'motion' and taken.state in ('stored', 'ready'))
       and (select count(*) from photos part where part.part_of = picture.id and not part.lost) < ${limits.partsPerPhoto}
       and (video.trashed_at is null or picture.trashed_at is not null)
     order by ${other}.stored_at, ${other}.id limit 1`,
    [person, epoch, id, live],
  )
  const locked = await tx.query<{ id: string; state: string }>(
    'select id, state from photos where id = any($1) order by id for no key update',
    [found ? [id, found.id] : [id]],
  )
  // A worker may have found its original lost before it was locked.
  return locked.find(row => row.id === found?.id && row.state === 'ready')?.id
}

/** Both halves must be ready, and locked by `lockHalves`. The feed is told of albums that this changes; both halves have changed as well. */
export async function pairLive(
  tx: Queryable,
  { id, person, epoch, kind }: Omit<Half, 'live'>,
  other: string,
  at: Date,
): Promise<void> {
  const [picture, video] = kind === 'picture' ? [id, other] : [other, id]
  await tx.query('select join_whole($1, $2, $3, $4, $5, $6)', [person, epoch, video, picture, 'motion', at])
}
