/** From what a request carries to who makes it: one indexed query, every time, so that a revoked token is refused at once. */
import { AppError } from '../core/errors.js'
import type { AccountsDeps } from './accounts.js'
import type { Caller } from './caller.js'
import { hashToken, isSecret, regionOfDeviceToken } from './credentials.js'
import { findDeviceByToken } from './devices-sql.js'
import { livesElsewhere, misdirectedTo } from './home.js'
import { findSession } from './sessions-sql.js'

export interface Credentials {
  /** A device token, as it stands after "Bearer". Decides alone when it is given. */
  bearer?: string | undefined
  sessionToken?: string | undefined
}

/** Rejects with `unauthenticated`, or with `misdirected` and where to go for a token or a person of another region. */
export async function authenticate(deps: AccountsDeps, { bearer, sessionToken }: Credentials): Promise<Caller> {
  if (bearer !== undefined) return authenticateDevice(deps, bearer)
  if (sessionToken !== undefined) return authenticateSession(deps, sessionToken)
  throw new AppError('unauthenticated', 'Sign in, or send a device token as "Authorization: Bearer <token>"')
}

async function authenticateDevice(deps: AccountsDeps, token: string): Promise<Caller> {
  const region = regionOfDeviceToken(token)
  const other = region !== deps.region.id && deps.regions.find(({ id }) => id === region)
  if (other) throw misdirectedTo(other)
  const found = region === deps.region.id ? await findDeviceByToken(deps.db, hashToken(token)) : undefined
  if (!found)
    throw new AppError('unauthenticated', 'This device token is not valid, or was revoked. Add the device again')
  const { person, device, epoch, maySend } = found
  if (epoch === null) throw await livesElsewhere(deps, person)
  return { person, epoch, device, session: false, ...(!maySend && { mayNotSend: true }) }
}

async function authenticateSession(deps: AccountsDeps, token: string): Promise<Caller> {
  const found = isSecret(token) ? await findSession(deps.db, hashToken(token), deps.clock.now()) : undefined
  if (!found) throw new AppError('unauthenticated', 'Your session has ended. Sign in again')
  const { person, epoch } = found
  if (epoch === null) throw await livesElsewhere(deps, person)
  return { person, epoch, device: null, session: true }
}
