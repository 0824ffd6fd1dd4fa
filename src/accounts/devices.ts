/** A person's handsets and their tokens. */
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import type { AccountsDeps } from './accounts.js'
import { agreeByAddingDevice } from './consents.js'
import { formatDeviceToken, hashToken } from './credentials.js'
import { countDevicesInUse, type Device, insertDevice, markRevoked, selectDevices } from './devices-sql.js'
import { lockPerson } from './people-sql.js'

export interface AddDeviceOptions {
  /** Adding it is its owner’s yes to sending photos, unless they said no before; default true. False leaves it to be asked for. */
  agree?: boolean
}

/**
 * A new device and its token, which is told here and never again. Its id says nothing of the handset or of any other device of
 * its owner: removing a device and adding one is a new identity.
 * Rejects with `invalid` (the name), `not_found` (the person) or `too_many` (devices).
 */
export async function addDevice(
  deps: AccountsDeps,
  person: string,
  name: string,
  { agree = true }: AddDeviceOptions = {},
): Promise<{ id: string; name: string; token: string }> {
  const { db, region, clock, newId, newSecret } = deps
  const device = { id: newId(), name: requireDeviceName(name), token: formatDeviceToken(region.id, newSecret()) }
  await db.transaction(async tx => {
    // The lock makes two that come at once count one after the other.
    if (!(await lockPerson(tx, person))) throw new AppError('not_found', 'There is no such person here')
    if ((await countDevicesInUse(tx, person)) >= limits.devicesPerPerson) {
      throw new AppError(
        'too_many',
        `${limits.devicesPerPerson} devices are in use. Remove one, then add this one again`,
      )
    }
    const { id, name } = device
    await insertDevice(tx, { id, person, name, tokenSha256: hashToken(device.token), createdAt: clock.now() })
    if (agree) await agreeByAddingDevice(deps, tx, person)
  })
  return device
}

export function listDevices({ db }: AccountsDeps, person: string): Promise<Device[]> {
  return selectDevices(db, person)
}

/** From then on its token is refused. Idempotent; `not_found` when the person has no such device. */
export async function revokeDevice({ db, clock }: AccountsDeps, person: string, id: string): Promise<void> {
  if (!(await markRevoked(db, person, id, clock.now()))) throw new AppError('not_found', 'You have no such device')
}

function requireDeviceName(text: string): string {
  const name = text.trim().normalize('NFC')
  const chars = [...name].length
  if (chars >= 1 && chars <= limits.deviceNameChars && !/\p{Control}/u.test(name)) return name
  throw new AppError(
    'invalid',
    `A device’s name has 1 to ${limits.deviceNameChars} characters on one line. Choose another`,
  )
}
