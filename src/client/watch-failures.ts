/**
 * Failures of a watch that are none any more: a folder that can be read again, a name that was set right, a file that is gone.
 * Only what this watch gave is looked after. Looks at the paths of what failed, and touches nothing else.
 */
import { lstat, readdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type Place, type Root, replacement } from './gallery-files.js'
import type { Tally } from './tally.js'

/** Where failures are counted. */
export type Failed = Pick<Tally, 'isOpen' | 'failures' | 'forget'>

export interface WatchFailures {
  /** False when just this was told of it already. */
  isNews(place: Place, reason: string): boolean
  isFineNow(place: Place): void
  /** Forgets what is gone: of all that failed, or of what stood in these folders. */
  forgetGone(places?: readonly Place[]): Promise<void>
}

/** `wasGiven`: whether a file of that path was. */
export function makeWatchFailures(
  roots: readonly Root[],
  failed: Failed | undefined,
  wasGiven: (path: string) => boolean,
): WatchFailures {
  /** What could not be read and why, by path. */
  const told = new Map<string, string>()
  return {
    isNews({ path }, reason) {
      const isNews = told.get(path) !== reason
      told.set(path, reason)
      return isNews
    },
    isFineNow({ path, name }) {
      if (told.delete(path)) failed?.forget(nameInReports(name))
    },
    async forgetGone(places) {
      const folders = places && new Set(places.map(({ path }) => resolve(path)))
      for (const { file } of [...(failed?.failures ?? [])]) {
        const paths = pathsOf(file, roots).filter(path => told.has(path) || wasGiven(path))
        const isAskedFor = paths.some(path => !folders || folders.has(dirname(resolve(path))))
        if (!isAskedFor || !(await areGone(paths))) continue
        for (const path of paths) told.delete(path)
        failed?.forget(file)
      }
    },
  }
}

export const nameInReports = (name: string): string => name || '.'

/** Where a file of that name in reports may be: names of files that were named themselves are not unique. */
function pathsOf(name: string, roots: readonly Root[]): string[] {
  return roots.flatMap(({ path, label, isFolder }) => {
    if (!isFolder) return label === name ? [path] : []
    if (label === '') return [name === '.' ? path : join(path, name)]
    if (name === label) return [path]
    return name.startsWith(`${label}/`) ? [join(path, name.slice(label.length + 1))] : []
  })
}

async function areGone(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) if (!(await isGone(path))) return false
  return true
}

/** What cannot be looked at is not known to be gone. */
async function isGone(path: string): Promise<boolean> {
  try {
    // Under a name that is no UTF-8 nothing is found but in the folder's listing.
    if (path.includes(replacement)) return !(await readdir(dirname(path))).includes(basename(path))
    await lstat(path)
    return false
  } catch (error) {
    return meansGone(error)
  }
}

export function meansGone(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return code === 'ENOENT' || code === 'ENOTDIR'
}
