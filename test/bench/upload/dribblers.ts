/**
 * Whether many slow uploads slow down everybody else: one client sends photos as fast as they are taken, first alone, then while
 * uploads of other people stay open that get a byte now and then.
 */
import { Agent, type ClientRequest, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMsOf, openFilesMax } from '../process-cost.js'
import { percentile } from '../statistics.js'
import { creationWithUploadHeaders, makeClient, makePhotos, type Target } from './client.js'
import type { RunningSide } from './sides.js'

export interface DribblersPlan {
  /** How many stay open. */
  uploads: number
  /** Each of them gets a byte as often. */
  everyMs: number
  /** How long the quick client sends, and how much longer it waits for its last answers. */
  windowMs: number
  graceMs: number
}

export interface SideBySide {
  alone: Pace
  beside: Pace
  /** How many were open when the quick client was done. */
  stillOpen: number
}

/** What the quick client saw. */
export interface Pace {
  photosPerSecond: number
  /** From the first byte to the answer. One that got no answer counts with how long it had waited. */
  p50Ms: number
  p99Ms: number
  failed: number
  unanswered: number
}

export interface SideBySideOptions extends DribblersPlan {
  /** Processes of the S3 service. */
  s3: readonly number[]
  photoBytes: number
  inFlight: number
  say: (line: string) => void
  signal: AbortSignal
}

/** Files and connections that a process has open besides those of the dribbling uploads. */
const otherFiles = 500

/** As many as are asked for, or as this machine lets one process have open. */
export function dribblersPossible(asked: number): number {
  return Math.max(0, Math.min(asked, openFilesMax() - otherFiles))
}

export async function comparePaces(side: RunningSide, options: SideBySideOptions): Promise<SideBySide> {
  await untilCalm(side, options)
  const alone = await paceOf(side.target, options)
  const dribblers = await openDribblers(side.others, options)
  try {
    await untilCalm(side, options)
    const beside = await paceOf(side.target, options)
    return { alone, beside, stillOpen: dribblers.open() }
  } finally {
    dribblers.close()
  }
}

async function paceOf(
  target: Target,
  { photoBytes, inFlight, windowMs, graceMs, say, signal }: SideBySideOptions,
): Promise<Pace> {
  const client = makeClient(target, { connections: inFlight, signal })
  const photo = makePhotos(photoBytes)
  const latenciesMs: number[] = []
  const waitsMs: number[] = []
  let [failed, over, lastMs] = [0, false, 0]
  const startMs = performance.now()
  const line = async () => {
    while (performance.now() - startMs < windowMs) {
      const begunMs = performance.now()
      try {
        await client.creationWithUpload(photo())
        lastMs = performance.now()
        latenciesMs.push(lastMs - begunMs)
      } catch (error) {
        if (over) waitsMs.push(performance.now() - begunMs)
        else if (failed++ === 0) say(`the first failure: ${(error as Error).message}`)
        // A server that refuses at once is not asked thousands of times.
        await sleep(100)
      }
    }
  }
  const late = setTimeout(() => {
    over = true
    client.close()
  }, windowMs + graceMs)
  await Promise.all(Array.from({ length: inFlight }, line))
  clearTimeout(late)
  client.close()
  signal.throwIfAborted()
  const endMs = waitsMs.length > 0 ? performance.now() : lastMs
  const waited = [...latenciesMs, ...waitsMs]
  // All that failed: there is no wait to tell.
  if (waited.length === 0) waited.push(Number.POSITIVE_INFINITY)
  return {
    photosPerSecond: latenciesMs.length === 0 ? 0 : (latenciesMs.length * 1_000) / (endMs - startMs),
    p50Ms: percentile(waited, 0.5),
    p99Ms: percentile(waited, 0.99),
    failed,
    unanswered: waitsMs.length,
  }
}

interface Dribblers {
  open(): number
  close(): void
}

const openedAtOnce = 100
const tickMs = 20

/** Resolves when all are connected, or refused. */
async function openDribblers(
  targets: readonly Target[],
  { uploads, photoBytes, everyMs, signal }: SideBySideOptions,
): Promise<Dribblers> {
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
  const all: ClientRequest[] = []
  const open = new Set<ClientRequest>()
  let next = 0
  const timer = setInterval(() => {
    for (let due = (all.length * tickMs) / everyMs; due > 0; due--) {
      const outgoing = all[next++ % all.length]
      if (outgoing && open.has(outgoing)) outgoing.write('.')
    }
  }, tickMs)
  const dribblers = {
    open: () => open.size,
    close: () => {
      clearInterval(timer)
      agent.destroy()
    },
  }
  const begin = async (target: Target) => {
    const headers = { ...target.headers, ...creationWithUploadHeaders(photoBytes) }
    const outgoing = request(target.url, { method: 'POST', agent, headers })
    all.push(outgoing)
    open.add(outgoing)
    const ended = () => void open.delete(outgoing)
    outgoing.on('error', ended).on('close', ended)
    outgoing.on('response', response => {
      ended()
      response.resume()
    })
    outgoing.write('.')
    await connected(outgoing)
  }
  try {
    while (all.length < uploads) {
      signal.throwIfAborted()
      const batch = Array.from({ length: Math.min(openedAtOnce, uploads - all.length) }, (_, index) =>
        begin(targets[(all.length + index) % targets.length] as Target),
      )
      await Promise.all(batch)
    }
    return dribblers
  } catch (error) {
    dribblers.close()
    throw error
  }
}

function connected(outgoing: ClientRequest): Promise<void> {
  return new Promise(resolve => {
    outgoing.once('close', resolve)
    outgoing.once('socket', socket => socket.once('connect', resolve))
  })
}

/** Of one core. */
const calmShare = 0.4
const calmWithinMs = 20_000
const lookEveryMs = 250

/** Until all is done that came before, such as the beginning of the uploads: what is measured is having them open. */
async function untilCalm({ pid }: RunningSide, { s3, say, signal }: SideBySideOptions): Promise<void> {
  const spent = () => cpuMsOf({ all: [pid, ...s3] }).all ?? 0
  let before = spent()
  for (let waitedMs = 0; waitedMs < calmWithinMs; waitedMs += lookEveryMs) {
    await sleep(lookEveryMs, undefined, { signal })
    const now = spent()
    if (now - before < calmShare * lookEveryMs) return
    before = now
  }
  say(`server and S3 service were still busy after ${calmWithinMs / 1_000} s`)
}
