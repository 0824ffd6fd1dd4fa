/**
 * One person with three handsets, for a history of what they do: each has a folder of pictures, a mirror of the feed, and a link that
 * breaks. What the handsets were promised, and what they asked for, is written down for the reckoning at the end.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Accounts, makeAccounts } from '../../../src/accounts/accounts.js'
import { insertPerson } from '../../../src/accounts/people-sql.js'
import { systemClock } from '../../../src/core/clock.js'
import { newId } from '../../../src/core/ids.js'
import type { Placement } from '../../../src/core/keys.js'
import { createFeed } from '../../../src/feed/changes-sql.js'
import { makeDirectory } from '../../../src/regions/directory.js'
import { createPlacement } from '../../../src/regions/placements-sql.js'
import type { Service } from '../../e2e/service.js'

export interface Household extends Placement {
  /** One for each handset. */
  tokens: string[]
  folders: string[]
  /** Receipts: photo → the SHA-256 of what was sent, in hex. */
  promised: Map<string, string>
  /** Photos that somebody put into the trash, and contents whose photos somebody did. */
  discarded: Set<string>
  /** Whether a handset pushed with the wish to bring back what was deleted. */
  broughtBack: boolean
  close(): Promise<void>
}

const region = 'ap-southeast-1'

export async function openHousehold({ db, server }: Service, handsets: number): Promise<Household> {
  const placement: Placement = { person: newId(), epoch: 1 }
  const directory = makeDirectory(db)
  await directory.claim(placement.person, region, placement.epoch)
  const email = `${placement.person}@people.example`
  await db.transaction(async tx => {
    // Nobody signs in here by a password.
    await insertPerson(tx, {
      id: placement.person,
      email,
      emailFolded: email,
      passwordHash: 'none',
      createdAt: new Date(),
    })
    await createPlacement(tx, placement, 'open')
    await createFeed(tx, placement)
  })
  const home = { id: region, apiUrl: server, partition: 'intl' }
  const accounts: Accounts = makeAccounts({ db, directory, region: home, regions: [home], clock: systemClock, newId })
  const tokens: string[] = []
  const folders: string[] = []
  for (let handset = 1; handset <= handsets; handset++) {
    tokens.push((await accounts.addDevice(placement.person, `handset ${handset}`)).token)
    folders.push(await mkdtemp(join(tmpdir(), 'photosync-handset-')))
  }
  return {
    ...placement,
    tokens,
    folders,
    promised: new Map(),
    discarded: new Set(),
    broughtBack: false,
    close: async () => {
      for (const folder of folders) await rm(folder, { recursive: true, force: true })
    },
  }
}

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
