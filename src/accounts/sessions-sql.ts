/** The tables `sessions` and `sign_in_links`. */
import type { Queryable } from '../db/database.js'

/** Also forgets the person's sessions that have expired, so that the table holds what can be used. */
export async function insertSession(
  db: Queryable,
  session: { tokenSha256: Buffer; person: string; createdAt: Date; expiresAt: Date },
): Promise<void> {
  const { tokenSha256, person, createdAt, expiresAt } = session
  await db.query('delete from sessions where person = $1 and expires_at <= $2', [person, createdAt])
  await db.query('insert into sessions (token_sha256, person, created_at, expires_at) values ($1, $2, $3, $4)', [
    tokenSha256,
    person,
    createdAt,
    expiresAt,
  ])
}

/** Whose session it is and the epoch of their placement here; epoch is null when they live elsewhere now. */
export async function findSession(
  db: Queryable,
  tokenSha256: Buffer,
  now: Date,
): Promise<{ person: string; epoch: number | null } | undefined> {
  const [row] = await db.query<{ person: string; epoch: number | null }>(
    `select s.person, p.epoch
     from sessions s left join placements p on p.person = s.person and p.state in ('open', 'frozen')
     where s.token_sha256 = $1 and s.expires_at > $2`,
    [tokenSha256, now],
  )
  return row
}

export async function deleteSession(db: Queryable, tokenSha256: Buffer): Promise<void> {
  await db.query('delete from sessions where token_sha256 = $1', [tokenSha256])
}

/** Also forgets every link that has expired. */
export async function insertSignInLink(
  db: Queryable,
  link: { tokenSha256: Buffer; person: string; createdAt: Date; expiresAt: Date },
): Promise<void> {
  await db.query('delete from sign_in_links where expires_at <= $1', [link.createdAt])
  await db.query('insert into sign_in_links (token_sha256, person, expires_at) values ($1, $2, $3)', [
    link.tokenSha256,
    link.person,
    link.expiresAt,
  ])
}

export async function findSignInLink(db: Queryable, tokenSha256: Buffer, now: Date): Promise<string | undefined> {
  const [row] = await db.query<{ person: string }>(
    'select person from sign_in_links where token_sha256 = $1 and expires_at > $2',
    [tokenSha256, now],
  )
  return row?.person
}
