/** What the parts of the bucket suite share: bytes to store, ways to read, and how a part of the suite is run. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { ErrorKind } from '../../../src/core/errors.js'
import { collect } from '../../../src/storage/body.js'
import type { Bucket, CallOptions, GetResult, Replayable } from '../../../src/storage/bucket.js'

export const MiB = 1024 * 1024

/** What a part of the suite is given: `it` runs a test with a key prefix of its own. */
export type It = (title: string, body: (bucket: Bucket, prefix: string) => Promise<void>) => void

/** The same bytes for the same seed, unlike their neighbours at every distance. */
export function patterned(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  let state = (seed * 2_654_435_761) >>> 0 || 1
  for (let at = 0; at < sizeBytes; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state
  }
  return bytes
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Bytes that come in chunks and in their own time, as from a network. */
export function trickled(bytes: Buffer, chunkSizeBytes = 300_000): Replayable {
  return {
    sizeBytes: bytes.byteLength,
    async *open() {
      for (let at = 0; at < bytes.byteLength; at += chunkSizeBytes) {
        await new Promise(resolve => setImmediate(resolve))
        yield bytes.subarray(at, at + chunkSizeBytes)
      }
    },
  }
}

/** Bytes that stop coming after the first few, and never end. */
export function hanging(sizeBytes: number): Replayable {
  return {
    sizeBytes,
    async *open() {
      yield Buffer.alloc(10)
      await new Promise(() => undefined)
    },
  }
}

export async function readBody({ body }: Pick<GetResult, 'body'>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function readAll(bucket: Bucket, key: string): Promise<Buffer> {
  const { body, sizeBytes } = await bucket.get(key)
  return await collect({ sizeBytes, open: () => body })
}

export async function keysOf(bucket: Bucket, prefix: string, options?: CallOptions): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of bucket.list(prefix, options)) keys.push(key)
  return keys
}

export async function all<T>(entries: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const entry of entries) found.push(entry)
  return found
}

export async function expectKind(promise: Promise<unknown>, kind: ErrorKind): Promise<void> {
  await expect(promise).rejects.toMatchObject({ name: 'AppError', kind })
}

/** Without a difference of megabytes in the failure's message. */
export function expectSameBytes(actual: Buffer, expected: Buffer): void {
  expect(actual.byteLength).toBe(expected.byteLength)
  expect(actual.equals(expected), 'the bytes are the same').toBe(true)
}
