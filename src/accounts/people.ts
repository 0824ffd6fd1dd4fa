/** People: making one, and finding one. Touches the directory and the region's database. */
import { AppError } from '../core/errors.js'
import { isUniqueViolation } from '../db/database.js'
import { createFeed } from '../feed/changes-sql.js'
import { createPlacement } from '../regions/placements-sql.js'
import type { AccountsDeps } from './accounts.js'
import { parseEmail, requireEmail } from './email.js'
import { hashPassword } from './passwords.js'
import { findPersonByEmail, findPersonById, insertPerson, onePersonPerEmail } from './people-sql.js'

export interface Person {
  id: string
  /** As it was typed. */
  email: string
}

const firstEpoch = 1

/**
 * A new person whose home is this region. The directory is written first, so that nobody exists here whom the directory
 * doesn't know; if the rest fails, its row names a person that never was, which harms nothing.
 *
 * Rejects with `invalid` (address or password) or `conflict` (the address has an account).
 */
export async function addPerson(
  deps: AccountsDeps,
  email: string,
  password: string,
): Promise<{ person: string; epoch: number }> {
  const { typed, folded } = requireEmail(email)
  const passwordHash = await hashPassword(password)
  if (await findPersonByEmail(deps.db, folded)) throw alreadyHere()

  const person = deps.newId()
  const placement = { person, epoch: firstEpoch }
  await deps.directory.claim(person, deps.region.id, firstEpoch)
  try {
    await deps.db.transaction(async tx => {
      await insertPerson(tx, {
        id: person,
        email: typed,
        emailFolded: folded,
        passwordHash,
        createdAt: deps.clock.now(),
      })
      await createPlacement(tx, placement, 'open')
      await createFeed(tx, placement)
    })
  } catch (error) {
    throw isUniqueViolation(error, onePersonPerEmail) ? alreadyHere(error) : error
  }
  return placement
}

/** Undefined when nobody here has that address, or it is no address. */
export async function findPerson({ db }: AccountsDeps, email: string): Promise<Person | undefined> {
  const folded = parseEmail(email)?.folded
  const row = folded && (await findPersonByEmail(db, folded))
  return row ? { id: row.id, email: row.email } : undefined
}

export async function getPerson({ db }: AccountsDeps, person: string): Promise<Person> {
  const row = await findPersonById(db, person)
  if (!row) throw new AppError('not_found', 'There is no such person here')
  return { id: row.id, email: row.email }
}

function alreadyHere(cause?: unknown): AppError {
  return new AppError('conflict', 'That e-mail address already has an account here. Sign in, or use another address', {
    cause,
  })
}
