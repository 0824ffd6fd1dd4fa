/**
 * Follows folders: gives what is in them, and then whatever comes or changes, until its signal aborts. A file is given when its
 * size and time have rested for a while, so that a camera or a copy has finished with it; again when it changed. The system
 * tells of changes where it can; what it does not tell (network drives, too many folders) a look at everything every minute
 * finds. What failed and is gone since, or can be read again, is no failure any more. Holds a few dozen bytes per file. Reads folders, never a file's content.
 */
import { createHash } from 'node:crypto'
import { type FSWatcher, type Stats, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { makeBell } from './bell.js'
import { errorOfFile } from './file-errors.js'
import {
  type FolderItem,
  type Found,
  folderItems,
  foundOf,
  galleryFiles,
  inner,
  type Place,
  type Root,
} from './gallery-files.js'
import { makePackedTable } from './packed-table.js'
import { wait } from './wait.js'
import { type Failed, makeWatchFailures, meansGone, nameInReports } from './watch-failures.js'

export interface WatchOptions {
  /** How long a file has to rest; default 2,000. */
  restMs?: number
  /** How often everything is looked at; default 60,000. */
  rescanMs?: number
  /** Where failures are counted: what is open there is given again when everything is looked at, though it did not change. */
  failed?: Failed
}

/** More folders than this are found by looking only: systems have few watches. */
const watchersMax = 4_000
/** Looks at a folder in which something moves all the time. */
const pauseMs = 250
/** A file nobody touched for so long, by its own clock, needs no watching. */
const oldMs = 10_000
const fingerprintBytes = 16

/** Throws the signal's reason once that aborts; does not end otherwise. */
export async function* watchFolders(
  roots: readonly Root[],
  signal: AbortSignal,
  options: WatchOptions = {},
): AsyncGenerator<Found> {
  const { restMs = 2_000, rescanMs = 60_000, failed } = options
  const folders = roots
    .filter(({ isFolder }) => isFolder)
    .map(({ path, label, within }) => ({ path, name: label, within }))
  const bell = makeBell(signal)
  /** Folders to look at, by path. */
  const dirty = new Map<string, Place>()
  const eyes = makeEyes(place => {
    dirty.set(place.path, place)
    bell.ring()
  })
  const rest = makeRest(restMs)
  const failures = makeWatchFailures(roots, failed, rest.wasGiven)
  let scannedMs = Number.NEGATIVE_INFINITY
  try {
    const files = roots.filter(({ isFolder }) => !isFolder)
    for (const { path } of files) rest.given(path)
    yield* galleryFiles(files, signal)
    for (;;) {
      const everything = performance.now() - scannedMs >= rescanMs
      if (everything) scannedMs = performance.now()
      const places = everything ? folders : [...dirty.values()]
      dirty.clear()
      for (const place of places) yield* look(place, everything)
      await failures.forgetGone(everything ? undefined : places)
      const restless = rest.restless()
      for (const place of restless) dirty.set(place.path, place)
      const nextMs = Math.max(pauseMs, scannedMs + rescanMs - performance.now())
      await bell.wait(restless.length > 0 ? Math.min(restMs / 4, nextMs) : nextMs)
      // Changes come in bursts.
      await wait(pauseMs, signal)
    }
  } finally {
    eyes.close()
  }

  async function* look(place: Place, deep: boolean): AsyncGenerator<Found> {
    signal.throwIfAborted()
    const isNew = eyes.open(place)
    let items: FolderItem[]
    try {
      items = await folderItems(place)
    } catch (error) {
      eyes.shut(place)
      // What stood in a folder that was given may go; the folder itself may not.
      if (meansGone(error) && !folders.some(({ path }) => path === place.path)) return
      const reason = `the folder ${errorOfFile(error).message}`
      if (failures.isNews(place, reason)) yield { kind: 'unreadable', name: nameInReports(place.name), reason }
      return
    }
    failures.isFineNow(place)
    for (const item of items) {
      const entry = inner(place, item.name)
      const { path } = entry
      if (item.kind === 'folder') {
        if (deep || isNew || !eyes.areOn(path)) yield* look(entry, deep || isNew)
      } else if (item.kind !== 'photo') {
        const isNews =
          item.kind === 'unreadable' ? failures.isNews(entry, item.reason) : rest.isFirst(path, item.reason)
        if (isNews) yield foundOf(place, item)
      } else if (await isDue(place, item, deep)) yield foundOf(place, item)
    }
  }

  /** When one of its files is new or changed, and all of them rest. */
  async function isDue(place: Place, item: Extract<FolderItem, { kind: 'photo' }>, deep: boolean): Promise<boolean> {
    const files = [item.name, ...item.parts.map(({ name }) => name)].map(name => inner(place, name))
    const looks: { path: string; facts: Stats; fresh: boolean }[] = []
    for (const { path, name } of files) {
      const facts = await stat(path).catch(() => undefined)
      if (!facts) continue
      if (!rest.rests(place, path, facts)) return false
      looks.push({ path, facts, fresh: rest.isNew(path, facts) || (deep && failed?.isOpen(name) === true) })
    }
    if (!looks.some(({ fresh }) => fresh)) return false
    for (const { path, facts } of looks) rest.taken(path, facts)
    return true
  }
}

/** The system's word about folders. Where it has none, nothing is told and nothing fails. */
function makeEyes(onChange: (place: Place) => void) {
  const watchers = new Map<string, FSWatcher>()
  const shut = ({ path }: Place) => {
    watchers.get(path)?.close()
    watchers.delete(path)
  }
  return {
    areOn: (path: string) => watchers.has(path),
    /** True when they were shut until now. */
    open(place: Place): boolean {
      if (watchers.has(place.path)) return false
      if (watchers.size >= watchersMax) return true
      try {
        const watcher = watch(place.path, () => onChange(place))
        watcher.on('error', () => shut(place))
        watchers.set(place.path, watcher)
      } catch (error) {
        errorOfFile(error)
      }
      return true
    },
    shut,
    close() {
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}

/** Which state of which file was given already, and which has not rested yet. */
function makeRest(restMs: number) {
  const given = makePackedTable(fingerprintBytes, 0)
  const moving = new Map<string, { state: string; sinceMs: number; place: Place }>()
  const stateOf = ({ size, mtimeMs, ino }: Stats) => `${size}\0${mtimeMs}\0${ino}`
  const fingerprint = (path: string, state: string) =>
    createHash('sha256').update(`${path}\0${state}`).digest().subarray(0, fingerprintBytes)
  const mark = (path: string, state: string) => given.set(fingerprint(path, state), Buffer.alloc(0))
  const isMarked = (path: string, state: string) => given.get(fingerprint(path, state)) !== undefined
  return {
    isNew: (path: string, facts: Stats) => !isMarked(path, stateOf(facts)),
    taken(path: string, facts: Stats) {
      moving.delete(path)
      mark(path, stateOf(facts))
      mark(path, '')
    },
    given: (path: string) => mark(path, ''),
    /** In whatever state. */
    wasGiven: (path: string) => isMarked(path, ''),
    /** For what is told once. */
    isFirst(path: string, reason: string): boolean {
      const first = !isMarked(path, reason)
      if (first) mark(path, reason)
      return first
    },
    rests(place: Place, path: string, facts: Stats): boolean {
      const state = stateOf(facts)
      if (isMarked(path, state)) return true
      const youngest = Math.min(Math.abs(Date.now() - facts.mtimeMs), Math.abs(Date.now() - facts.ctimeMs))
      if (youngest >= Math.max(oldMs, restMs)) return true
      const seen = moving.get(path)
      if (seen?.state === state) return performance.now() - seen.sinceMs >= restMs
      moving.set(path, { state, sinceMs: performance.now(), place })
      return false
    },
    /** Folders to look at again soon. Forgets files that are gone or were left by themselves. */
    restless(): Place[] {
      const places = new Map<string, Place>()
      for (const [path, { place, sinceMs }] of moving) {
        if (performance.now() - sinceMs > 10 * restMs) moving.delete(path)
        else places.set(place.path, place)
      }
      return [...places.values()]
    },
  }
}
