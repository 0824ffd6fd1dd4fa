/** How many S3 calls an upload costs, exactly: counted between the server and the gateway, every way of sending a photo. */

import { systemClock } from '../../../src/core/clock.js'
import { isId } from '../../../src/core/ids.js'
import { openDatabase } from '../../../src/db/database.js'
import { openBucket } from '../../../src/storage/open-bucket.js'
import { makeReap } from '../../../workers/reap/reap.js'
import type { S3Bucket } from '../../support/provided.js'
import { type Client, makeClient, makePhotos } from './client.js'
import { type CountingProxy, startCountingProxy } from './counting-proxy.js'
import type { StartSide } from './sides.js'

/** By operation, of one upload. */
export type Calls = Readonly<Record<string, number>>

export interface UploadCalls {
  creationWithUpload: Calls
  postPatch: Calls
  /** The removal of what chunks left behind is in it, also where a worker does it later. */
  inChunks: Calls
}

export interface CountOptions {
  bucket: S3Bucket
  photoBytes: number
  chunkBytes: number
  /** Uploads in each way of sending; what one costs is the mean. */
  uploads: number
  signal: AbortSignal
}

/** Done, through `bucket`, once the upload at this address is: what the side leaves to another process. */
export type CleanUp = (bucket: S3Bucket, uploadUrl: string) => Promise<void>

export async function countCalls(start: StartSide, cleanUp: CleanUp, options: CountOptions): Promise<UploadCalls> {
  const { photoBytes, chunkBytes } = options
  const photo = makePhotos(photoBytes)
  const proxy = await startCountingProxy(options.bucket.endpoint)
  try {
    const bucket = { ...options.bucket, endpoint: proxy.url }
    const side = await start(bucket)
    const client = makeClient(side.target, { connections: 1 })
    try {
      const count = (send: (client: Client) => Promise<unknown>) => perUpload(proxy, options, () => send(client))
      return {
        creationWithUpload: await count(({ creationWithUpload }) => creationWithUpload(photo())),
        postPatch: await count(({ postPatch }) => postPatch(photo())),
        inChunks: await count(async ({ inChunks }) => cleanUp(bucket, await inChunks(photo(), chunkBytes))),
      }
    } finally {
      client.close()
      await side.stop()
    }
  } finally {
    await proxy.close()
  }
}

async function perUpload(
  proxy: CountingProxy,
  { uploads, signal }: CountOptions,
  send: () => Promise<unknown>,
): Promise<Calls> {
  proxy.take()
  for (let upload = 0; upload < uploads; upload++) {
    signal.throwIfAborted()
    await send()
  }
  return Object.fromEntries([...proxy.take()].map(([operation, count]) => [operation, count / uploads]))
}

export function total(calls: Calls): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0)
}

/** Our worker's job after an upload that was sent in chunks, done here and now. */
export function reapNow(databaseUrl: string, signal: AbortSignal): CleanUp {
  return async (s3, uploadUrl) => {
    const upload = new URL(uploadUrl).pathname.split('/').at(-1) ?? ''
    if (!isId(upload)) throw new Error(`${uploadUrl} names no upload`)
    const db = openDatabase({ url: databaseUrl, connectionsMax: 1, onIdleError: () => {} })
    const bucket = openBucket({ kind: 's3', ...s3 })
    try {
      await makeReap(db, bucket, systemClock)({ upload }, signal)
    } finally {
      await bucket.close()
      await db.close()
    }
  }
}
