/** Two processes of one region that speak both dialects, and two people. Call it at the top of a test file. */
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll } from 'vitest'
import { originalKey, type Placement } from '../../../src/core/keys.js'
import { limits } from '../../../src/core/limits.js'
import type { Bucket } from '../../../src/storage/bucket.js'
import { memoryBucket } from '../../../src/storage/memory-bucket.js'
import { waitUntil } from '../../support/wait-until.js'
import { movableClock, openUploadRegion, type UploadRegion } from '../../upload/region.js'
import type { Target } from './client.js'
import { type IetfServer, startIetf, uploads } from './server.js'

export interface IetfScene {
  /** Every request of a table goes to either process in turn. */
  target: Target
  bucket: Bucket
  people: [Placement, Placement]
  servers: [IetfServer, IetfServer]
  /** The original of a photo. */
  stored(photo: unknown): Promise<Buffer>
  /** Resolves once a request writes to the upload at this path. */
  untilHeld(path: string): Promise<void>
}

/** Its parts are there once the tests run. */
export function useIetf({ decorate = (bucket: Bucket) => bucket } = {}): IetfScene {
  const clock = movableClock()
  const bucket = memoryBucket({ clock })
  const scene = { bucket } as IetfScene
  let region: UploadRegion
  beforeAll(async () => {
    region = await openUploadRegion()
    const people: IetfScene['people'] = [await region.addPerson(), await region.addPerson()]
    const parts = { db: region.db, bucket: decorate(bucket), clock, people }
    const start = async () => startIetf({ ...parts, signals: await region.openSignals() })
    const servers: IetfScene['servers'] = [await start(), await start()]
    const target: Target = {
      origins: servers.map(({ port }) => `http://127.0.0.1:${port}`),
      path: uploads,
      expireAll: () => clock.advance(limits.uploadLifetimeMs + 1),
    }
    const stored = async (photo: unknown) => buffer((await bucket.get(originalKey(people[0], photo as string))).body)
    const isHeld = async (path: string) => {
      const id = path.split(/[/?]/)[3]
      return (await region.db.query("select 1 from uploads where id = $1 and hold = 'held'", [id])).length > 0
    }
    const untilHeld = (path: string) =>
      waitUntil(() => isHeld(path), { what: 'a request that writes', deadlineMs: 20_000, intervalMs: 5 })
    Object.assign(scene, { target, people, servers, stored, untilHeld })
  })
  afterAll(async () => {
    await Promise.all(scene.servers.map(server => server.close()))
    await region.close()
  })
  return scene
}
