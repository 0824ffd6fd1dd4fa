/**
 * Whether the places where photos were taken are kept: only while their owner agrees. All or nothing, in one transaction.
 *
 * The feed says nothing of it: a change for each of a million photos would cost more than it tells. A client that keeps places
 * of its own asks for the consent and drops them itself; what is read again comes as `ready`.
 */
import type { Accounts } from '../accounts/accounts.js'
import type { Placement } from '../core/keys.js'
import type { Database } from '../db/database.js'
import { requireOpenPlacement } from '../regions/placements-sql.js'
import { markToReadAgain, removePlaces } from './places-sql.js'

/**
 * A no takes every place out of the library at once. A yes has the workers read them from the originals again, in the
 * background. The same answer again does nothing. Rejects as `requireOpenPlacement` does while the person moves.
 */
export async function keepPlaces(
  { db, accounts }: { db: Database; accounts: Pick<Accounts, 'setConsent'> },
  placement: Placement,
  granted: boolean,
): Promise<void> {
  await db.transaction(async tx => {
    await requireOpenPlacement(tx, placement.person, placement.epoch)
    if (!(await accounts.setConsent(tx, placement.person, 'places', granted))) return
    if (granted) await markToReadAgain(tx, placement)
    else await removePlaces(tx, placement)
  })
}
