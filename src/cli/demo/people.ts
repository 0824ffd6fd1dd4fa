/** The demo's people: one in each region, with handsets. Kept in the data folder, so that a later run signs in as the same. */
import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { signInAddress, withAccounts } from '../with-accounts.js'
import type { DemoRegion } from './service.js'

const demoPerson = z.object({ email: z.string(), password: z.string(), tokens: z.array(z.string()).min(1) })
const kept = z.record(z.string(), demoPerson)

export interface DemoPerson extends z.infer<typeof demoPerson> {
  region: DemoRegion
  signInUrl: string
}

/** `handsets`: for each region, the names of its person's handsets. */
export async function makePeople(
  folder: string,
  regions: readonly DemoRegion[],
  handsets: readonly (readonly string[])[],
): Promise<DemoPerson[]> {
  const file = join(folder, 'demo.json')
  const known = await readKept(file)
  const people: DemoPerson[] = []
  for (const [index, region] of regions.entries()) {
    const person = await withAccounts(region.env, async accounts => {
      const email = `demo@${region.id}.example`
      let credentials = known[region.id]
      let id = (await accounts.findPerson(email))?.id
      if (!id || !credentials) {
        const password = randomBytes(9).toString('base64url')
        id = (await accounts.addAccount(email, password)).person
        const tokens: string[] = []
        for (const name of handsets[index] ?? []) tokens.push((await accounts.addDevice(id, name)).token)
        credentials = { email, password, tokens }
      }
      return { ...credentials, region, signInUrl: signInAddress(region.server, await accounts.createSignInLink(id)) }
    })
    people.push(person)
    known[region.id] = { email: person.email, password: person.password, tokens: person.tokens }
    await writeFile(`${file}.new`, JSON.stringify(known, null, 2), { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  return people
}

async function readKept(file: string): Promise<z.infer<typeof kept>> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? {} : kept.parse(JSON.parse(text))
}
