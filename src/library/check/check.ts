/** What a handset asks before it sends: which contents are here, which their owner has deleted, and which are to be sent. */
import type { Placement } from '../../core/keys.js'
import type { Queryable } from '../../db/database.js'
import { findContents, type KnownContent } from './check-sql.js'

export interface Check {
  /** Neither here nor deleted; lower-case hex, in the order of asking, each once. */
  missing: string[]
  /** In the library and to be seen. Sidecars of the same bytes may belong to several photos: one entry for each. */
  here: Omit<KnownContent, 'isGone' | 'deletedAt'>[]
  /** In the trash, or deleted for good and not asked for since. */
  deleted: { sha256: string; photo: string; at: Date; inTrash: boolean }[]
}

/** `hashes` in hex. */
export async function checkContents(db: Queryable, placement: Placement, hashes: readonly string[]): Promise<Check> {
  const missing = new Set(hashes.map(hash => hash.toLowerCase()))
  const known = await findContents(db, placement, Buffer.from([...missing].join(''), 'hex'))
  const here: Check['here'] = []
  const deleted = new Map<string, Check['deleted'][number]>()
  for (const { isGone, deletedAt: at, ...content } of known) {
    const { sha256, photo } = content
    missing.delete(sha256)
    if (at === null) here.push(content)
    // What was deleted several times was deleted last.
    else if (at >= (deleted.get(sha256)?.at ?? at)) deleted.set(sha256, { sha256, photo, at, inTrash: !isGone })
  }
  for (const { sha256 } of here) deleted.delete(sha256)
  return { missing: [...missing], here, deleted: [...deleted.values()] }
}
