/** For the operators' commands: the accounts of the region that the environment names, without the rest of a server. */
import { type Accounts, makeAccounts } from '../accounts/accounts.js'
import { type Config, readConfig } from '../config.js'
import { systemClock } from '../core/clock.js'
import { newId } from '../core/ids.js'
import { openDatabases } from '../open-region.js'

export async function withAccounts<T>(
  env: Readonly<Record<string, string | undefined>>,
  work: (accounts: Accounts, config: Config) => Promise<T>,
): Promise<T> {
  const config = readConfig(env)
  const { db, directory, close } = await openDatabases(config, () => {})
  try {
    const { region, regions } = config
    return await work(makeAccounts({ db, directory, region, regions, clock: systemClock, newId }), config)
  } finally {
    await close()
  }
}

/** A link that signs its owner in with one click. After `#`, so that it reaches no server's log. */
export const signInAddress = (server: string, link: string): string => `${server}/sign-in#link=${link}`
