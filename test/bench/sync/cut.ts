/**
 * A link that dies for a moment every few seconds: what is sent twice because of that. Silently, so that TCP itself gets over it; and
 * forgetting its connections, as when a handset changes from one network to another.
 */
import type { CutKind } from '../../support/long-link.js'
import { type Plan, sizesOf } from './plan.js'
import type { Sent, Way } from './senders.js'
import { type Bench, trial } from './trial.js'

export interface CutMeasured {
  kind: CutKind
  sent: Sent
  cuts: number
}

export async function measureCuts(bench: Bench, way: Way, plan: Plan['cut'], kind: CutKind): Promise<CutMeasured> {
  const { cuts: before } = await way.link.tell()
  bench.say(`a link that is cut for ${plan.forMs} ms every ${plan.everyMs} ms, ${kind}`)
  way.link.cut(plan.everyMs, plan.forMs, kind)
  try {
    const { giveUpMs } = plan
    const sent = await trial(bench, 'ours', way, [{ files: plan.photos, sizes: sizesOf.large }], { giveUpMs })
    return { kind, sent, cuts: sent.carried.cuts - before }
  } finally {
    way.link.mend()
  }
}

/** What the link carried beyond the photos, heads of requests included: never less than what was sent twice. */
export const resentShare = ({ sent }: CutMeasured): number => Math.max(0, sent.carriedOver)
