/** A set of photos over the long link: the whole set by ours, and parts of it by all sides in turns. */
import { orderOf } from '../harness.js'
import { median, pairRatios } from '../statistics.js'
import { type PhotoKind, type SetPlan, sizesOf } from './plan.js'
import { bytesPerSecond, type Sent, type SideName, type Way } from './senders.js'
import { type Bench, trial } from './trial.js'

export interface SetMeasured {
  kind: PhotoKind
  whole: Sent
  /** By side, in the order of the rounds. */
  rounds: Readonly<Record<SideName, readonly Sent[]>>
}

const sides = ['ours', 'uppy', 'sequential'] as const

export async function measureSet(bench: Bench, way: Way, kind: PhotoKind, plan: SetPlan): Promise<SetMeasured> {
  const sizes = sizesOf[kind]
  const { rounds, photos, inSequence } = plan.compared
  const filesOf = { ours: photos, uppy: photos, sequential: inSequence }
  const samples: Record<SideName, Sent[]> = { ours: [], uppy: [], sequential: [] }
  for (let round = 0; round < rounds; round++) {
    bench.say(`${kind} photos, round ${round + 1} of ${rounds}`)
    for (const side of orderOf(sides, round)) {
      samples[side].push(await trial(bench, side, way, [{ files: filesOf[side], sizes }]))
    }
  }
  bench.say(`${kind} photos, the whole set`)
  return { kind, whole: await trial(bench, 'ours', way, [{ files: plan.photos, sizes }]), rounds: samples }
}

/** Our rate as a multiple of that of Uppy's defaults, with as many photos: the middle of the rounds. */
export function ratioToUppy({ rounds }: SetMeasured): number {
  return median(pairRatios(rounds.ours.map(bytesPerSecond), rounds.uppy.map(bytesPerSecond)))
}

/** The same of one upload after another, each of which takes what it takes however many there are: so of our rate over the whole set. */
export function ratioToSequential({ whole, rounds }: SetMeasured): number {
  return bytesPerSecond(whole) / median(rounds.sequential.map(({ bytes, sendingSeconds }) => bytes / sendingSeconds))
}
