/** Originals of one person, committed in few words, and what came of them. */
import { createHash } from 'node:crypto'
import { newId } from '../../src/core/ids.js'
import type { Placement } from '../../src/core/keys.js'
import type { PartRole } from '../../src/core/part-roles.js'
import type { Database } from '../../src/db/database.js'
import { commitOriginal, type Receipt } from '../../src/library/commit-sql.js'
import { deleteTrashed, trashPhotos } from '../../src/library/trash/trash.js'

export interface Row {
  id: string
  partOf: string | null
  role: PartRole | null
  trashed: boolean
}

export interface Sent {
  partOf?: { photo: string; role: PartRole }
  keepDeleted?: boolean
}

export const hashOf = (content: string): Buffer => createHash('sha256').update(content).digest()

export function originalsOf(db: Database, person: Placement) {
  return {
    send: (content: string, sent: Sent = {}): Promise<Receipt> =>
      commitOriginal(
        db,
        {
          ...person,
          ...sent,
          photo: newId(),
          sha256: hashOf(content),
          sizeBytes: content.length,
          fileName: null,
          device: null,
          modifiedAt: null,
        },
        new Date(),
      ),
    trash: (...photos: string[]) => trashPhotos(db, person, { photos, now: new Date() }),
    /** For good. */
    remove: async (...photos: string[]) => {
      await trashPhotos(db, person, { photos, now: new Date() })
      return deleteTrashed(db, person, { photos, now: new Date() })
    },
    /** As when a worker finds its original missing. */
    lose: (photo: string) =>
      db.query(
        `update photos set lost = true, state = 'quarantined', reason = 'The stored file is missing' where id = $1`,
        [photo],
      ),
    rows: (content: string): Promise<Row[]> =>
      db.query<Row>(
        `select id, part_of as "partOf", role, trashed_at is not null as trashed from photos
         where person = $1 and sha256 = $2 and not lost order by stored_at, id`,
        [person.person, hashOf(content)],
      ),
    /** Of the feed: what became of which photo. */
    changes: async (): Promise<string[]> => {
      const rows = await db.query<{ kind: string; photo: string }>(
        'select kind, photo from changes where person = $1 order by seq',
        [person.person],
      )
      return rows.map(({ kind, photo }) => `${kind} ${photo}`)
    },
  }
}
