/**
 * Makes a folder and what is missing above it, one by one: on Node 20, mkdir's own `recursive` never returns for a path
 * below a folder that refuses new ones with ENOENT (/proc).
 */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Resolves with the topmost folder that had to be made, undefined when all were there. `path` is absolute. */
export async function makeFolder(path: string, mode = 0o700): Promise<string | undefined> {
  const missing: string[] = []
  for (let at = path; !(await isFolder(at)); at = dirname(at)) missing.unshift(at)
  for (const folder of missing) {
    await mkdir(folder, { mode }).catch(async error => {
      // Another process made it meanwhile.
      if (error.code !== 'EEXIST' || !(await isFolder(folder))) throw error
    })
  }
  return missing[0]
}

/** A path through a file is no folder and rejects with ENOTDIR; one that is a file is left for mkdir to refuse. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return false
    throw error
  }
}
