/**
 * Which contents a library has, and which its owner has deleted: one statement, so that what moves from the one to the other meanwhile
 * is seen once.
 *
 * It answers in JSON, made by the database. Reading thousands of rows into objects to write them out again would take Node longer than
 * finding them takes the database.
 */
import type { Placement } from '../../core/keys.js'
import { limits } from '../../core/limits.js'
import type { Queryable } from '../../db/database.js'

export interface KnownContents {
  /** Of all contents that follow: SHA-256s of 32 bytes, one after the other, in no order. */
  known: Buffer
  /** JSON, entries with commas between: what is in the library and to be seen. */
  here: string
  /** In the same way: what is in the trash, or was deleted for good and not asked for since. */
  deleted: string
}

/** The hashes, of 32 bytes each, from one value: a list of thousands costs more to write and to read than all the rest. */
const hashes = `array(select substring($3::bytea from 32 * place + 1 for 32) from generate_series(0, length($3::bytea) / 32 - 1) place)`

/**
 * A part that was lost counts as unverified until the same content is there again. Wholes and their parts are looked up one by one: each
 * has few, and a plan for all of them at once would depend on how many hashes were asked.
 */
const isVerified = `photo.verified_at is not null
  and (photo.part_of is null or (select whole.verified_at is not null from photos whole where whole.id = photo.part_of))
  and not exists (
    select from photos part where part.part_of = coalesce(photo.part_of, photo.id) and part.verified_at is null
      and not (part.lost and exists (
        select from photos again where again.part_of = part.part_of and again.sha256 = part.sha256 and not again.lost)))`

/** It was sent again after it was deleted, and lost again: who wanted it has not deleted it. */
const laterLost = `select from photos later
  where later.person = photo.person and later.epoch = photo.epoch and later.sha256 = photo.sha256
    and later.lost and later.trashed_at is null and later.role is distinct from 'sidecar'
    and (later.stored_at, later.id) > (photo.stored_at, photo.id)`

const sidecarsMax = 4 * limits.checkHashes

const columns = `photo.sha256, photo.id, photo.trashed_at as deleted_at, true as in_trash, photo.state, photo.reason,
  ${isVerified} as verified, cardinality(photo.renditions) as renditions, photo.part_of, photo.role`

/**
 * What was lost is missing, but deleted stays deleted.
 *
 * A sidecar that is in the trash is left out: the same bytes may belong to another photo, and a sidecar shares the fate of its photo. Nor
 * are all told of bytes that very many photos have beside them: who isn't told of one sends it, and learns that it is there.
 */
const sql = `
  with known as materialized (
    select ${columns} from photos photo
    where person = $1 and epoch = $2 and sha256 = any(${hashes}) and not lost and role is distinct from 'sidecar'
    union all
    select ${columns} from photos photo
    where person = $1 and epoch = $2 and sha256 = any(${hashes}) and lost and trashed_at is not null and role is distinct from 'sidecar'
      and not exists (${laterLost})
    union all
    (select ${columns} from photos photo
     where person = $1 and epoch = $2 and sha256 = any(${hashes}) and not lost and role = 'sidecar' and trashed_at is null
     limit ${sidecarsMax})
    union all
    select sha256, photo, deleted_at, false, null, null, null, null, null, null from tombstones
    where person = $1 and epoch = $2 and sha256 = any(${hashes}) and lifted_at is null
  ), deleted as (
    select distinct on (sha256) sha256, id, deleted_at, in_trash from known
    where deleted_at is not null and sha256 not in (select sha256 from known where deleted_at is null)
    order by sha256, deleted_at desc
  )
  select
    (select coalesce(string_agg(sha256, ''), '') from known) as known,
    (select coalesce(string_agg(row_to_json(entry)::text, ','), '') from known, lateral (
       select encode(sha256, 'hex') as sha256, id as photo, state, reason, verified, renditions, part_of as "partOf", role
     ) as entry where deleted_at is null) as here,
    (select coalesce(string_agg(row_to_json(entry)::text, ','), '') from deleted, lateral (
       select encode(sha256, 'hex') as sha256, id as photo,
         to_char(deleted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, in_trash as "inTrash"
     ) as entry) as deleted`

/** `sha256` are the hashes that are asked for, one after the other. */
export async function findContents(
  db: Queryable,
  { person, epoch }: Placement,
  sha256: Buffer,
): Promise<KnownContents> {
  const [found] = await db.query<KnownContents>(sql, [person, epoch, sha256])
  return found as KnownContents
}
