/** How many S3 calls an upload costs, exactly: counted between the server and the gateway, every way of sending a photo. */
import type { S3Bucket } from '../../support/provided.js'
import { type Client, makeClient, makePhotos, type Way } from './client.js'
import { type CountingProxy, startCountingProxy } from './counting-proxy.js'
import type { OpenReaper } from './reaper.js'
import type { StartSide } from './sides.js'

/** By operation, of one upload. */
export type Calls = Readonly<Record<string, number>>

/** The removal of what chunks left behind is in `inChunks`, also where a worker does it later. */
export type UploadCalls = Readonly<Record<Way, Calls>>

export interface CountOptions {
  bucket: S3Bucket
  photoBytes: number
  chunkBytes: number
  /** Uploads in each way of sending; what one costs is the mean. */
  uploads: number
  signal: AbortSignal
}

/** `openReaper`: does what the side leaves to another process, once an upload is done. */
export async function countCalls(
  start: StartSide,
  openReaper: OpenReaper | undefined,
  options: CountOptions,
): Promise<UploadCalls> {
  const { photoBytes, chunkBytes, signal } = options
  const photo = makePhotos(photoBytes)
  const proxy = await startCountingProxy(options.bucket.endpoint)
  try {
    const bucket = { ...options.bucket, endpoint: proxy.url }
    const side = await start(bucket)
    const client = makeClient(side.target, { connections: 1, signal })
    const reaper = openReaper?.(bucket)
    try {
      const count = (send: (client: Client) => Promise<unknown>) => perUpload(proxy, options, () => send(client))
      return {
        creationWithUpload: await count(({ creationWithUpload }) => creationWithUpload(photo())),
        postPatch: await count(({ postPatch }) => postPatch(photo())),
        inChunks: await count(async ({ inChunks }) => {
          const uploadUrl = await inChunks(photo(), chunkBytes)
          await reaper?.reap(uploadUrl)
        }),
      }
    } finally {
      client.close()
      await Promise.all([reaper?.close(), side.stop()])
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
