/**
 * A bucket in memory, whole in its behaviour and gone with the process: for tests and for what may be lost. Durable as far as
 * memory is.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { type Clock, systemClock } from '../core/clock.js'
import { newId } from '../core/ids.js'
import { collect, endOnAbort } from './body.js'
import type { Bucket, ObjectFacts } from './bucket.js'
import {
  alreadyThere,
  checkKey,
  checkPartNumber,
  checkPrefix,
  checkRange,
  compareKeys,
  noMultipart,
  noObject,
  partsInOrder,
  withinObject,
  wrongPart,
} from './checks.js'
import { proveBucket } from './probe.js'

interface StoredObject {
  bytes: Buffer
  modifiedAt: Date
}

interface Multipart {
  key: string
  startedAt: Date
  parts: Map<number, { bytes: Buffer; etag: string }>
}

const chunkSizeBytes = 64 * 1024

type Objects = Map<string, StoredObject>

export interface MemoryBucketOptions {
  clock?: Clock
  /** See Bucket.mayLeaveOutParts. */
  mayLeaveOutParts?: boolean
}

export function memoryBucket({ clock = systemClock, mayLeaveOutParts = true }: MemoryBucketOptions = {}): Bucket {
  const objects: Objects = new Map()
  const bucket: Bucket = {
    ...objectCalls(objects, clock),
    ...multipartCalls(objects, clock, mayLeaveOutParts),

    async signedUrl() {
      return undefined
    },

    check: options => proveBucket(bucket, newId, options),

    // Memory is freed when nobody holds the bucket; until then it can be read again.
    async close() {},
  }
  return bucket
}

function objectCalls(objects: Objects, clock: Clock): Pick<Bucket, 'put' | 'get' | 'head' | 'delete' | 'list'> {
  return {
    async put(key, body, { sha256, ifAbsent, signal } = {}) {
      checkKey(key)
      signal?.throwIfAborted()
      // Copied, because the sender may use its memory again.
      const bytes = Buffer.from(await collect(body, { sha256, signal }))
      if (ifAbsent && objects.has(key)) throw alreadyThere()
      objects.set(key, { bytes, modifiedAt: clock.now() })
    },

    async get(key, { range, signal } = {}) {
      checkKey(key)
      if (range) checkRange(range)
      signal?.throwIfAborted()
      const object = objects.get(key)
      if (!object) throw noObject()
      const sizeBytes = object.bytes.byteLength
      const { start, end } = range ? withinObject(range, sizeBytes) : { start: 0, end: sizeBytes - 1 }
      const body = Readable.from(slices(object.bytes.subarray(start, end + 1)), { objectMode: false })
      return { sizeBytes, body: endOnAbort(body, signal) }
    },

    async head(key, { signal } = {}) {
      checkKey(key)
      signal?.throwIfAborted()
      return factsOf(key, objects.get(key))
    },

    async delete(keys, { signal } = {}) {
      for (const key of keys) checkKey(key)
      signal?.throwIfAborted()
      for (const key of keys) objects.delete(key)
    },

    async *list(prefix, { signal } = {}) {
      checkPrefix(prefix)
      const keys = [...objects.keys()].filter(key => key.startsWith(prefix)).sort(compareKeys)
      for (const key of keys) {
        signal?.throwIfAborted()
        const facts = factsOf(key, objects.get(key))
        if (facts) yield facts
      }
    },
  }
}

function multipartCalls(
  objects: Objects,
  clock: Clock,
  mayLeaveOutParts: boolean,
): Pick<
  Bucket,
  'createMultipart' | 'uploadPart' | 'mayLeaveOutParts' | 'completeMultipart' | 'abortMultipart' | 'listMultiparts'
> {
  const multiparts = new Map<string, Multipart>()

  function existing(key: string, id: string): Multipart {
    const multipart = multiparts.get(id)
    if (multipart?.key !== key) throw noMultipart()
    return multipart
  }

  return {
    async createMultipart(key, { signal } = {}) {
      checkKey(key)
      signal?.throwIfAborted()
      const id = newId()
      multiparts.set(id, { key, startedAt: clock.now(), parts: new Map() })
      return id
    },

    async uploadPart(key, id, number, body, { signal } = {}) {
      checkPartNumber(number)
      signal?.throwIfAborted()
      existing(key, id)
      const bytes = Buffer.from(await collect(body, { signal }))
      const etag = createHash('sha256').update(bytes).digest('hex')
      existing(key, id).parts.set(number, { bytes, etag })
      return { number, etag, sizeBytes: bytes.byteLength }
    },

    mayLeaveOutParts: () => mayLeaveOutParts,

    async completeMultipart(key, id, parts, { signal } = {}) {
      const ordered = partsInOrder(parts)
      signal?.throwIfAborted()
      const multipart = existing(key, id)
      const pieces = ordered.map(part => {
        const stored = multipart.parts.get(part.number)
        if (stored?.etag !== part.etag || stored.bytes.byteLength !== part.sizeBytes) throw wrongPart(part.number)
        return stored.bytes
      })
      const unnamed = [...multipart.parts.keys()].find(number => parts.every(part => part.number !== number))
      if (!mayLeaveOutParts && unnamed !== undefined) throw wrongPart(unnamed)
      objects.set(key, { bytes: Buffer.concat(pieces), modifiedAt: clock.now() })
      multiparts.delete(id)
    },

    async abortMultipart(key, id, { signal } = {}) {
      signal?.throwIfAborted()
      if (multiparts.get(id)?.key === key) multiparts.delete(id)
    },

    async *listMultiparts(prefix, { signal } = {}) {
      checkPrefix(prefix)
      for (const [multipart, { key, startedAt }] of [...multiparts]) {
        signal?.throwIfAborted()
        if (key.startsWith(prefix)) yield { key, multipart, startedAt }
      }
    },
  }
}

function factsOf(key: string, object: StoredObject | undefined): ObjectFacts | undefined {
  return object && { key, sizeBytes: object.bytes.byteLength, modifiedAt: object.modifiedAt }
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.byteLength; at += chunkSizeBytes) yield bytes.subarray(at, at + chunkSizeBytes)
}
