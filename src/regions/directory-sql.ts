/** The table `directory`, in the partition's database. */
import type { Queryable } from '../db/database.js'

export interface DirectoryEntry {
  person: string
  /** The id of the region that the person's data is in. */
  home: string
  epoch: number
  /** Of a move under way; 0 when there is none. */
  nextEpoch: number
}

/** Whether the row was new. */
export async function insertEntry(db: Queryable, person: string, home: string, epoch: number): Promise<boolean> {
  const rows = await db.query(
    'insert into directory (person, home, epoch) values ($1, $2, $3) on conflict (person) do nothing returning person',
    [person, home, epoch],
  )
  return rows.length > 0
}

export async function selectEntry(db: Queryable, person: string): Promise<DirectoryEntry | undefined> {
  const [row] = await db.query<DirectoryEntry>(
    'select person, home, epoch, next_epoch as "nextEpoch" from directory where person = $1',
    [person],
  )
  return row
}
