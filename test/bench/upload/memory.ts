/** The memory that a freshly started server takes for many slow uploads at once, and for one large one. */
import { Agent, type ClientRequest, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes, watchPeak } from '../process-cost.js'
import { answerTo, creationWithUploadHeaders, makeClient, makePhotos, type Photo, type Target } from './client.js'
import type { RunningSide } from './sides.js'

export interface Crowd {
  uploads: number
  photoBytes: number
  /** Each photo comes in this many equal steps, one every `stepMs` while the server takes them. */
  steps: number
  stepMs: number
  signal: AbortSignal
}

/** Peak resident bytes of the server while all the uploads are in flight: none ends before the last has begun. */
export async function peakOfCrowd({ pid, target }: RunningSide, crowd: Crowd): Promise<number> {
  const peak = await watchPeak(pid)
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
  // Ends them all with it; a listener on the signal for each request would be one too many.
  const end = () => agent.destroy()
  crowd.signal.addEventListener('abort', end, { once: true })
  try {
    await dribble(target, crowd, agent)
  } finally {
    crowd.signal.removeEventListener('abort', end)
    end()
  }
  return peak()
}

async function dribble(
  target: Target,
  { uploads, photoBytes, steps, stepMs, signal }: Crowd,
  agent: Agent,
): Promise<void> {
  const photo = makePhotos(photoBytes)
  const headers = { ...target.headers, ...creationWithUploadHeaders(photoBytes) }
  const all = Array.from({ length: uploads }, () => {
    const outgoing = request(target.url, { method: 'POST', agent, headers })
    return { outgoing, bytes: wholeOf(photo()), answered: answerTo(outgoing) }
  })
  const answers = Promise.all(all.map(({ answered }) => answered))
  // Told at the end; a failure in the meantime ends the dribbling below.
  let failed = false
  answers.catch(() => {
    failed = true
  })
  const stepBytes = Math.ceil(photoBytes / steps)
  for (let begin = 0; begin < photoBytes && !failed; begin += stepBytes) {
    for (const { outgoing, bytes } of all) outgoing.write(bytes(begin, begin + stepBytes))
    await Promise.all([sleep(stepMs, undefined, { signal }), ...all.map(({ outgoing }) => drained(outgoing))])
  }
  for (const { outgoing } of all) outgoing.end()
  await answers
}

/** Bytes of a photo whose large piece is shared with all the others: this side of the crowd needs no memory. */
function wholeOf({ chunks }: Photo): (begin: number, end: number) => Buffer {
  const [head = Buffer.alloc(0), rest = Buffer.alloc(0)] = chunks
  return (begin, end) => {
    if (begin > 0) return rest.subarray(begin - head.byteLength, end - head.byteLength)
    return Buffer.concat([head, rest.subarray(0, end - head.byteLength)])
  }
}

function drained(outgoing: ClientRequest): Promise<void> {
  if (!outgoing.writableNeedDrain || outgoing.destroyed) return Promise.resolve()
  return new Promise(resolve => {
    const settled = () => {
      outgoing.off('drain', settled).off('close', settled)
      resolve()
    }
    outgoing.on('drain', settled).on('close', settled)
  })
}

/** Peak resident bytes above what the server had when it had just stored one tiny photo and was idle. */
export async function peakOfVideo({ pid, target }: RunningSide, sizeBytes: number): Promise<number> {
  const client = makeClient(target, { connections: 1 })
  try {
    await client.postPatch(makePhotos(1_000)())
    await sleep(500)
    const idleBytes = await residentBytes(pid)
    const peak = await watchPeak(pid)
    await client.stream(sizeBytes)
    return (await peak()) - idleBytes
  } finally {
    client.close()
  }
}
