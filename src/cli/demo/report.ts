/** What became of every file of the demo: the summary for people and the line for machines. */
import { type CheckAnswer, makeApi } from '../../client/index.js'
import { count, megabytes } from '../progress.js'
import type { DemoPerson } from './people.js'
import type { Dealt, Pushed } from './pushes.js'

export interface DemoReport {
  /** Of the first region's gallery. */
  url: string
  regions: { id: string; server: string; email: string; password: string; deviceToken: string }[]
  /** Everything that was pushed: files = photos + duplicates + those of `unreadable` that the server refused. */
  files: number
  /** Different photos, those of `unreadable` that are kept included. */
  photos: number
  /** Files that are byte-for-byte copies of another. */
  duplicates: number
  /** Pictures made of the photos. */
  thumbnails: number
  /** What can't be shown: unreadable, in quarantine, or refused. */
  unreadable: { file: string; reason: string }[]
  /** No pictures or videos, by their names: left where they are. */
  skipped: string[]
  /** Sent in this run. */
  bytes: number
  /** From the first byte pushed until the work was done. */
  seconds: number
}

export async function makeReport(
  people: readonly DemoPerson[],
  dealt: readonly Dealt[],
  pushes: readonly Pushed[],
  seconds: number,
  signal: AbortSignal,
): Promise<DemoReport> {
  const photos = new Set<string>()
  /** How many renditions each has. */
  const ready = new Map<string, number>()
  const unreadable: DemoReport['unreadable'] = dealt.flatMap(one => one.unreadable)
  let stored = 0
  for (const { handset, files } of pushes) {
    const facts = await ask(
      handset.person,
      files.flatMap(({ sha256 }) => sha256 ?? []),
      signal,
    )
    for (const { file, sha256, photo, reason } of files) {
      const fact = sha256 === null ? undefined : facts.get(sha256)
      if (photo === null || !fact) {
        unreadable.push({ file, reason: reason ?? 'it was not stored' })
        continue
      }
      stored++
      photos.add(photo)
      if (fact.state === 'ready') ready.set(photo, fact.renditions)
      else unreadable.push({ file, reason: fact.reason ?? 'it is still being worked on' })
    }
  }
  return {
    url: people[0]?.signInUrl ?? '',
    regions: people.map(({ region, email, password, tokens }) => ({
      id: region.id,
      server: region.server,
      email,
      password,
      deviceToken: tokens[0] ?? '',
    })),
    files: pushes.reduce((sum, { files }) => sum + files.length, 0),
    photos: photos.size,
    duplicates: stored - photos.size,
    thumbnails: [...ready.values()].reduce((sum, renditions) => sum + renditions, 0),
    unreadable: unreadable.sort((a, b) => (a.file < b.file ? -1 : 1)),
    skipped: dealt.flatMap(one => one.skipped),
    bytes: pushes.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    seconds,
  }
}

const batch = 1_000

async function ask({ region, tokens }: DemoPerson, hashes: readonly string[], signal: AbortSignal) {
  const api = makeApi({ server: region.server, token: tokens[0] ?? '', signal })
  const facts = new Map<string, CheckAnswer['here'][number]>()
  for (let start = 0; start < hashes.length; start += batch) {
    for (const fact of (await api.check(hashes.slice(start, start + batch))).here) facts.set(fact.sha256, fact)
  }
  return facts
}

export function describeReport(report: DemoReport, people: readonly DemoPerson[]): string {
  const rate = report.seconds > 0 ? (report.bytes / 1e6 / report.seconds).toFixed(1) : '0'
  const lines = [
    '',
    `  ${count(report.photos)} photos, ${count(report.duplicates)} copies found, ${count(report.thumbnails)} thumbnails`,
    `  ${megabytes(report.bytes)} MB pushed and worked through in ${report.seconds.toFixed(1)} s (${rate} MB/s)`,
    ...(report.unreadable.length > 0 ? [`  ${count(report.unreadable.length)} unreadable:`] : []),
    ...report.unreadable.map(({ file, reason }) => `    ${file}: ${reason}`),
    ...(report.skipped.length > 0
      ? [
          `  ${count(report.skipped.length)} left out, being no pictures or videos: ${report.skipped.slice(0, 8).join(', ')}`,
        ]
      : []),
    '',
    ...people.map(
      ({ region, email, password, signInUrl }) => `  ${region.id}  ${email}  ${password}\n    ${signInUrl}`,
    ),
    '',
  ]
  return `${lines.join('\n')}\n`
}
