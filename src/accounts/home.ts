/** Where a person of this database lives: here, or in the region that the directory names. */
import { AppError } from '../core/errors.js'
import { findLivePlacement } from '../regions/placements-sql.js'
import type { Region } from '../regions/region.js'
import type { AccountsDeps } from './accounts.js'

/** The epoch of the person's placement here; rejects as `livesElsewhere` says. */
export async function requireEpoch(deps: AccountsDeps, person: string): Promise<number> {
  const placement = await findLivePlacement(deps.db, person)
  if (!placement) throw await livesElsewhere(deps, person)
  return placement.epoch
}

/** `misdirected` with where to go; `unavailable` while a move to here is not finished; `gone` when nobody has the person. */
export async function livesElsewhere(deps: AccountsDeps, person: string): Promise<AppError> {
  const entry = await deps.directory.find(person)
  if (!entry) return new AppError('gone', 'This account has ended')
  if (entry.home === deps.region.id) {
    return new AppError('unavailable', 'This account is just moving here. Try again shortly', { retryAfterSeconds: 5 })
  }
  const home = deps.regions.find(({ id }) => id === entry.home)
  return home
    ? misdirectedTo(home)
    : new AppError('misdirected', 'This account lives in a region that is not known here')
}

export function misdirectedTo({ id, apiUrl }: Region): AppError {
  return new AppError('misdirected', 'This account lives in another region. Go to the one named here', {
    facts: { region: id, apiUrl },
  })
}
