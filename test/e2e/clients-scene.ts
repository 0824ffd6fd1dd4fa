/** A running region with two API processes and one person who sends, and what became of what was sent. */
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { expect } from 'vitest'
import { originalKey } from '../../src/core/keys.js'
import { type Person, type Service, type Stores, startService } from './service.js'

export interface ClientsScene {
  service: Service
  /** Addresses of the two processes. */
  servers: [string, string]
  person: Person
  /** Of every request. */
  headers: { Authorization: string }
  /** The content is in the bucket, byte for byte, under the photo of this receipt, and is one photo. */
  expectStored(content: Buffer, receipt: Receipt): Promise<void>
  /** Nothing is stored but what `expectStored` has seen. */
  expectNothingElse(): Promise<void>
  close(): Promise<void>
}

/** `Photosync-Photo` and `Photosync-Duplicate` as a client read them. */
export type Receipt = readonly [photo: unknown, duplicate: unknown]

export async function startClientsScene(
  stores: Stores,
  env: Readonly<Record<string, string>> = {},
): Promise<ClientsScene> {
  const service = await startService(stores, env)
  const [person, other] = await Promise.all([service.addPerson(), service.addApi()])
  const seen = new Set<string>()
  return {
    service,
    servers: [service.server, other],
    person,
    headers: { Authorization: `Bearer ${person.token}` },
    expectStored: async (content, [photo, duplicate]) => {
      expect([photo, duplicate]).toEqual([expect.stringMatching(/^[\w-]{10,}$/), expect.stringMatching(/^\?[01]$/)])
      const rows = await service.db.query<{ id: string }>('select id from photos where person = $1 and sha256 = $2', [
        person.id,
        createHash('sha256').update(content).digest(),
      ])
      expect(rows.map(({ id }) => id)).toEqual([photo])
      const key = originalKey({ person: person.id, epoch: 1 }, String(photo))
      const found = await buffer((await service.bucket.get(key)).body)
      expect(found.equals(content), `${found.length} bytes for ${content.length}`).toBe(true)
      seen.add(String(photo))
    },
    expectNothingElse: async () => {
      const rows = await service.db.query<{ id: string }>('select id from photos')
      expect(rows.map(({ id }) => id).toSorted()).toEqual([...seen].toSorted())
    },
    close: () => service.stop(),
  }
}
