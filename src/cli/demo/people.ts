/** The demo's people: one in each region, with handsets. Kept in the data folder, so that a later run signs in as the same. */
import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makeApi } from '../../client/index.js'
import { signInAddress, withAccounts } from '../with-accounts.js'
import type { DemoRegion } from './service.js'

const demoPerson = z.object({ email: z.string(), password: z.string(), tokens: z.array(z.string()) })
const keptPeople = z.record(z.string(), demoPerson)

export interface DemoPerson extends z.infer<typeof demoPerson> {
  region: DemoRegion
  signInUrl: string
}

/** `handsets`: for each region, the names of its person's handsets. What was kept comes first, so a run that was killed is no harm. */
export async function makePeople(
  folder: string,
  regions: readonly DemoRegion[],
  handsets: readonly (readonly string[])[],
): Promise<DemoPerson[]> {
  const file = join(folder, 'demo.json')
  const all = await readKept(file)
  const people: DemoPerson[] = []
  for (const [index, region] of regions.entries()) {
    const kept = all[region.id] ?? {
      email: `demo@${region.id}.example`,
      password: randomBytes(9).toString('base64url'),
      tokens: [],
    }
    all[region.id] = kept
    await keep(file, all)
    const link = await withAccounts(region.env, async accounts => {
      const id =
        (await accounts.findPerson(kept.email))?.id ?? (await accounts.addAccount(kept.email, kept.password)).person
      for (const name of (handsets[index] ?? []).slice(kept.tokens.length)) {
        kept.tokens.push((await accounts.addDevice(id, name)).token)
      }
      return accounts.createSignInLink(id)
    })
    await keep(file, all)
    await agreeToPlaces(region, kept.tokens)
    people.push({ ...kept, region, signInUrl: signInAddress(region.server, link) })
  }
  return people
}

/** So that the gallery has places to show. A no of an earlier run stays a no. */
async function agreeToPlaces({ server }: DemoRegion, [token = '']: readonly string[]): Promise<void> {
  const api = makeApi({ server, token })
  const { places } = await api.consents()
  if (places.at === undefined) await api.keepPlaces(true)
}

async function keep(file: string, all: unknown): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(all, null, 2), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

async function readKept(file: string): Promise<z.infer<typeof keptPeople>> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? {} : keptPeople.parse(JSON.parse(text))
}
