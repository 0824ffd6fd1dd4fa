/**
 * Which contents a library has, and which its owner has deleted: one statement, so that what moves from the one to the other meanwhile
 * is seen once.
 */
import type { Placement } from '../../core/keys.js'
import type { PartRole } from '../../core/part-roles.js'
import type { PhotoState } from '../../core/photo-state.js'
import type { Queryable } from '../../db/database.js'

export interface KnownContent {
  /** Lower-case hex. */
  sha256: string
  photo: string
  /** Its row is gone for good, and a tombstone left. */
  isGone: boolean
  /** When it came into the trash, or was deleted for good; null: it is here. */
  deletedAt: Date | null
  /** null of what is gone. */
  state: PhotoState | null
  reason: string | null
  /** This content, its whole and every part of that were read again by a worker, and are what was sent. */
  verified: boolean
  renditions: number
  partOf: string | null
  role: PartRole | null
}

/**
 * A part that was lost counts as unverified until the same content is there again. Wholes and their parts are looked up one by one: each
 * has few, and a plan for all of them at once would depend on how many hashes were asked.
 */
const columns = `encode(photo.sha256, 'hex') as sha256, photo.id as photo, false as "isGone", photo.trashed_at as "deletedAt", photo.state,
  photo.reason, cardinality(photo.renditions) as renditions, photo.part_of as "partOf", photo.role,
  photo.verified_at is not null
    and (photo.part_of is null or (select whole.verified_at is not null from photos whole where whole.id = photo.part_of))
    and not exists (
      select from photos part where part.part_of = coalesce(photo.part_of, photo.id) and part.verified_at is null
        and not (part.lost and exists (
          select from photos again where again.part_of = part.part_of and again.sha256 = part.sha256 and not again.lost))
    ) as verified`

/** The hashes, of 32 bytes each, from one value: a list of thousands costs more to write and to read than all the rest. */
const hashes = `array(select substring($3::bytea from 32 * place + 1 for 32) from generate_series(0, length($3::bytea) / 32 - 1) place)`

/**
 * In no order; `sha256` are the hashes one after the other. A sidecar that is in the trash is left out: the same bytes may belong to
 * another photo, and a sidecar shares the fate of its photo.
 */
export async function findContents(
  db: Queryable,
  { person, epoch }: Placement,
  sha256: Buffer,
): Promise<KnownContent[]> {
  return db.query<KnownContent>(
    `select ${columns} from photos photo
     where person = $1 and epoch = $2 and sha256 = any(${hashes}) and not lost and role is distinct from 'sidecar'
     union all
     select ${columns} from photos photo
     where person = $1 and epoch = $2 and sha256 = any(${hashes}) and not lost and role = 'sidecar' and trashed_at is null
     union all
     select encode(sha256, 'hex'), photo, true, deleted_at, null, null, 0, null, null, false from tombstones
     where person = $1 and epoch = $2 and sha256 = any(${hashes}) and lifted_at is null`,
    [person, epoch, sha256],
  )
}
