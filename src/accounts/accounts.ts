/** Everything that can be done with accounts of one region, bound to that region's parts. */
import type { Clock } from '../core/clock.js'
import type { Purpose } from '../core/consents.js'
import type { NewId } from '../core/ids.js'
import type { Database, Queryable } from '../db/database.js'
import type { Directory } from '../regions/directory.js'
import type { Region } from '../regions/region.js'
import { makeAttempts } from './attempts.js'
import { authenticate, type Credentials } from './authenticate.js'
import { listConsents, setConsent } from './consents.js'
import { type NewSecret, newSecret } from './credentials.js'
import { type AddDeviceOptions, addDevice, listDevices, revokeDevice } from './devices.js'
import { addPerson, findPerson, getPerson } from './people.js'
import { createSignInLink, signIn, signInByLink, signOut } from './sessions.js'

export interface AccountsDeps {
  db: Database
  directory: Directory
  /** This one. */
  region: Region
  /** All that are known, this one included or not. */
  regions: readonly Region[]
  clock: Clock
  newId: NewId
  newSecret: NewSecret
}

export type Accounts = ReturnType<typeof makeAccounts>

/** Guessing is stopped here: a person mistypes a few times, a program tries thousands. */
const failuresMax = 10
const failureWindowMs = 5 * 60_000

export function makeAccounts(given: Omit<AccountsDeps, 'newSecret'> & { newSecret?: NewSecret }) {
  const deps: AccountsDeps = { newSecret, ...given }
  const attempts = makeAttempts({ attemptsMax: failuresMax, windowMs: failureWindowMs, clock: deps.clock })
  return {
    region: deps.region,
    addAccount: (email: string, password: string) => addPerson(deps, email, password),
    findPerson: (email: string) => findPerson(deps, email),
    getPerson: (person: string) => getPerson(deps, person),

    addDevice: (person: string, name: string, options?: AddDeviceOptions) => addDevice(deps, person, name, options),
    listDevices: (person: string) => listDevices(deps, person),
    revokeDevice: (person: string, id: string) => revokeDevice(deps, person, id),

    consents: (person: string) => listConsents(deps, person),
    /** Only in the transaction that also does what the answer means; see consents.ts. */
    setConsent: (tx: Queryable, person: string, purpose: Purpose, granted: boolean) =>
      setConsent(deps, tx, person, purpose, granted),

    signIn: (email: string, password: string, clientAddress: string) =>
      signIn({ ...deps, attempts }, email, password, clientAddress),
    signInByLink: (link: string) => signInByLink(deps, link),
    createSignInLink: (person: string) => createSignInLink(deps, person),
    signOut: (sessionToken: string) => signOut(deps, sessionToken),

    authenticate: (credentials: Credentials) => authenticate(deps, credentials),
  }
}
