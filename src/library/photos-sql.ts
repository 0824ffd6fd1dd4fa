/** Reads of the table `photos`, always within one placement: nobody else's photo is ever found. */
import type { Placement } from '../core/keys.js'
import type { Queryable } from '../db/database.js'
import { partsOf, shownEdit } from './parts-sql.js'
import type { Photo } from './photo.js'

/** `id` must have the form of an id. */
export async function findPhoto(db: Queryable, { person, epoch }: Placement, id: string): Promise<Photo | undefined> {
  const [photo] = await db.query<Photo>(
    `select id, sha256, size_bytes as "sizeBytes", file_name as "fileName", stored_at as "storedAt",
            verified_at as "verifiedAt", state, reason, recipe, renditions, kind, duration_ms as "durationMs",
            media_type as "mediaType", width, height,
            taken_at as "takenAt", taken_offset_minutes as "takenOffsetMinutes", shown_at as "shownAt",
            camera_make as "cameraMake", camera_model as "cameraModel", lens, exposure, latitude, longitude,
            rating, description, motion, part_of as "partOf", role, favourite, archived, trashed_at as "trashedAt",
            (select jsonb_build_object('id', half.id, 'sha256', encode(half.sha256, 'hex'), 'sizeBytes', half.size_bytes,
                      'mediaType', half.media_type, 'fileName', half.file_name)
             from photos half where half.part_of = photos.id and half.role = 'motion' and half.state = 'ready'
             order by half.stored_at, half.id limit 1) as "movingHalf",
            ${partsOf('photos')} as parts,
            (select jsonb_build_object('id', coalesce(edit.id, photos.id), 'recipe', coalesce(edit.recipe, photos.recipe))
             from (values (1)) as one left join lateral ${shownEdit('photos')} edit on true
             where photos.state = 'ready' or edit.id is not null) as shown
     from photos where id = $3 and person = $1 and epoch = $2`,
    [person, epoch, id],
  )
  return photo
}

/** What is in the trash counts as that alone. */
export interface PhotoCounts {
  /** Parts of others don't count. */
  photos: number
  /** Of photos: moving halves, edits, sidecars. */
  parts: number
  /** Of all originals together, parts as well. */
  bytes: number
  unreadable: number
  quarantined: number
  /** Stored, and not yet looked at by a worker. */
  waiting: number
  /** In the trash. */
  trashed: number
}

export async function countPhotos(db: Queryable, { person, epoch }: Placement): Promise<PhotoCounts> {
  const [counts] = await db.query<PhotoCounts>(
    `select count(*) filter (where part_of is null and trashed_at is null) as photos,
            count(*) filter (where part_of is not null and trashed_at is null) as parts,
            coalesce(sum(size_bytes) filter (where trashed_at is null), 0)::bigint as bytes,
            count(*) filter (where state = 'unreadable' and part_of is null and trashed_at is null) as unreadable,
            count(*) filter (where state = 'quarantined' and part_of is null and trashed_at is null) as quarantined,
            count(*) filter (where state = 'stored' and part_of is null and trashed_at is null) as waiting,
            count(*) filter (where part_of is null and trashed_at is not null) as trashed
     from photos where person = $1 and epoch = $2`,
    [person, epoch],
  )
  return counts ?? { photos: 0, parts: 0, bytes: 0, unreadable: 0, quarantined: 0, waiting: 0, trashed: 0 }
}
