/** Browsers' sessions: opened by address and password or by a link, ended by signing out or by time. */
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import type { AccountsDeps } from './accounts.js'
import { addressKey } from './address-key.js'
import type { Attempts } from './attempts.js'
import type { Caller } from './caller.js'
import { hashToken } from './credentials.js'
import { parseEmail } from './email.js'
import { requireEpoch } from './home.js'
import { verifyPassword } from './passwords.js'
import { findPersonByEmail } from './people-sql.js'
import { deleteSession, findSignInLink, insertSession, insertSignInLink } from './sessions-sql.js'

export interface SignedIn {
  /** The session's secret, for its cookie. */
  token: string
  caller: Caller
}

/**
 * Rejects with `unauthenticated` (the same sentence and the same work whether or not the address has an account), `too_many`
 * (failures of that address or from that client) or `misdirected` (the person moved).
 */
export async function signIn(
  deps: AccountsDeps & { attempts: Attempts },
  email: string,
  password: string,
  clientAddress: string,
): Promise<SignedIn> {
  const folded = parseEmail(email)?.folded
  const keys = [`client ${addressKey(clientAddress)}`, ...(folded ? [`address ${folded}`] : [])]
  deps.attempts.take(keys)
  const row = folded ? await findPersonByEmail(deps.db, folded) : undefined
  // An overlong password matches nothing; cutting it bounds the work.
  const fits = password.length <= 2 * limits.passwordCharsMax
  const matches = await verifyPassword(fits ? row?.passwordHash : undefined, fits ? password : '')
  if (!row || !matches) {
    throw new AppError('unauthenticated', 'The e-mail address or the password is wrong. Check both and try again')
  }
  deps.attempts.giveBack(keys)
  return openSession(deps, row.id)
}

/** Rejects with `unauthenticated` when the link is unknown or has expired. It may be used again until it expires. */
export async function signInByLink(deps: AccountsDeps, link: string): Promise<SignedIn> {
  const person = await findSignInLink(deps.db, hashToken(link), deps.clock.now())
  if (!person) throw new AppError('unauthenticated', 'This link does not work any more. Ask for a new one')
  return openSession(deps, person)
}

/** The secret of a link that signs its owner in for limits.signInLinkLifetimeMs. */
export async function createSignInLink({ db, clock, newSecret }: AccountsDeps, person: string): Promise<string> {
  const link = newSecret()
  const createdAt = clock.now()
  const expiresAt = new Date(createdAt.getTime() + limits.signInLinkLifetimeMs)
  await insertSignInLink(db, { tokenSha256: hashToken(link), person, createdAt, expiresAt })
  return link
}

/** Idempotent. */
export async function signOut({ db }: AccountsDeps, token: string): Promise<void> {
  await deleteSession(db, hashToken(token))
}

async function openSession(deps: AccountsDeps, person: string): Promise<SignedIn> {
  const epoch = await requireEpoch(deps, person)
  const token = deps.newSecret()
  const createdAt = deps.clock.now()
  const expiresAt = new Date(createdAt.getTime() + limits.sessionLifetimeMs)
  await insertSession(deps.db, { tokenSha256: hashToken(token), person, createdAt, expiresAt })
  return { token, caller: { person, epoch, device: null, session: true } }
}
