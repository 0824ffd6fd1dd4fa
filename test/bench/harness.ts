/**
 * How sides are compared: in turns (A B C A B C …), so that whatever else the machine does meets them all; after rounds that
 * warm up and are thrown away; each side a server in a process of its own, whose CPU time is read around every round.
 */
import { cpuMs } from './process-cost.js'

export interface Side {
  name: string
  /** The processes whose CPU time is this side's, by the name it is told under. `server` is one of them. */
  pids: Readonly<Record<string, number>> & { server: number }
  /** One round's work; it ends when all of it is done. */
  work(round: number): Promise<void>
}

export interface Sample {
  seconds: number
  /** By the names of the side's processes. */
  cpuMs: Readonly<Record<string, number>> & { server: number }
}

export interface Rounds {
  rounds: number
  warmUpRounds: number
  say: (line: string) => void
  signal: AbortSignal
}

/** The samples of each side by its name, in the order of the rounds: those with the same index belong together. */
export async function interleave<N extends string>(
  sides: readonly (Side & { name: N })[],
  { rounds, warmUpRounds, say, signal }: Rounds,
): Promise<Record<N, Sample[]>> {
  const samples = Object.fromEntries(sides.map(({ name }) => [name, []])) as unknown as Record<N, Sample[]>
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const told: string[] = []
    for (const side of sides) {
      signal.throwIfAborted()
      const sample = await measure(side, round)
      if (round >= warmUpRounds) samples[side.name].push(sample)
      told.push(`${side.name} ${sample.seconds.toFixed(1)} s, ${sample.cpuMs.server} ms of CPU`)
    }
    const which = round < warmUpRounds ? 'warm-up' : `round ${round - warmUpRounds + 1} of ${rounds}`
    say(`${which}: ${told.join(' · ')}`)
  }
  return samples
}

async function measure(side: Side, round: number): Promise<Sample> {
  const before = await cpuOf(side)
  const startMs = performance.now()
  await side.work(round)
  const seconds = (performance.now() - startMs) / 1_000
  const after = await cpuOf(side)
  const spent = Object.entries(after).map(([name, ms]) => [name, ms - (before[name] ?? 0)])
  return { seconds, cpuMs: Object.fromEntries(spent) as Sample['cpuMs'] }
}

async function cpuOf({ pids }: Side): Promise<Record<string, number>> {
  const read = Object.entries(pids).map(async ([name, pid]) => [name, await cpuMs(pid)] as const)
  return Object.fromEntries(await Promise.all(read))
}
