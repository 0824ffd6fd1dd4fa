/** The table `consents`: a ledger that is only added to. The newest row of a purpose counts, and none is a no. */
import { type Purpose, wordsVersion } from '../core/consents.js'
import type { Queryable } from '../db/database.js'

export interface Consent {
  purpose: Purpose
  /** Of the words that were answered. */
  version: number
  granted: boolean
  at: Date
}

/** What counts now, for each purpose that the person ever answered. */
export async function selectConsents(db: Queryable, person: string): Promise<Consent[]> {
  return db.query<Consent>(
    'select distinct on (purpose) purpose, version, granted, at from consents where person = $1 order by purpose, id desc',
    [person],
  )
}

/**
 * Whether the person agrees, held so until the transaction ends: whoever withdraws waits for it, and then finds what it wrote.
 * Ask before writing the photo, since withdrawing locks the person first and their photos then.
 */
export async function hasConsent(tx: Queryable, person: string, purpose: Purpose): Promise<boolean> {
  // Apart, so that the ledger is read as it is once the lock is had.
  await tx.query('select from people where id = $1 for share', [person])
  const [row] = await tx.query<{ holds: boolean }>(
    `select granted and version = $3 as holds from consents where person = $1 and purpose = $2 order by id desc limit 1`,
    [person, purpose, wordsVersion[purpose]],
  )
  return row?.holds ?? false
}

export async function insertConsent(tx: Queryable, person: string, consent: Consent): Promise<void> {
  const { purpose, version, granted, at } = consent
  await tx.query('insert into consents (person, purpose, version, granted, at) values ($1, $2, $3, $4, $5)', [
    person,
    purpose,
    version,
    granted,
    at,
  ])
}
