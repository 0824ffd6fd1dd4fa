/**
 * A bucket on a disk: right for one machine, a NAS, and the embedded default. An object is a file under `DIR/objects` of just
 * its key; everything unfinished is under `DIR/private`, on the same file system, and never listed. Any number of processes may
 * share the folder.
 *
 * Durable means: the file is flushed before it gets its name, and the folders above it before the call resolves. Needs a file
 * system with hard links that tells names apart by upper and lower case. One limit that S3 doesn't have: a key cannot also be a
 * folder of another key (`a` and `a/b`): `invalid`.
 */
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { type Clock, systemClock } from '../core/clock.js'
import { AppError, isAppError } from '../core/errors.js'
import { type NewId, newId as randomId } from '../core/ids.js'
import { checkedChunks, endOnAbort } from './body.js'
import type { Bucket, ByteRange, CallOptions, GetResult } from './bucket.js'
import { alreadyThere, checkKey, checkPrefix, checkRange, noObject, withinObject } from './checks.js'
import { diskError, isAbsent } from './disk-errors.js'
import { type DiskFiles, diskFiles } from './disk-files.js'
import { factsOf, listFiles } from './disk-list.js'
import { diskMultiparts } from './disk-multipart.js'
import { proveBucket } from './probe.js'

export interface DiskBucketOptions {
  /** Made when it's missing. */
  dir: string
  newId?: NewId
  clock?: Clock
}

const readSizeBytes = 256 * 1024

export function diskBucket({ dir, newId = randomId, clock = systemClock }: DiskBucketOptions): Bucket {
  const root = resolve(dir)
  const files = diskFiles(root, newId, clock)
  const multiparts = diskMultiparts(files, newId, clock)

  /** Every call goes through here: prepared first, its system errors translated. */
  async function call<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    try {
      signal?.throwIfAborted()
      await files.prepare()
      return await action()
    } catch (error) {
      throw diskError(error)
    }
  }

  async function* listing<T>(action: () => AsyncIterable<T>): AsyncGenerator<T, void> {
    try {
      await files.prepare()
      yield* action()
    } catch (error) {
      throw diskError(error)
    }
  }

  const bucket: Bucket = {
    ...objectCalls(files, call, listing),
    mayLeaveOutParts: multiparts.mayLeaveOutParts,
    createMultipart: (key, options = {}) => call(options.signal, () => multiparts.createMultipart(key, options)),
    uploadPart: (key, id, number, body, options = {}) =>
      call(options.signal, () => multiparts.uploadPart(key, id, number, body, options)),
    completeMultipart: (key, id, parts, options = {}) =>
      call(options.signal, () => multiparts.completeMultipart(key, id, parts, options)),
    abortMultipart: (key, id, options = {}) => call(options.signal, () => multiparts.abortMultipart(key, id, options)),
    listMultiparts: (prefix, options) => listing(() => multiparts.listMultiparts(prefix, options)),

    async signedUrl() {
      return undefined
    },

    async check(options) {
      try {
        await call(options?.signal, () => stat(files.objects))
        await proveBucket(bucket, newId, options)
      } catch (error) {
        if (!isAppError(error)) throw error
        throw new AppError(error.kind, `The bucket's folder ${root} can't be used: ${error.message}`, { cause: error })
      }
    },

    // Nothing is held between calls: bodies being read belong to their readers.
    async close() {},
  }
  return bucket
}

type Call = <T>(signal: AbortSignal | undefined, action: () => Promise<T>) => Promise<T>
type Listing = <T>(action: () => AsyncIterable<T>) => AsyncGenerator<T, void>

function objectCalls(
  files: DiskFiles,
  call: Call,
  listing: Listing,
): Pick<Bucket, 'put' | 'get' | 'head' | 'delete' | 'list'> {
  const pathOf = (key: string) => join(files.objects, key)
  /** An unmounted disk must not look like a bucket without objects. */
  const mustBeMounted = () => stat(files.objects)

  return {
    put: (key, body, { sha256, ifAbsent = false, signal } = {}) =>
      call(signal, async () => {
        checkKey(key)
        // Spares writing the bytes; publish decides. Flushed, because whoever is told of a conflict relies on what is there.
        if (ifAbsent && (await factsOf(files.objects, key))) {
          await files.syncFolder(dirname(pathOf(key)))
          throw alreadyThere()
        }
        const temp = await files.writeTemp(checkedChunks(body, { sha256, signal }))
        await files.publish(temp, pathOf(key), ifAbsent)
      }),

    get: (key, options = {}) =>
      call(options.signal, async () => {
        checkKey(key)
        if (options.range) checkRange(options.range)
        try {
          return await readFrom(await open(pathOf(key), 'r'), options)
        } catch (error) {
          if (!isAbsent(error)) throw error
          await mustBeMounted()
          throw noObject(error)
        }
      }),

    head: (key, { signal } = {}) =>
      call(signal, async () => {
        checkKey(key)
        const facts = await factsOf(files.objects, key)
        if (!facts) await mustBeMounted()
        return facts
      }),

    delete: (keys, { signal } = {}) =>
      call(signal, async () => {
        for (const key of keys) checkKey(key)
        await mustBeMounted()
        await files.remove(keys.map(pathOf), signal)
      }),

    list: (prefix, { signal } = {}) =>
      listing(async function* () {
        checkPrefix(prefix)
        await mustBeMounted()
        yield* listFiles(files.objects, prefix, signal)
      }),
  }
}

/** Takes over the file: it is closed with the body, or now. */
async function readFrom(file: FileHandle, { range, signal }: CallOptions & { range?: ByteRange }): Promise<GetResult> {
  try {
    const facts = await file.stat()
    if (!facts.isFile()) throw noObject()
    const sizeBytes = facts.size
    if (sizeBytes === 0 && !range) {
      await file.close()
      return { sizeBytes, body: Readable.from([]) }
    }
    const { start, end } = range ? withinObject(range, sizeBytes) : { start: 0, end: sizeBytes - 1 }
    return { sizeBytes, body: endOnAbort(file.createReadStream({ start, end, highWaterMark: readSizeBytes }), signal) }
  } catch (error) {
    await file.close()
    throw error
  }
}
