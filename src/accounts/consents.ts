/**
 * What people agree to, and when they did. Nothing is ever taken out of the ledger: it proves what held at any time. What an
 * answer means for what is kept is for the module that keeps it, in the same transaction; see library/places.ts.
 */
import { AppError } from '../core/errors.js'
import type { Queryable } from '../db/database.js'
import type { AccountsDeps } from './accounts.js'
import { insertConsent, type Purpose, purposes, selectConsents } from './consents-sql.js'
import { lockPerson } from './people-sql.js'

/** `at` is when it was answered last; a purpose that was never answered is not granted. */
export type Answer = { granted: boolean; at: Date } | { granted: false }

export async function listConsents({ db }: AccountsDeps, person: string): Promise<Record<Purpose, Answer>> {
  const answered = new Map<Purpose, Answer>()
  for (const { purpose, granted, at } of await selectConsents(db, person)) answered.set(purpose, { granted, at })
  const answers = purposes.map(purpose => [purpose, answered.get(purpose) ?? { granted: false }] as const)
  return Object.fromEntries(answers) as Record<Purpose, Answer>
}

/**
 * Records the answer and resolves with whether it is a new one; the same again leaves the ledger as it is. The
 * person stays locked until the transaction ends, so that nobody who asked `hasConsent` before writes after it.
 */
export async function setConsent(
  { clock }: Pick<AccountsDeps, 'clock'>,
  tx: Queryable,
  person: string,
  purpose: Purpose,
  granted: boolean,
): Promise<boolean> {
  if (!(await lockPerson(tx, person))) throw new AppError('not_found', 'There is no such person here')
  const before = (await selectConsents(tx, person)).find(consent => consent.purpose === purpose)
  if (before?.granted === granted) return false
  await insertConsent(tx, person, { purpose, granted, at: clock.now() })
  return true
}
