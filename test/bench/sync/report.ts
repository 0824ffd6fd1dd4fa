/** What the sync bench found, for machines and for people. */

import type { CutKind } from '../../support/long-link.js'
import { percentile, round } from '../statistics.js'
import { table } from '../table.js'
import { type CutMeasured, resentShare } from './cut.js'
import type { LookupsMeasured } from './lookups.js'
import { link, type PhotoKind, type Plan, regionLinks } from './plan.js'
import type { RegionName, RegionsMeasured } from './regions.js'
import type { ResyncMeasured } from './resync.js'
import { bytesPerSecond, linkShare, type Sent, type SideName } from './senders.js'
import { ratioToSequential, ratioToUppy, type SetMeasured } from './sets.js'

export interface Measured {
  plan: Plan
  /** How TCP decides how fast it sends, on this machine. */
  congestionControl: string
  sets: Readonly<Record<PhotoKind, SetMeasured>>
  cuts: Readonly<Record<CutKind, CutMeasured>>
  regions: RegionsMeasured
  resync: ResyncMeasured
  lookups: LookupsMeasured
}

export function resultsOf({ sets, cuts, regions, resync, lookups }: Measured): Record<string, number> {
  const { far, home } = regions
  return {
    linkShareLarge: round(linkShare(sets.large.whole, link.mbit)),
    ratioToUppy: round(ratioToUppy(sets.large)),
    ratioToSequential: round(ratioToSequential(sets.large)),
    linkShareSmall: round(linkShare(sets.small.whole, link.mbit)),
    ratioToSequentialSmall: round(ratioToSequential(sets.small)),
    resyncRequests: resync.second.requests ?? 0,
    resyncSeconds: round(resync.second.seconds),
    resentShare: round(resentShare(cuts.silent)),
    latencyCutMs: round(far.latencyMs - home.latencyMs),
    regionalSpeedup: round(far.plain.seconds / home.plain.seconds),
    checkP99Ms: round(percentile(lookups.checkMs, 0.99)),
    changesP99Ms: round(percentile(lookups.changesMs, 0.99)),
    ratioToUppySmall: round(ratioToUppy(sets.small)),
    regionalSpeedupOurs: round(far.ours.seconds / home.ours.seconds),
    ratioToPlainFar: round(far.plain.seconds / far.ours.seconds),
    resentShareForgotten: round(resentShare(cuts.forgetful)),
    cutSeconds: round(cuts.silent.sent.seconds),
    cutNotStored: cuts.forgetful.sent.failed + cuts.silent.sent.failed,
    checkMedianMs: round(percentile(lookups.checkMs, 0.5)),
    changesMedianMs: round(percentile(lookups.changesMs, 0.5)),
  }
}

const sideNames: Readonly<Record<SideName, string>> = {
  ours: 'photosync push',
  uppy: 'Uppy’s defaults: POST + PATCH, 20 at a time',
  sequential: 'tus-js-client, one after another',
}

export function describeSync(measured: Measured): string {
  const { sets, congestionControl } = measured
  return [
    setTable(sets.large),
    setTable(sets.small),
    `A link of ${link.rttMs} ms and ${link.mbit} Mbit/s; TCP’s congestion control is ${congestionControl}. Each side sends fresh contents for a fresh person, timed from the start of its process to its end. Only the photos’ own bytes count: with 52 bytes of IP and TCP headers in each packet of 1,500, no client gets above 96.5 %. A slow side sends fewer photos of the same kind.`,
    cutTable(measured),
    regionTable(measured.regions),
    resyncTable(measured),
    lookupTable(measured.lookups),
    linkText(measured),
  ].join('\n\n')
}

const percent = (share: number) => `${round(share * 100)} %`

function setTable(set: SetMeasured): string {
  const row = (sent: Sent, ratio: string) => [
    sideNames[sent.side],
    `${sent.files}`,
    (sent.bytes / 1e6).toFixed(1),
    sent.seconds.toFixed(1),
    percent(linkShare(sent, link.mbit)),
    ratio,
  ]
  const { ours, uppy, sequential } = set.rounds
  return table([
    [`${set.kind} photos`, 'photos', 'MB', 'seconds', 'of the link', 'ours, as a multiple'],
    row(set.whole, ''),
    ...ours.map(sent => row(sent, '1')),
    ...uppy.map(sent => row(sent, ratioToUppy(set).toFixed(2))),
    ...sequential.map(sent => row(sent, ratioToSequential(set).toFixed(2))),
  ])
}

function cutTable({ cuts, plan }: Measured): string {
  const { everyMs, forMs } = plan.cut
  const row = (name: string, { sent, cuts }: CutMeasured) => [
    name,
    `${sent.files - sent.failed} of ${sent.files}`,
    sent.seconds.toFixed(1),
    `${cuts}`,
    percent(sent.carriedOver),
    sent.sentOver === undefined ? '' : percent(sent.sentOver),
  ]
  const title = `large photos, cut for ${forMs / 1_000} s after every ${everyMs / 1_000} s`
  return table([
    [title, 'stored', 'seconds', 'cuts', 'carried beyond their bytes', 'by the client’s count'],
    row('silently', cuts.silent),
    row('connections forgotten', cuts.forgetful),
  ])
}

function regionTable({ far, home }: RegionsMeasured): string {
  const names: RegionName[] = ['far', 'home']
  const by = { far, home }
  const files = `${far.ours.files} photos`
  const row = (title: string, of: (name: RegionName) => number, digits: number) => [
    title,
    ...names.map(name => of(name).toFixed(digits)),
    (of('far') / of('home')).toFixed(2),
  ]
  return [
    table([
      [files, ...names.map(name => `${name}, ${regionLinks[name].rttMs} ms`), 'far / home'],
      row('one request, ms', name => by[name].latencyMs, 0),
      row('tus-js-client, one after another, s', name => by[name].plain.seconds, 1),
      row('photosync push, s', name => by[name].ours.seconds, 1),
    ]),
    `To the far region ours is ${(bytesPerSecond(far.ours) / bytesPerSecond(far.plain)).toFixed(1)} times as fast as the plain client. The speed-up that the results name is the plain client’s: one that fills the far link has less to gain.`,
  ].join('\n\n')
}

function resyncTable({ resync }: Measured): string {
  const row = (name: string, { requests, seconds }: Sent) => [name, `${requests}`, seconds.toFixed(1)]
  return table([
    [`${resync.first.files} files that the server has`, 'requests', 'seconds'],
    row('first sync', resync.first),
    row('second sync', resync.second),
  ])
}

function lookupTable({ photos, checkMs, changesMs }: LookupsMeasured): string {
  const row = (name: string, ms: readonly number[]) => [
    name,
    ...[0.5, 0.99, 1].map(share => `${round(percentile(ms, share))}`),
  ]
  return table([
    [`among ${photos} photos, ${checkMs.length} calls, ms`, 'median', 'p99', 'most'],
    row('5,000 hashes asked, nine in ten there', checkMs),
    row('a page of 1,000 changes', changesMs),
  ])
}

/** So that nobody takes the link’s own limits for a client’s. */
function linkText({ sets }: Measured): string {
  const { whole } = sets.large
  const busy = percent(whole.cpuMs.link / whole.seconds / 1_000)
  return `The program that is the link took ${busy} of a processor meanwhile and delivered no packet more than ${whole.carried.lateMsMax} ms late; its buffers of 200 ms dropped ${whole.carried.toFar.dropped} packets over all rounds.`
}
