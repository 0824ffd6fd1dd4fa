/**
 * What a gallery on disk holds: walks folders depth first, in the order of names, holding only the names in the folders on the
 * way down. Files of one folder that are one photo come together (groups.ts). Entries that start with a dot are left out.
 * Links are never followed: what they point to inside the folder is found in its own place, and what is outside was not given.
 * Since a name may become a link at any moment, each file comes with the folder that it must still lie in when it is opened.
 * What cannot be read is reported and the walk goes on. Reads folders, never a file's content.
 */
import type { Dirent, Stats } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../core/errors.js'
import type { PartRole } from '../core/part-roles.js'
import { errorOfFile } from './file-errors.js'
import { type Facts, type Group, groupFiles, isSidecar, pairCandidates } from './groups.js'
import { mediaTypeOf, sidecarType } from './media-types.js'
import { elsewhere, isWithin } from './open-file.js'

export interface GalleryFile {
  /** Where it is on this machine; never leaves it. */
  readonly path: string
  /** How reports call it: relative to the folder that was given, with `/` between its parts. */
  readonly name: string
  readonly mediaType: string
  /** The real path of the folder that was given, outside of which it is not read. Without it a link that was named is followed. */
  readonly within?: string | undefined
}

export interface GalleryPart {
  readonly role: PartRole
  readonly file: GalleryFile
}

export type Found =
  /** A photo, with the files that are parts of it. */
  | { readonly kind: 'file'; readonly file: GalleryFile; readonly parts: readonly GalleryPart[] }
  /** Nothing that is sent; `reason` is one of few sentences. */
  | { readonly kind: 'skipped'; readonly name: string; readonly reason: string }
  | { readonly kind: 'unreadable'; readonly name: string; readonly reason: string }

/** A folder or file that somebody named, known to be there. */
export interface Root {
  readonly path: string
  /** What stands before the names below it in reports; '' for nothing. */
  readonly label: string
  readonly isFolder: boolean
  /** Of a folder: its path with every link on the way to it resolved. */
  readonly within?: string | undefined
}

/**
 * Looks at the named folders and files before anything else happens. With one folder, names are relative to it; with several,
 * each name starts with its folder as it was given. Rejects with `not_found` or `invalid` and a sentence that names the path.
 */
export async function findRoots(paths: readonly string[]): Promise<Root[]> {
  const roots: Root[] = []
  for (const path of paths) {
    let facts: Stats
    let real: string
    try {
      facts = await stat(path)
      real = await realpath(path)
    } catch (error) {
      throw new AppError('not_found', `${path} ${errorOfFile(error).message}: name a folder of pictures`, {
        cause: error,
      })
    }
    const isFolder = facts.isDirectory()
    if (!isFolder && !facts.isFile()) throw new AppError('invalid', `${path} is neither a folder nor a file`)
    const label = isFolder ? (paths.length > 1 ? path.replace(/[\\/]+$/, '') : '') : basename(path)
    roots.push({ path, label, isFolder, ...(isFolder && { within: real }) })
  }
  return roots
}

/** Everything below the roots, one by one, as fast as it is asked for. Throws the signal's reason once that aborts. */
export async function* galleryFiles(roots: readonly Root[], signal?: AbortSignal): AsyncGenerator<Found> {
  const named = new Map<string, string[]>()
  for (const { path, isFolder } of roots) {
    if (!isFolder) named.set(dirname(path), [...(named.get(dirname(path)) ?? []), basename(path)])
  }
  for (const { path, label, isFolder, within } of roots) {
    if (isFolder) yield* walk({ path, name: label, within }, signal)
    else {
      // Files that were named one by one are one photo as well where they lie together.
      const place = { path: dirname(path), name: '' }
      const names = named.get(place.path) ?? []
      named.delete(place.path)
      for (const item of await arrange(place, [...new Set(names)])) yield foundOf(place, item)
    }
  }
}

/** A folder, and how reports call it: '' for the one that was given. */
export interface Place {
  readonly path: string
  readonly name: string
  /** As of `GalleryFile`. */
  readonly within?: string | undefined
}

/** What stands in a folder, whoever is a part of whom already sorted out. Held by name: there may be a hundred thousand. */
export type FolderItem =
  | { readonly kind: 'folder'; readonly name: string }
  | { readonly kind: 'photo'; readonly name: string; readonly parts: Group['parts'] }
  | { readonly kind: 'skipped' | 'unreadable'; readonly name: string; readonly reason: string }

async function* walk(root: Place, signal: AbortSignal | undefined): AsyncGenerator<Found> {
  const opened: { place: Place; items: Iterator<FolderItem> }[] = []
  const enter = async (place: Place): Promise<Found | undefined> => {
    try {
      opened.push({ place, items: (await folderItems(place)).values() })
      return undefined
    } catch (error) {
      return { kind: 'unreadable', name: place.name || '.', reason: `the folder ${errorOfFile(error).message}` }
    }
  }
  const unreadable = await enter(root)
  if (unreadable) yield unreadable
  for (let top = opened.at(-1); top; top = opened.at(-1)) {
    signal?.throwIfAborted()
    const { value: item } = top.items.next()
    if (!item) opened.pop()
    else if (item.kind !== 'folder') yield foundOf(top.place, item)
    else {
      const unreadable = await enter(inner(top.place, item.name))
      if (unreadable) yield unreadable
    }
  }
}

/** In the order of names; a part stands with its photo. Rejects with the error of the file system, or when the folder is a link by now. */
export async function folderItems(place: Place): Promise<FolderItem[]> {
  if (place.within !== undefined && !isWithin(await realpath(place.path), place.within)) throw elsewhere()
  const entries = (await readdir(place.path, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'))
  const items: FolderItem[] = []
  const files: string[] = []
  for (const entry of entries) {
    const { name } = entry
    if (name.includes(replacement) && !(await isThere(join(place.path, name)))) {
      // Node's strings hold no such name, so the path would lead nowhere.
      items.push({ kind: 'unreadable', name, reason: 'its name is not valid UTF-8: rename it' })
    } else if (entry.isFile()) files.push(name)
    else if (entry.isDirectory()) items.push({ kind: 'folder', name })
    else items.push({ kind: 'skipped', name, reason: otherEntry(entry) })
  }
  for (const item of await arrange(place, files)) items.push(item)
  return items.sort(byName)
}

/** What stands in a name for bytes that are no UTF-8. */
export const replacement = '\ufffd'

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

const otherEntry = (entry: Dirent): string =>
  entry.isSymbolicLink() ? 'a link; what it points to is sent from its own place' : 'not a file'

async function arrange({ path }: Place, names: readonly string[]): Promise<Exclude<FolderItem, { kind: 'folder' }>[]> {
  const sorted = names.toSorted()
  const facts = new Map<string, Facts>()
  for (const name of pairCandidates(sorted)) {
    // What can't be looked at is paired with nothing; the reading of it says why.
    const found = await stat(join(path, name)).catch(() => undefined)
    if (found) facts.set(name, { modifiedMs: found.mtimeMs, sizeBytes: found.size })
  }
  const { groups, skipped } = groupFiles(sorted, name => facts.get(name))
  return [
    ...groups.map(({ whole, parts }) => ({ kind: 'photo' as const, name: whole, parts })),
    ...skipped.map(({ name, reason }) => ({ kind: 'skipped' as const, name, reason })),
  ]
}

export function foundOf(place: Place, item: Exclude<FolderItem, { kind: 'folder' }>): Found {
  if (item.kind !== 'photo') return { ...item, name: inner(place, item.name).name }
  const parts = item.parts.map(({ name, role }) => ({ role, file: fileOf(place, name) }))
  return { kind: 'file', file: fileOf(place, item.name), parts }
}

const fileOf = (place: Place, name: string): GalleryFile => ({
  ...inner(place, name),
  mediaType: isSidecar(name) ? sidecarType : (mediaTypeOf(name) ?? 'application/octet-stream'),
})

export const inner = ({ path, name, within }: Place, entry: string): Place => ({
  path: join(path, entry),
  name: name ? `${name}/${entry}` : entry,
  within,
})

const byName = (a: FolderItem, b: FolderItem): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
