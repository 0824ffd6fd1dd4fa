/** The demo's handsets: they push the gallery at the same time, with one progress bar, and wait until the work is done. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Found,
  findRoots,
  galleryFiles,
  makeApi,
  type PushEvent,
  type PushedFile,
  type PushTotals,
  push,
} from '../../client/index.js'
import { showProgress } from '../progress.js'
import type { DemoPerson } from './people.js'

export interface Handset {
  person: DemoPerson
  token: string
  files: Found[]
}

export interface Pushed {
  handset: Handset
  files: readonly PushedFile[]
  bytesSent: number
}

export interface Dealt {
  handsets: Handset[]
  /** Names of entries that are no pictures or videos. */
  skipped: string[]
  /** Folders that could not be read. */
  unreadable: { file: string; reason: string }[]
}

/** Deals the files of a folder to its person's handsets in turn. */
export async function deal(dir: string, person: DemoPerson): Promise<Dealt> {
  const handsets = person.tokens.map(token => ({ person, token, files: [] as Found[] }))
  const dealt: Dealt = { handsets, skipped: [], unreadable: [] }
  let next = 0
  for await (const found of galleryFiles(await findRoots([dir]))) {
    if (found.kind === 'file') handsets[next++ % handsets.length]?.files.push(found)
    else if (found.kind === 'skipped') dealt.skipped.push(found.name)
    else dealt.unreadable.push({ file: found.name, reason: found.reason })
  }
  return { ...dealt, handsets: handsets.filter(({ files }) => files.length > 0) }
}

type Stream = NodeJS.WritableStream & { isTTY?: boolean }

export async function pushAll(handsets: readonly Handset[], stream: Stream, signal: AbortSignal): Promise<Pushed[]> {
  const progress = showProgress(stream)
  const totals: PushTotals[] = []
  try {
    return await Promise.all(
      handsets.map(async (handset, index) => {
        const { person, token, files } = handset
        const pushed: PushedFile[] = []
        const onProgress = (event: PushEvent) => {
          if (event.kind === 'file') pushed.push(event.file)
          if (event.kind === 'file' || event.kind === 'progress') totals[index] = event.totals
          progress.update(sum(totals.filter(Boolean)))
        }
        const result = await push({
          server: person.region.server,
          token,
          gallery: files,
          concurrency: 2,
          signal,
          onProgress,
        })
        return { handset, files: pushed, bytesSent: result.bytesSent }
      }),
    )
  } finally {
    progress.stop()
  }
}

function sum(all: readonly Readonly<PushTotals>[]): PushTotals {
  const total = { ...(all[0] as PushTotals) }
  for (const one of all.slice(1)) {
    for (const [key, value] of Object.entries(one)) {
      if (typeof value === 'number')
        (total as unknown as Record<string, number>)[key] = (total as unknown as Record<string, number>)[key]! + value
    }
    total.foundAll &&= one.foundAll
  }
  return total
}

/** Until nothing of theirs waits for a worker. */
export async function untilWorkIsDone(
  people: readonly DemoPerson[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let told = -1
  for (;;) {
    let waiting = 0
    for (const { region, tokens } of people) {
      waiting += (await makeApi({ server: region.server, token: tokens[0] as string, signal }).me()).waiting
    }
    if (waiting === 0) return
    if (waiting !== told && (told < 0 || waiting % 10 === 0)) say(`Making thumbnails: ${waiting} photos to go`)
    told = waiting
    await sleep(250, undefined, { signal })
  }
}
