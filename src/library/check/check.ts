/** What a handset asks before it sends: which contents are here, which their owner has deleted, and which are to be sent. */
import type { Placement } from '../../core/keys.js'
import type { PartRole } from '../../core/part-roles.js'
import type { PhotoState } from '../../core/photo-state.js'
import type { Queryable } from '../../db/database.js'
import { findContents } from './check-sql.js'

/** The answer. A `sha256` is in lower-case hex. */
export interface Check {
  /** Neither here nor deleted; in the order of asking, each once. */
  missing: string[]
  /** In the library and to be seen. Sidecars of the same bytes may belong to several photos: one entry for each. */
  here: {
    sha256: string
    photo: string
    state: PhotoState
    reason: string | null
    /** This content, its whole and every part of that were read again by a worker, and are what was sent. */
    verified: boolean
    renditions: number
    partOf: string | null
    role: PartRole | null
  }[]
  /** In the trash, or deleted for good and not asked for since; of several times the last. */
  deleted: { sha256: string; photo: string; at: string; inTrash: boolean }[]
}

/** Of a SHA-256 in hex. */
const hashLength = 64

/** `hashes` in hex; resolves with a {@link Check} in JSON. */
export async function checkContents(db: Queryable, placement: Placement, hashes: readonly string[]): Promise<string> {
  const missing = new Set(hashes.map(hash => hash.toLowerCase()))
  const { known, here, deleted } = await findContents(db, placement, Buffer.from([...missing].join(''), 'hex'))
  const knownHex = known.toString('hex')
  for (let at = 0; at < knownHex.length; at += hashLength) missing.delete(knownHex.slice(at, at + hashLength))
  return `{"missing":${JSON.stringify([...missing])},"here":[${here}],"deleted":[${deleted}]}`
}
