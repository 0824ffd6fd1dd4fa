/** What a server with a very large library takes to say what it has, and to tell a page of its feed; measured beside it, over HTTP. */
import { Agent, request } from 'node:http'
import { limits } from '../../../src/core/limits.js'
import { addLibrary, contentNumbered } from './library.js'
import type { Plan } from './plan.js'
import type { Api, Person } from './services.js'
import type { Bench } from './trial.js'

export interface LookupsMeasured {
  photos: number
  checkMs: number[]
  changesMs: number[]
}

/** How many of the hashes that are asked for are in the library. */
const hereShare = 0.9
/** The first ones are slow while code is compiled and pages are read. */
const warmUpShare = 0.2

export async function measureLookups(
  { services, say, signal }: Bench,
  plan: Plan['lookups'],
): Promise<LookupsMeasured> {
  const { db } = services
  const person = await services.addPerson()
  await addLibrary(db, person, plan.photos, added => {
    signal.throwIfAborted()
    if (added % 200_000 === 0) say(`a library of ${plan.photos} photos: ${added} are there`)
  })
  const api = await services.startApi()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = (path: string, body?: string) => exchange(agent, api, person, path, { signal, body })
  const measured: LookupsMeasured = { photos: plan.photos, checkMs: [], changesMs: [] }
  try {
    // A cursor's second number is that of the last change that was read.
    const [epoch, , ...rest] = (JSON.parse((await ask('/v1/sync/changes?limit=1')).text).cursor as string).split('.')
    const warmUp = Math.ceil(plan.calls * warmUpShare)
    for (let call = -warmUp; call < plan.calls; call++) {
      const numbers = Array.from({ length: limits.checkHashes }, (_, index) =>
        index < limits.checkHashes * hereShare ? 1 + Math.floor(Math.random() * plan.photos) : plan.photos + 1 + index,
      )
      const rows = await db.query<{ sha256: string }>(
        `select encode(${contentNumbered}, 'hex') as sha256 from unnest($2::bigint[]) as n`,
        [person.person, numbers],
      )
      const check = await ask('/v1/sync/check', JSON.stringify({ sha256: rows.map(({ sha256 }) => sha256) }))
      const since = [epoch, Math.floor(Math.random() * (2 * plan.photos - limits.pageEntries)), ...rest].join('.')
      const page = await ask(`/v1/sync/changes?since=${since}&limit=${limits.pageEntries}`)
      if (call < 0) continue
      measured.checkMs.push(check.ms)
      measured.changesMs.push(page.ms)
    }
  } finally {
    agent.destroy()
    await api.stop()
  }
  return measured
}

interface Asked {
  signal: AbortSignal
  body: string | undefined
}

/** From the first byte out to the last one in. */
function exchange(agent: Agent, { url }: Api, { token }: Person, path: string, { signal, body }: Asked) {
  return new Promise<{ ms: number; text: string }>((resolve, reject) => {
    const startMs = performance.now()
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    }
    const asking = request(`${url}${path}`, { method: body === undefined ? 'GET' : 'POST', agent, headers, signal })
    asking.on('error', reject)
    asking.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const ms = performance.now() - startMs
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) resolve({ ms, text })
        else reject(new Error(`${path} was answered ${response.statusCode}: ${text.slice(0, 300)}`))
      })
    })
    asking.end(body)
  })
}
