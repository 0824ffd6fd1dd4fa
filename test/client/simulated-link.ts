/**
 * A link in numbers: files go over it as they would over TCP, in virtual time. Each upload takes a connection (the one used
 * last first), whose window doubles every round trip until the link is full; what is written first fills the socket's buffer at
 * once; the answer comes a round trip after the last byte. No sockets, no clock: the same every time.
 */
import type { Pace } from '../../src/client/pace.js'

export interface SimulatedLink {
  /** Bytes per second. */
  rate: number
  rttMs: number
  /** What the server takes besides for each file. */
  serverMs?: number
  /** How many files the server works on at a time; default: any. */
  serverSlots?: number
  /** Every so many ms all connections break. */
  cutEveryMs?: number
  /** Answers that the server is asked too much, above so many at a time. */
  refusesAbove?: number
}

export interface SimulatedRun {
  tookMs: number
  /** Of the link's rate, over the whole run. */
  share: number
  /** The limit at each second. */
  limits: number[]
  /** Of those under way, the most. */
  mostActive: number
}

interface Connection {
  windowBytes: number
}

interface Flight {
  sizeBytes: number
  leftBytes: number
  toldBytes: number
  connection: Connection
  /** When its first byte may go; then, once all went, when its answer is there. */
  readyMs: number
  answeredMs: number
}

const stepMs = 5
const firstWindowBytes = 14_600
const bufferBytes = 87_000

/** Sends all the files at this pace; the pace's clock has to be `clock.nowMs`. */
export async function simulate(
  link: SimulatedLink,
  sizes: readonly number[],
  pace: Pace,
  clock: { nowMs: number },
): Promise<SimulatedRun> {
  const { rate, rttMs, serverMs = 0, serverSlots = Number.POSITIVE_INFINITY } = link
  const todo = [...sizes]
  const idle: Connection[] = []
  const flights = new Set<Flight>()
  const run: SimulatedRun = { tookMs: 0, share: 0, limits: [], mostActive: 0 }
  let finished = 0
  const begin = (sizeBytes: number) => {
    const warm = idle.pop()
    const connection = warm ?? { windowBytes: firstWindowBytes }
    const readyMs = clock.nowMs + (warm ? 0 : rttMs)
    flights.add({ sizeBytes, leftBytes: sizeBytes, toldBytes: 0, connection, readyMs, answeredMs: 0 })
  }
  const takeTurns = async () => {
    for (let sizeBytes = todo.shift(); sizeBytes !== undefined; sizeBytes = todo.shift()) {
      await pace.acquire(undefined, sizeBytes)
      if (link.refusesAbove !== undefined && flights.size >= link.refusesAbove) {
        todo.push(sizeBytes)
        pace.release('refused')
      } else begin(sizeBytes)
    }
  }
  const turns = takeTurns()
  let nextCutMs = link.cutEveryMs ?? Number.POSITIVE_INFINITY
  for (; finished < sizes.length; clock.nowMs += stepMs) {
    if (clock.nowMs % 1000 === 0) run.limits.push(pace.limit)
    if (clock.nowMs > 1_000_000) throw new Error(`${finished} of ${sizes.length} files in a thousand seconds`)
    await Promise.resolve()
    run.mostActive = Math.max(run.mostActive, flights.size)
    if (clock.nowMs >= nextCutMs) {
      nextCutMs += link.cutEveryMs ?? 0
      idle.length = 0
      for (const flight of flights) {
        flight.connection = { windowBytes: firstWindowBytes }
        flight.readyMs = clock.nowMs + 2 * rttMs
        pace.trouble('lost')
      }
    }
    step([...flights], link, clock.nowMs)
    for (const flight of flights) {
      const goneBytes = flight.sizeBytes - flight.leftBytes
      const told = flight.readyMs > clock.nowMs ? 0 : Math.min(flight.sizeBytes, goneBytes + bufferBytes)
      if (told > flight.toldBytes) {
        pace.moved(told - flight.toldBytes)
        flight.toldBytes = told
      }
      if (flight.leftBytes > 0) continue
      flight.answeredMs ||= clock.nowMs + rttMs + serverMs * Math.max(1, flights.size / serverSlots)
      if (clock.nowMs < flight.answeredMs) continue
      flights.delete(flight)
      idle.push(flight.connection)
      finished++
      pace.release('done', flight.sizeBytes)
    }
  }
  await turns
  run.tookMs = clock.nowMs
  run.share = sizes.reduce((sum, size) => sum + size, 0) / rate / (clock.nowMs / 1000)
  return run
}

/** Each gets what its window allows; all together no more than the link carries. */
function step(flights: Flight[], { rate, rttMs }: SimulatedLink, nowMs: number): void {
  const sending = flights.filter(({ leftBytes, readyMs }) => leftBytes > 0 && readyMs <= nowMs)
  const wanted = sending.map(({ connection, leftBytes }) =>
    Math.min(leftBytes, (connection.windowBytes / rttMs) * stepMs),
  )
  const all = wanted.reduce((sum, bytes) => sum + bytes, 0)
  const carried = Math.min(1, ((rate / 1000) * stepMs) / Math.max(all, 1))
  for (const [index, flight] of sending.entries()) {
    flight.leftBytes = Math.max(0, flight.leftBytes - (wanted[index] ?? 0) * carried)
    if (flight.leftBytes < 0.5) flight.leftBytes = 0
    // A link that is full loses packets, and windows stop growing.
    if (carried === 1) flight.connection.windowBytes *= 2 ** (stepMs / rttMs)
  }
}
