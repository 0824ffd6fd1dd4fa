/** The directory of a partition: where each person's data is. The one thing that regions share, and it holds nothing else. */
import { AppError } from '../core/errors.js'
import type { Database } from '../db/database.js'
import { type DirectoryEntry, insertEntry, selectEntry } from './directory-sql.js'

export interface Directory {
  /** Says that a new person's home is that region. Idempotent for the same home and epoch; else `conflict`. */
  claim(person: string, home: string, epoch: number): Promise<void>
  find(person: string): Promise<DirectoryEntry | undefined>
}

export function makeDirectory(db: Database): Directory {
  return {
    async claim(person, home, epoch) {
      if (await insertEntry(db, person, home, epoch)) return
      const entry = await selectEntry(db, person)
      if (entry?.home === home && entry.epoch === epoch) return
      throw new AppError('conflict', 'This person already has a home')
    },
    find: person => selectEntry(db, person),
  }
}
