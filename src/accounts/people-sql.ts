/** The table `people`. */
import type { Queryable } from '../db/database.js'

export interface PersonRow {
  id: string
  /** As it was typed. */
  email: string
  passwordHash: string
}

export async function insertPerson(
  tx: Queryable,
  person: PersonRow & { emailFolded: string; createdAt: Date },
): Promise<void> {
  await tx.query(
    'insert into people (id, email, email_folded, password_hash, created_at) values ($1, $2, $3, $4, $5)',
    [person.id, person.email, person.emailFolded, person.passwordHash, person.createdAt],
  )
}

/** The name of the constraint that keeps one account per address. */
export const onePersonPerEmail = 'people_email_folded_key'

const personColumns = 'id, email, password_hash as "passwordHash"'

export async function findPersonByEmail(db: Queryable, emailFolded: string): Promise<PersonRow | undefined> {
  const [row] = await db.query<PersonRow>(`select ${personColumns} from people where email_folded = $1`, [emailFolded])
  return row
}

export async function findPersonById(db: Queryable, id: string): Promise<PersonRow | undefined> {
  const [row] = await db.query<PersonRow>(`select ${personColumns} from people where id = $1`, [id])
  return row
}

/** Holds the person against others who do the same until the transaction ends; whether there is one. */
export async function lockPerson(tx: Queryable, id: string): Promise<boolean> {
  const rows = await tx.query('select from people where id = $1 for no key update', [id])
  return rows.length > 0
}
