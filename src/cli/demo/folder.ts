/** The demo's folder: one that is kept, or one of its own that goes with it. One demo at a time has it. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { AppError } from '../../core/errors.js'
import { stopOrphan } from '../../db/embedded.js'
import { makeFolder } from '../../storage/make-folder.js'

export interface DemoFolder {
  path: string
  /** Removes it unless it is kept. */
  close(): Promise<void>
  /** Nothing came of it: removes what was made of it. */
  undo(): Promise<void>
}

export async function openFolder(kept: string | undefined): Promise<DemoFolder> {
  if (kept === undefined) await removeOrphans()
  const path = kept === undefined ? await makeTemporary() : resolve(kept)
  const made = kept === undefined ? path : await makeKept(path)
  const lock = join(path, 'demo.pid')
  const undo = () => rm(made ?? lock, { recursive: true, force: true })
  try {
    await takeLock(lock, path)
  } catch (error) {
    if (made) await undo()
    throw error
  }
  return { path, undo, close: () => rm(kept === undefined ? path : lock, { recursive: true, force: true }) }
}

const prefix = 'photosync-demo-'

/** A demo that was killed leaves its folder, and a Postgres on it. Only those of processes that are no more are touched. */
async function removeOrphans(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const path = join(tmpdir(), name)
    const pid = name.startsWith(prefix) ? Number(await readFile(join(path, 'demo.pid'), 'utf8').catch(() => '')) : 0
    if (!(pid > 0) || (await isDemo(pid))) continue
    await stopOrphan(join(path, 'postgres'))
    // Somebody else's is theirs to remove.
    await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}

const makeTemporary = () => mkdtemp(join(tmpdir(), prefix)).catch(error => refuse(tmpdir(), error))

/** Returns the topmost folder that had to be made, undefined when all were there. */
async function makeKept(path: string): Promise<string | undefined> {
  return makeFolder(path).catch(error => refuse(path, error))
}

async function takeLock(lock: string, path: string): Promise<void> {
  const write = () => writeFile(lock, String(process.pid), { flag: 'wx' })
  try {
    await write()
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') refuse(path, error)
    const other = Number(await readFile(lock, 'utf8').catch(() => ''))
    if (other > 0 && other !== process.pid && (await isDemo(other))) {
      throw new AppError(
        'unavailable',
        `Another demo (process ${other}) uses ${path}. Stop it, or choose another folder with --data`,
      )
    }
    // Left by one that was killed.
    await rm(lock, { force: true })
    await write().catch(cause => refuse(path, cause))
  }
}

/** Where /proc can't tell, a living process with that number is taken for one. */
async function isDemo(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'demo')
  return command.split('\0').includes('demo') || command === 'demo'
}

function refuse(path: string, cause: unknown): never {
  const reasons: Record<string, string> = {
    EACCES: 'this user may not write there',
    ENOENT: 'no folder can be made there',
    EPERM: 'this user may not write there',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'a file is in the way',
    EEXIST: 'a file is in the way',
    ENOSPC: 'the disk is full',
    ENAMETOOLONG: 'the name is too long',
  }
  const code = (cause as { code?: string }).code ?? ''
  throw new AppError(
    'unavailable',
    `The data folder ${path} cannot be used: ${reasons[code] ?? code}. Choose another with --data`,
    { cause },
  )
}
