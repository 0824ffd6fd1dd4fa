/**
 * Live Photos: a picture and a video that come as two originals and say by a common identifier that they are one photo. The video
 * becomes part of the picture, whichever comes first.
 */
import type { Queryable } from '../db/database.js'

export interface Half {
  id: string
  person: string
  epoch: number
  kind: 'picture' | 'video'
  live: string
}

/**
 * Joins this half with the other one if it is there. Call it with the person's feed locked. Returns the other one's id: it has changed
 * as well. A picture has one moving half, the oldest; a further one stays a video of its own. A half that was lost is
 * no half any more: what comes in its place is joined anew. What is in the trash takes the other half along only when that is the
 * picture; a video that was thrown away by itself, or that has parts of its own, stays one.
 */
export async function pairLive(tx: Queryable, { id, person, epoch, kind, live }: Half): Promise<string | undefined> {
  const [pair] = await tx.query<{ picture: string; video: string }>(
    `select picture.id as picture, video.id as video
     from photos picture join photos video using (person, epoch, live)
     where person = $1 and epoch = $2 and live = $3 and picture.kind = 'picture' and video.kind = 'video'
       and picture.state = 'ready' and video.state = 'ready'
       and (video.part_of is null or exists (select from photos gone where gone.id = video.part_of and gone.lost))
       and picture.part_of is null
       and not exists (select from photos taken where taken.part_of = picture.id and taken.role = 'motion' and taken.state in ('stored', 'ready'))
       and ${kind === 'picture' ? 'picture.id' : 'video.id'} = $4
       and (video.trashed_at is null or picture.trashed_at is not null)
     order by picture.stored_at, picture.id, video.stored_at, video.id limit 1
     for no key update of video for share of picture`,
    [person, epoch, live, id],
  )
  if (!pair) return undefined
  // Only now that both are locked it is certain that no part comes to the video any more.
  const joined = await tx.query(
    `update photos set part_of = $2, role = 'motion', trashed_at = (select trashed_at from photos whole where whole.id = $2)
     where id = $1 and not exists (select from photos part where part.part_of = $1) returning id`,
    [pair.video, pair.picture],
  )
  if (joined.length === 0) return undefined
  return kind === 'picture' ? pair.video : pair.picture
}
