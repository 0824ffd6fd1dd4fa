/** The memory that a freshly started server takes for many slow uploads at once, and for one large one. */
import { Agent, type ClientRequest, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes, watchPeak } from '../process-cost.js'
import { answerTo, bytesOf, creationWithUploadHeaders, makeClient, makePhotos, type Target } from './client.js'
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

async function dribble(target: Target, { uploads, photoBytes, steps, stepMs }: Crowd, agent: Agent): Promise<void> {
  const photo = makePhotos(photoBytes)
  const headers = { ...target.headers, ...creationWithUploadHeaders(photoBytes) }
  const stepBytes = Math.ceil(photoBytes / steps)
  // Each at its own pace: one that the server keeps waiting doesn't hold back the others, whose end it may be waiting for.
  const one = async () => {
    const outgoing = request(target.url, { method: 'POST', agent, headers })
    const answered = answerTo(outgoing)
    // Told at the end of the dribbling, which a failure ends.
    answered.catch(() => {})
    const sent = photo()
    for (let begin = 0; begin < photoBytes && !outgoing.destroyed; begin += stepBytes) {
      for (const piece of bytesOf(sent, begin, begin + stepBytes)) outgoing.write(piece)
      await Promise.all([sleep(stepMs), drained(outgoing)])
    }
    outgoing.end()
    await answered
  }
  await Promise.all(Array.from({ length: uploads }, one))
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
export async function peakOfVideo(
  { pid, target }: RunningSide,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<number> {
  const client = makeClient(target, { connections: 1, signal })
  try {
    await client.postPatch(makePhotos(1_000)())
    await sleep(300)
    const idleBytes = await residentBytes(pid)
    const peak = await watchPeak(pid)
    await client.stream(sizeBytes)
    return (await peak()) - idleBytes
  } finally {
    client.close()
  }
}
