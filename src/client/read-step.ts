/**
 * The first step of a push: brings what was found into the form in which the server can be asked about it. Reads files whose
 * hash isn't remembered. What can't be read is told, and its photo's other files go on without it.
 */
import { lstat, stat } from 'node:fs/promises'
import { AppError } from '../core/errors.js'
import type { PartRole } from '../core/part-roles.js'
import type { BoundedQueue } from './bounded-queue.js'
import { errorOfFile } from './file-errors.js'
import type { Found, GalleryFile } from './gallery-files.js'
import { hashFile } from './hash-file.js'
import type { HashMemory } from './hash-memory.js'
import { elsewhere } from './open-file.js'
import type { HashedFile } from './send-file.js'
import type { Tally } from './tally.js'

export interface ReadFile extends HashedFile {
  /** Its hash comes from memory: the file itself was only looked at. */
  readonly remembered: boolean
}

/** A photo with its parts, as far as they could be read. */
export interface ReadGroup {
  readonly whole: ReadFile
  readonly parts: readonly { readonly role: PartRole; readonly file: ReadFile }[]
}

export interface ReadStep {
  found: AsyncIterator<Found>
  hashed: BoundedQueue<ReadGroup>
  memory: HashMemory
  /** Photos in `hashed` that were read just now; who takes them out counts down. */
  fresh: { waiting: number }
  tally: Tally
  signal: AbortSignal
}

/** Several of these may share one `found`. */
export async function read(step: ReadStep): Promise<void> {
  const { found, tally, signal } = step
  for (let next = await take(found, signal); !next.done; next = await take(found, signal)) {
    const item = next.value
    if (item.kind === 'skipped') tally.skipped(item.name, item.reason)
    else if (item.kind === 'unreadable') tally.unreadable(item.name, item.reason)
    else await readPhoto(item, step)
  }
}

/** A walk of somebody else's may wait for ever. */
function take(found: AsyncIterator<Found>, signal: AbortSignal): Promise<IteratorResult<Found>> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    found
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop))
  })
}

async function readPhoto(photo: Extract<Found, { kind: 'file' }>, step: ReadStep): Promise<void> {
  const { memory, tally, signal } = step
  for (const { name } of [photo.file, ...photo.parts.map(({ file }) => file)]) tally.found(name)
  const readOne = async (file: GalleryFile): Promise<ReadFile | undefined> => {
    try {
      const content = await readFile(file, memory, signal)
      tally.read(content.sizeBytes)
      return content
    } catch (error) {
      signal.throwIfAborted()
      tally.unreadable(file.name, errorOfFile(error).message)
      return undefined
    }
  }
  const whole = await readOne(photo.file)
  const parts: { role: PartRole; file: ReadFile }[] = []
  for (const { role, file } of photo.parts) {
    if (!whole && role === 'sidecar') {
      tally.unreadable(file.name, `was not sent without its photo, ${photo.file.name}`)
      continue
    }
    const part = await readOne(file)
    if (!part) continue
    if (whole) parts.push({ role, file: part })
    // A picture or video is worth keeping without the one that it belongs to.
    else await put({ whole: part, parts: [] }, step)
  }
  if (whole) await put({ whole, parts }, step)
}

async function put(group: ReadGroup, { hashed, fresh }: ReadStep): Promise<void> {
  if (isFresh(group)) fresh.waiting++
  await hashed.put(group)
}

export const isFresh = ({ whole, parts }: ReadGroup): boolean =>
  !whole.remembered || parts.some(({ file }) => !file.remembered)

/** Files in it. */
export const sizeOf = ({ parts }: ReadGroup): number => 1 + parts.length

async function readFile(file: GalleryFile, memory: HashMemory, signal: AbortSignal): Promise<ReadFile> {
  const facts = await (file.within === undefined ? stat : lstat)(file.path)
  if (facts.isSymbolicLink()) throw elsewhere()
  if (!facts.isFile()) throw new AppError('conflict', 'is no file any more')
  const seen = { sizeBytes: facts.size, modifiedMs: facts.mtimeMs, inode: facts.ino }
  const sha256 = memory.recall(file.path, seen)
  if (sha256 !== undefined) return { ...file, ...seen, sha256, remembered: true }
  return { ...(await readAgain(file, memory, signal)), remembered: false }
}

/** Reads it whatever is remembered, and remembers what it holds now. Rejects as `hashFile`. */
export async function readAgain(file: GalleryFile, memory: HashMemory, signal: AbortSignal): Promise<ReadFile> {
  const readAtMs = Date.now()
  const content = await hashFile(file.path, signal, file.within)
  const { sizeBytes, modifiedMs, inode = 0, sha256 } = content
  memory.keep(file.path, { sizeBytes, modifiedMs, inode }, sha256, readAtMs)
  return { ...file, ...content, remembered: false }
}
