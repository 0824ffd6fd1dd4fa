/** What uploads cost and how long they take: rounds of each way of sending photos, then of one video, all sides in turns. */
import { interleave, type Sample, type Side } from '../harness.js'
import { type Client, inFlight, makeClient, makePhotos, type Way, ways } from './client.js'
import type { Plan } from './measured.js'
import type { RunningSide, SideName } from './sides.js'

export type RunningSides = Readonly<Record<SideName, RunningSide>>

export interface TimedOptions {
  shared: Readonly<Record<string, readonly number[]>>
  say: (line: string) => void
  signal: AbortSignal
}

export interface Timed {
  timed: Record<Way, Record<SideName, Sample[]>>
  video: Record<SideName, Sample[]>
  /** Where our server put what it got in chunks. */
  chunkedUrls: string[]
}

export async function timeUploads(running: RunningSides, plan: Plan, options: TimedOptions): Promise<Timed> {
  const { signal, say } = options
  const client = (name: SideName) => makeClient(running[name].target, { connections: plan.inFlight, signal })
  const clients = { floor: client('floor'), stock: client('stock'), ours: client('ours') }
  const sides = (work: (name: SideName) => Promise<unknown>): (Side & { name: SideName })[] =>
    (['floor', 'stock', 'ours'] as const).map(name => ({
      name,
      serverPid: running[name].pid,
      work: async () => void (await work(name)),
    }))
  const photo = makePhotos(plan.photoBytes)
  const chunkedUrls: string[] = []
  const send: Record<Way, (client: Client, name: SideName) => Promise<unknown>> = {
    creationWithUpload: ({ creationWithUpload }) => creationWithUpload(photo()),
    postPatch: ({ postPatch }) => postPatch(photo()),
    inChunks: async ({ inChunks }, name) => {
      const url = await inChunks(photo(), plan.chunkBytes)
      if (name === 'ours') chunkedUrls.push(url)
    },
  }
  const timeWay = (way: Way) => {
    const { photosPerRound, rounds, warmUpRounds } = plan.timed[way]
    say(`timing ${way}, ${photosPerRound} photos a round`)
    const work = (name: SideName) => {
      // The floor knows no other way.
      const sending = send[name === 'floor' ? 'creationWithUpload' : way]
      return inFlight(photosPerRound, plan.inFlight, () => sending(clients[name], name))
    }
    return interleave(sides(work), { rounds, warmUpRounds, ...options })
  }
  try {
    const timed: Partial<Timed['timed']> = {}
    for (const way of ways) timed[way] = await timeWay(way)
    const { sizeBytes, rounds, warmUpRounds } = plan.video
    say(`timing a video of ${sizeBytes / 1e6} MB`)
    const stream = (name: SideName) =>
      name === 'floor' ? clients.floor.streamAtOnce(sizeBytes) : clients[name].stream(sizeBytes)
    const video = await interleave(sides(stream), { rounds, warmUpRounds, ...options })
    return { timed: timed as Timed['timed'], video, chunkedUrls }
  } finally {
    for (const { close } of Object.values(clients)) close()
  }
}
