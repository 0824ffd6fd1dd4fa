/**
 * The sync bench: how much of a long link a handset fills, beside Uppy's defaults and beside one upload after another; what a link
 * that breaks costs; what a region nearby brings; what a second sync asks; and how soon a server with a million photos answers.
 */
import { readFileSync } from 'node:fs'
import { AppError } from '../../src/core/errors.js'
import { type LongLink, longLinkMissing, startLongLink } from '../support/long-link.js'
import type { Bench, BenchOptions, BenchOutcome } from './bench.js'
import { processCostMissing } from './process-cost.js'
import { measureCuts } from './sync/cut.js'
import { measureLookups } from './sync/lookups.js'
import { fullPlan, type Plan, quickPlan, link as shape } from './sync/plan.js'
import { measureRegions } from './sync/regions.js'
import { describeSync, type Measured, resultsOf } from './sync/report.js'
import { measureResync } from './sync/resync.js'
import { startServices } from './sync/services.js'
import { measureSet } from './sync/sets.js'
import type { Bench as Trials } from './sync/trial.js'

export const syncBench: Bench = {
  run: async options => {
    const absence = processCostMissing() ?? longLinkMissing()
    if (absence) throw new AppError('unavailable', absence)
    const link = await startLongLink(shape).catch((cause: Error) => {
      throw new AppError('unavailable', `This machine lets nobody make a long link: ${cause.message}`, { cause })
    })
    try {
      return await onLink(link, options)
    } finally {
      await link.stop()
    }
  },
}

async function onLink(link: LongLink, { quick, say, signal }: BenchOptions): Promise<BenchOutcome> {
  say('starting Postgres and an API at the far end of a link')
  const services = await startServices(signal)
  try {
    const measured = await measure({ services, say, signal }, link, quick ? quickPlan : fullPlan)
    return { results: resultsOf(measured), tables: describeSync(measured) }
  } finally {
    await services.stop()
  }
}

async function measure(bench: Trials, link: LongLink, plan: Plan): Promise<Measured> {
  const congestionControl = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()
  const api = await bench.services.startApi(link)
  const way = { link, api }
  try {
    const large = await measureSet(bench, way, 'large', plan.large)
    const small = await measureSet(bench, way, 'small', plan.small)
    const cuts = {
      silent: await measureCuts(bench, way, plan.cut, 'silent'),
      forgetful: await measureCuts(bench, way, plan.cut, 'forgetful'),
    }
    const resync = await measureResync(bench, way, plan.resync.files)
    const regions = await measureRegions(bench, plan.regions)
    const lookups = await measureLookups(bench, plan.lookups)
    return { plan, congestionControl, sets: { large, small }, cuts, resync, regions, lookups }
  } finally {
    await api.stop()
  }
}
