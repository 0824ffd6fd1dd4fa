/** Two processes of one region that speak tus, two people, and requests in few words. Call it at the top of a test file. */
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect } from 'vitest'
import { originalKey, type Placement } from '../../src/core/keys.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { memoryBucket } from '../../src/storage/memory-bucket.js'
import { type MovableClock, movableClock, openUploadRegion, type UploadRegion } from './region.js'
import {
  type Answer,
  ask,
  type Headers,
  metadataOf,
  offsetBody,
  startTus,
  type TusServer,
  uploads,
} from './tus-server.js'

export interface TusScene {
  clock: MovableClock
  bucket: Bucket
  region: UploadRegion
  people: [Placement, Placement]
  tus: TusServer
  /** Another process of the same region, which soon ends requests that stall. */
  other: TusServer
}

export const stallMs = 400

/** Its parts are there once the tests run. */
export function useTus(): TusScene {
  const clock = movableClock()
  const scene = { clock, bucket: memoryBucket({ clock }) } as TusScene
  beforeAll(async () => {
    const region = await openUploadRegion()
    const people: TusScene['people'] = [await region.addPerson(), await region.addPerson()]
    const parts = { db: region.db, bucket: scene.bucket, clock, people }
    const tus = await startTus({ ...parts, signals: await region.openSignals() })
    const other = await startTus({ ...parts, signals: await region.openSignals(), stallMs })
    Object.assign(scene, { region, people, tus, other })
  })
  afterAll(async () => {
    await scene.tus.close()
    await scene.other.close()
    await scene.region.close()
  })
  return scene
}

export function requestsTo(scene: TusScene) {
  const post = (headers: Headers, body?: Buffer | string) =>
    ask(scene.tus.port, 'POST', uploads, { headers, ...(body !== undefined && { body }) })
  return {
    post,
    patch: (path: string, offset: number | string, body: Buffer | string) =>
      ask(scene.tus.port, 'PATCH', path, { headers: { 'Upload-Offset': offset, ...offsetBody }, body }),
    head: (path: string, port = scene.tus.port) => ask(port, 'HEAD', path),
    /** The path of a new upload without bytes. */
    create: async (
      sizeBytes: number,
      metadata: Record<string, string> = {},
      headers: Headers = {},
    ): Promise<string> => {
      const header = Object.keys(metadata).length > 0 ? { 'Upload-Metadata': metadataOf(metadata) } : {}
      const answer = await post({ 'Upload-Length': sizeBytes, ...header, ...headers })
      expect(answer.status).toBe(201)
      return answer.headers.location as string
    },
    stored: async (photo: unknown, person = scene.people[0]): Promise<Buffer> =>
      buffer((await scene.bucket.get(originalKey(person, photo as string))).body),
  }
}

export const told = ({ status, headers }: Answer) => [status, Number(headers['upload-offset'])]
export const receiptOf = ({ headers }: Answer) => [headers['photosync-photo'], headers['photosync-duplicate']]
