/**
 * Remembers what files hold, so that an unchanged gallery is not read again. A file counts as unchanged while path, size, time
 * of change and inode are the same. One file per pushed folder below the state folder; it holds fingerprints and hashes, no
 * names. Each record stands by itself (fingerprint, SHA-256, checksum), is only ever appended, and is believed only when its
 * checksum fits: a crash in the middle of a write, garbage, or two pushes at once cost hashing files again, never a wrong hash.
 * What can't be kept (a full disk) is told once, and the push goes on without. Touches the state folder alone.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, realpath, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Root } from './gallery-files.js'
import { makePackedTable, type PackedTable } from './packed-table.js'

/** What a file is recognised by. */
export interface FileFacts {
  readonly sizeBytes: number
  readonly modifiedMs: number
  readonly inode: number
}

export interface HashMemory {
  /** The SHA-256 of the file, in hex, if it is remembered in just this state. */
  recall(path: string, facts: FileFacts): string | undefined
  /** `readAtMs`: the time before reading began. A file that changed just before is not remembered. */
  keep(path: string, facts: FileFacts, sha256: string, readAtMs: number): void
  /** Writes what is left. With `complete` (every file of the folders was asked for) it may drop what is stale. */
  close(complete: boolean): Promise<void>
}

export interface HashMemoryOptions {
  /** Nothing is remembered without one. */
  stateDir: string | undefined
  roots: readonly Root[]
  /** Called at most once, with a sentence. */
  onTrouble: (reason: string) => void
}

const fingerprintBytes = 16
const hashBytes = 32
const recordBytes = fingerprintBytes + hashBytes + 4
/** In a table's value: the hash, whether it was asked for, and which folder's it is. */
const usedAt = hashBytes
const rootAt = hashBytes + 1
/** File systems round times to as much as this, so that a later change within it may not show. */
const racyMs = 2_000
const rootsMax = 200
/** Five million files; a longer one is begun anew. */
const fileBytesMax = 256 * 1024 * 1024
const pendingRecordsMax = 64
const pendingAgeMs = 1_000
/** Dropping stale records pays when there are many of them. */
const staleMin = 1_024
/** So much that is no record is looked through for the next one; what comes after it is given up. */
const garbageBytesMax = 64 * 1024
/** More of it than torn records leave in years is worth writing the file anew. */
const garbageBytesMin = 4 * 1024

interface Shelf {
  /** The folder, with a separator at its end. */
  folder: string
  file: string
  /** Everything below it is asked for in a complete push; of single files only those that were named. */
  whole: boolean
  pending: Buffer[]
  handle: FileHandle | undefined
  /** Of it, when it was read. */
  garbageBytes: number
}

/** Never rejects: a state folder that can't be used is told through `onTrouble`. */
export async function openHashMemory({ stateDir, roots, onTrouble }: HashMemoryOptions): Promise<HashMemory> {
  if (stateDir === undefined) return nothingRemembered
  const table = makePackedTable(fingerprintBytes, hashBytes + 2)
  const shelves: Shelf[] = []
  const folder = join(stateDir, 'hashes')
  let troubled = false
  const trouble = (error: unknown) => {
    if (troubled) return
    troubled = true
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    onTrouble(`Which files were read already is not remembered: ${folder} cannot be used (${code})`)
  }
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    shelves.push(...(await shelvesOf(folder, roots)))
    for (const [index, shelf] of shelves.entries()) shelf.garbageBytes = await load(shelf.file, index, table)
  } catch (error) {
    trouble(error)
  }
  if (troubled) return nothingRemembered

  // One write after the other.
  let writing: Promise<void> = Promise.resolve()
  let flushedMs = performance.now()
  const flush = () => {
    flushedMs = performance.now()
    writing = writing.then(() => (troubled ? undefined : writePending(shelves).catch(trouble)))
    return writing
  }
  const shelfOf = (path: string) => shelves.findIndex(({ folder }) => path.startsWith(folder))

  return {
    recall(path, facts) {
      const value = table.get(fingerprintOf(path, facts))
      if (!value) return undefined
      value[usedAt] = 1
      return value.toString('hex', 0, hashBytes)
    },
    keep(path, facts, sha256, readAtMs) {
      const absolute = resolve(path)
      const index = shelfOf(absolute)
      if (index < 0 || troubled || Math.abs(readAtMs - facts.modifiedMs) < racyMs) return
      const key = fingerprintOf(path, facts)
      const hash = Buffer.from(sha256, 'hex')
      table.set(key, Buffer.concat([hash, Buffer.from([1, index])]))
      const shelf = shelves[index] as Shelf
      shelf.pending.push(recordOf(key, hash))
      if (shelf.pending.length >= pendingRecordsMax || performance.now() - flushedMs >= pendingAgeMs) void flush()
    },
    async close(complete) {
      await flush()
      for (const [index, shelf] of shelves.entries()) {
        await shelf.handle?.close().catch(() => undefined)
        if (complete && shelf.whole && !troubled) await dropStale(shelf, index, table).catch(trouble)
      }
    },
  }
}

const nothingRemembered: HashMemory = { recall: () => undefined, keep: () => {}, close: async () => {} }

/** The folders that were named, and those of files that were; inner ones before those around them. */
async function shelvesOf(stateFolder: string, roots: readonly Root[]): Promise<Shelf[]> {
  const folders = new Map<string, boolean>()
  for (const { path, isFolder } of roots) {
    const folder = resolve(isFolder ? path : dirname(path))
    folders.set(folder, isFolder || folders.get(folder) === true)
  }
  const shelves: Shelf[] = []
  for (const [folder, whole] of [...folders].sort(([a], [b]) => b.length - a.length).slice(0, rootsMax)) {
    const name = createHash('sha256')
      .update(await realpath(folder))
      .digest('hex')
      .slice(0, 32)
    const ended = folder.endsWith(sep) ? folder : folder + sep
    shelves.push({
      folder: ended,
      file: join(stateFolder, name),
      whole,
      pending: [],
      handle: undefined,
      garbageBytes: 0,
    })
  }
  return shelves
}

/** The version stands for the way it is made: another way makes other fingerprints, and old ones fit nothing. */
function fingerprintOf(path: string, { sizeBytes, modifiedMs, inode }: FileFacts): Buffer {
  const text = `1\0${resolve(path)}\0${sizeBytes}\0${modifiedMs}\0${inode}`
  return createHash('sha256').update(text).digest().subarray(0, fingerprintBytes)
}

function recordOf(key: Buffer, hash: Buffer): Buffer {
  const record = Buffer.alloc(recordBytes)
  key.copy(record)
  hash.copy(record, fingerprintBytes, 0, hashBytes)
  record.writeUInt32LE(crc32(record.subarray(0, recordBytes - 4)), recordBytes - 4)
  return record
}

/**
 * Where a record doesn't fit, the next may begin at any byte: a torn one moves all that come after it. Of a file with too much
 * of that the rest is cut off, so that what is appended from now on is found the next time. Returns the bytes that were no record.
 */
async function load(file: string, root: number, table: PackedTable): Promise<number> {
  const bytes = await readFile(file).catch(error => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
  if (bytes.length > fileBytesMax) {
    await rm(file, { force: true })
    return 0
  }
  const value = Buffer.alloc(hashBytes + 2)
  value[rootAt] = root
  let recordsEnd = 0
  let garbageBytes = 0
  for (let at = 0; at + recordBytes <= bytes.length; ) {
    const end = at + recordBytes - 4
    if (crc32(bytes.subarray(at, end)) !== bytes.readUInt32LE(end)) {
      at++
      if (++garbageBytes < garbageBytesMax) continue
      await truncate(file, recordsEnd)
      return garbageBytes
    }
    bytes.copy(value, 0, at + fingerprintBytes, end)
    table.set(bytes.subarray(at, at + fingerprintBytes), value)
    at += recordBytes
    recordsEnd = at
  }
  return garbageBytes
}

async function writePending(shelves: readonly Shelf[]): Promise<void> {
  for (const shelf of shelves) {
    const records = shelf.pending.splice(0)
    if (records.length === 0) continue
    // For appending: what another push writes meanwhile stays whole.
    shelf.handle ??= await open(shelf.file, 'a', 0o600)
    await shelf.handle.appendFile(Buffer.concat(records))
  }
}

/** Another push may be appending: what it has to say then goes to the old file and is hashed again some day. */
async function dropStale({ file, garbageBytes }: Shelf, root: number, table: PackedTable): Promise<void> {
  const used: Buffer[] = []
  let all = 0
  for (const { key, value } of table.entries()) {
    if (value[rootAt] !== root) continue
    all++
    if (value[usedAt] === 1) used.push(recordOf(key, value))
  }
  const { length } = used
  if (all - length < Math.max(staleMin, length) && garbageBytes < garbageBytesMin) return
  const fresh = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(fresh, Buffer.concat(used), { mode: 0o600, flag: 'wx' })
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
}
