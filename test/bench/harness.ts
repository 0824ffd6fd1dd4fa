/**
 * How sides are compared: in turns, so that whatever else the machine does meets them all, and in an order that changes, so that
 * none always runs after the same other; after rounds that warm up and are thrown away; each side a server in a process of its
 * own. CPU time is read around every round, of the server and of whatever else the round keeps busy.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMsOf } from './process-cost.js'

export interface Side {
  name: string
  /** The process whose CPU time is this side's. */
  serverPid: number
  /** One round's work; it ends when all of it is done. */
  work(round: number): Promise<void>
}

export interface Sample {
  seconds: number
  cpuMs: CpuMs
}

/** By who spent it. `client` is this process. */
export type CpuMs = Readonly<Record<string, number>> & { server: number; client: number }

export interface Rounds {
  rounds: number
  warmUpRounds: number
  /** Processes that the sides share, by the name that their CPU time is told under. */
  shared: Readonly<Record<string, readonly number[]>>
  say: (line: string) => void
  signal: AbortSignal
}

/** The samples of each side by its name, in the order of the rounds: those with the same index belong together. */
export async function interleave<N extends string>(
  sides: readonly (Side & { name: N })[],
  { rounds, warmUpRounds, shared, say, signal }: Rounds,
): Promise<Record<N, Sample[]>> {
  const samples = Object.fromEntries(sides.map(({ name }) => [name, []])) as unknown as Record<N, Sample[]>
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const told = new Map<string, string>()
    for (const side of orderOf(sides, round)) {
      signal.throwIfAborted()
      const sample = await measure(side, round, shared)
      if (round >= warmUpRounds) samples[side.name].push(sample)
      told.set(side.name, `${side.name} ${sample.seconds.toFixed(1)} s, ${Math.round(sample.cpuMs.server)} ms of CPU`)
    }
    const which = round < warmUpRounds ? 'warm-up' : `round ${round - warmUpRounds + 1} of ${rounds}`
    say(`${which}: ${sides.map(({ name }) => told.get(name)).join(' · ')}`)
  }
  return samples
}

/** The first of one round is not that of the next, and every other round runs backwards: six rounds try all orders of three. */
export function orderOf<T>(sides: readonly T[], round: number): T[] {
  const first = round % sides.length
  const turned = [...sides.slice(first), ...sides.slice(0, first)]
  return round % 2 === 0 ? turned : turned.reverse()
}

/** What a server still does once it has answered is its cost, too. */
const aftermathMs = 100

async function measure({ serverPid, work }: Side, round: number, shared: Rounds['shared']): Promise<Sample> {
  const groups = { server: [serverPid], ...shared }
  const before = cpuMsOf(groups)
  const ownBefore = process.cpuUsage()
  const startMs = performance.now()
  await work(round)
  const seconds = (performance.now() - startMs) / 1_000
  const own = process.cpuUsage(ownBefore)
  await sleep(aftermathMs)
  const spent = Object.entries(cpuMsOf(groups)).map(([name, ms]) => [name, ms - (before[name] ?? 0)])
  return { seconds, cpuMs: { ...Object.fromEntries(spent), client: (own.user + own.system) / 1_000 } as CpuMs }
}
