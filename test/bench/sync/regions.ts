/** The same photos to a region far away and to the one at home, by ours and by a plain client; and what one request takes to each. */
import { startLongLink } from '../../support/long-link.js'
import { median } from '../statistics.js'
import { type Plan, regionLinks, sizesOf } from './plan.js'
import { type Sent, timeRequests } from './senders.js'
import { type Bench, trial } from './trial.js'

export interface RegionMeasured {
  /** Of one request on a connection that is there; the middle. */
  latencyMs: number
  ours: Sent
  /** tus-js-client, one after another. */
  plain: Sent
}

export type RegionName = keyof typeof regionLinks
export type RegionsMeasured = Readonly<Record<RegionName, RegionMeasured>>

export async function measureRegions(bench: Bench, plan: Plan['regions']): Promise<RegionsMeasured> {
  return { far: await measureRegion(bench, 'far', plan), home: await measureRegion(bench, 'home', plan) }
}

async function measureRegion(bench: Bench, name: RegionName, plan: Plan['regions']): Promise<RegionMeasured> {
  const { services, say, signal } = bench
  const shape = regionLinks[name]
  say(`a region ${shape.rttMs} ms away`)
  const link = await startLongLink(shape)
  try {
    const api = await services.startApi(link)
    try {
      const way = { link, api }
      const groups = [
        { files: plan.large, sizes: sizesOf.large },
        { files: plan.small, sizes: sizesOf.small },
      ]
      const who = await services.addPerson()
      const ms = await timeRequests(way, who, plan.requests, { home: services.folder, signal })
      const ours = await trial(bench, 'ours', way, groups)
      return { latencyMs: median(ms), ours, plain: await trial(bench, 'sequential', way, groups) }
    } finally {
      await api.stop()
    }
  } finally {
    await link.stop()
  }
}
