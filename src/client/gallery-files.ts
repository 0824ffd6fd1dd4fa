/**
 * What a gallery on disk holds: walks folders depth first, in the order of names, holding only the names of the folders on
 * the way down. Entries that start with a dot are left out. Links are never followed: what they point to inside the folder
 * is found in its own place, and what is outside was not given. What cannot be read is reported and the walk goes on. Reads
 * folders, never a file's content.
 */
import type { Dirent, Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AppError } from '../core/errors.js'
import { errorOfFile } from './file-errors.js'
import { mediaTypeOf } from './media-types.js'

export interface GalleryFile {
  /** Where it is on this machine; never leaves it. */
  readonly path: string
  /** How reports call it: relative to the folder that was given, with `/` between its parts. */
  readonly name: string
  readonly mediaType: string
}

export type Found =
  | { readonly kind: 'file'; readonly file: GalleryFile }
  /** Not a picture or video. */
  | { readonly kind: 'skipped'; readonly name: string }
  | { readonly kind: 'unreadable'; readonly name: string; readonly reason: string }

/** A folder or file that somebody named, known to be there. */
export interface Root {
  readonly path: string
  /** What stands before the names below it in reports; '' for nothing. */
  readonly label: string
  readonly isFolder: boolean
}

/**
 * Looks at the named folders and files before anything else happens. With one folder, names are relative to it; with several,
 * each name starts with its folder as it was given. Rejects with `not_found` or `invalid` and a sentence that names the path.
 */
export async function findRoots(paths: readonly string[]): Promise<Root[]> {
  const roots: Root[] = []
  for (const path of paths) {
    let facts: Stats
    try {
      facts = await stat(path)
    } catch (error) {
      throw new AppError('not_found', `${path} ${errorOfFile(error).message}: name a folder of pictures`, {
        cause: error,
      })
    }
    const isFolder = facts.isDirectory()
    if (!isFolder && !facts.isFile()) throw new AppError('invalid', `${path} is neither a folder nor a file`)
    const label = isFolder ? (paths.length > 1 ? path.replace(/[\\/]+$/, '') : '') : basename(path)
    roots.push({ path, label, isFolder })
  }
  return roots
}

/** Everything below the roots, one by one, as fast as it is asked for. Throws the signal's reason once that aborts. */
export async function* galleryFiles(roots: readonly Root[], signal?: AbortSignal): AsyncGenerator<Found> {
  for (const root of roots) {
    if (root.isFolder) yield* walk(root, signal)
    else yield found(root.path, root.label, basename(root.path))
  }
}

/** What stands in a name for bytes that are no UTF-8. */
const replacement = '\ufffd'

interface Pending {
  path: string
  name: string
  entry: Dirent | undefined
}

async function* walk(root: Root, signal: AbortSignal | undefined): AsyncGenerator<Found> {
  // The next one to visit is the last: a folder's entries are put on top in reverse.
  const pending: Pending[] = [{ path: root.path, name: root.label, entry: undefined }]
  for (let next = pending.pop(); next; next = pending.pop()) {
    signal?.throwIfAborted()
    const { path, name, entry } = next
    if (name.includes(replacement)) {
      // Node's strings hold no such name, so the path would lead nowhere.
      yield { kind: 'unreadable', name, reason: 'its name is not valid UTF-8: rename it' }
    } else if (entry?.isFile()) {
      yield found(path, name, entry.name)
    } else if (entry && !entry.isDirectory()) {
      yield { kind: 'skipped', name } // links, pipes, sockets, devices
    } else {
      try {
        const entries = await readdir(path, { withFileTypes: true })
        for (const inner of entries.filter(({ name }) => !name.startsWith('.')).sort(byNameDescending)) {
          pending.push({
            path: join(path, inner.name),
            name: name ? `${name}/${inner.name}` : inner.name,
            entry: inner,
          })
        }
      } catch (error) {
        yield { kind: 'unreadable', name: name || '.', reason: `the folder ${errorOfFile(error).message}` }
      }
    }
  }
}

function found(path: string, name: string, fileName: string): Found {
  const mediaType = mediaTypeOf(fileName)
  return mediaType ? { kind: 'file', file: { path, name, mediaType } } : { kind: 'skipped', name }
}

const byNameDescending = (a: Dirent, b: Dirent): number => (a.name < b.name ? 1 : a.name > b.name ? -1 : 0)
