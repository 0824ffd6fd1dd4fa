/**
 * A listing of a tree of files in key order. Holds the names of one folder at each depth, never the whole tree.
 */
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectFacts } from './bucket.js'
import { compareKeys } from './checks.js'
import { isAbsent } from './disk-errors.js'

export async function* listFiles(
  root: string,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<ObjectFacts, void> {
  const parent = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  for await (const facts of walk(root, parent, signal, prefix.slice(parent.length))) yield facts
}

/** `parent` is '' or ends in '/'; only names that begin with `start` are looked at. */
async function* walk(
  root: string,
  parent: string,
  signal?: AbortSignal,
  start = '',
): AsyncGenerator<ObjectFacts, void> {
  signal?.throwIfAborted()
  for (const name of await namesInOrder(join(root, parent), start)) {
    signal?.throwIfAborted()
    const key = parent + name
    if (name.endsWith('/')) {
      yield* walk(root, key, signal)
    } else {
      const facts = await factsOf(root, key)
      if (facts) yield facts
    }
  }
}

/** Folders' names end in '/', as they do in the keys, so that `a b` comes before `a/c`. */
async function namesInOrder(folder: string, start: string): Promise<string[]> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
  return entries
    .filter(entry => entry.name.startsWith(start) && (entry.isFile() || entry.isDirectory()))
    .map(entry => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort(compareKeys)
}

/** undefined when no object is there (any more). */
export async function factsOf(root: string, key: string): Promise<ObjectFacts | undefined> {
  try {
    const facts = await stat(join(root, key))
    return facts.isFile() ? { key, sizeBytes: facts.size, modifiedAt: facts.mtime } : undefined
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}
