/**
 * What people agree to, to which words, and when they did. Nothing is ever taken out of the ledger: it proves what held at any
 * time. What an answer means for what is kept is for the module that keeps it, in the same transaction; see library/places.ts.
 */
import { type Purpose, purposes, wordsVersion } from '../core/consents.js'
import { AppError } from '../core/errors.js'
import type { Queryable } from '../db/database.js'
import type { AccountsDeps } from './accounts.js'
import { type Consent, insertConsent, selectConsents } from './consents-sql.js'
import { lockPerson } from './people-sql.js'

/**
 * `at` is when it was answered last, `version` the words that were answered. What was never answered is not granted, nor is
 * what was granted to words that are not ours any more.
 */
export type Answer = { granted: boolean; version: number; at: Date } | { granted: false }

export async function listConsents({ db }: AccountsDeps, person: string): Promise<Record<Purpose, Answer>> {
  const answered = new Map<Purpose, Answer>()
  for (const { purpose, version, granted, at } of await selectConsents(db, person)) {
    answered.set(purpose, { granted: granted && version === wordsVersion[purpose], version, at })
  }
  const answers = purposes.map(purpose => [purpose, answered.get(purpose) ?? { granted: false }] as const)
  return Object.fromEntries(answers) as Record<Purpose, Answer>
}

/**
 * Records the answer to the present words and resolves with whether it is a new one; the same again leaves the ledger as it is.
 * The person stays locked until the transaction ends, so that nobody who asked `hasConsent` before writes after it.
 */
export async function setConsent(
  { clock }: Pick<AccountsDeps, 'clock'>,
  tx: Queryable,
  person: string,
  purpose: Purpose,
  granted: boolean,
): Promise<boolean> {
  if (!(await lockPerson(tx, person))) throw new AppError('not_found', 'There is no such person here')
  const before = await newestOf(tx, person, purpose)
  const version = wordsVersion[purpose]
  if (before?.granted === granted && before.version === version) return false
  await insertConsent(tx, person, { purpose, version, granted, at: clock.now() })
  return true
}

/** Who adds a handset wants it to send. A no that was said before stays one until its owner takes it back. */
export async function agreeByAddingDevice(
  deps: Pick<AccountsDeps, 'clock'>,
  tx: Queryable,
  person: string,
): Promise<void> {
  const before = await newestOf(tx, person, 'sync')
  if (before?.granted !== false) await setConsent(deps, tx, person, 'sync', true)
}

async function newestOf(tx: Queryable, person: string, purpose: Purpose): Promise<Consent | undefined> {
  return (await selectConsents(tx, person)).find(consent => consent.purpose === purpose)
}
