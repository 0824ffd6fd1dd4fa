/**
 * Goal: stock tus-js-client over a link that breaks at random bytes, 200 times and more: every upload ends, and every stored
 * original is byte-identical to its source.
 */
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCuttingProxy } from '../support/cutting-proxy.js'
import { type SeededRandom, seededRandom } from '../support/seed.js'
import { describeWith } from '../support/services.js'
import { type Person, type Service, type Stores, startService } from './service.js'

const cutsMin = 200
const uploadsAtOnce = 4

describe('on Postgres and a disk', () => interruptions('Postgres and a disk'))
describeWith(['redis', 's3'], 'on Redis and S3', () => interruptions('Redis and S3'))

function interruptions(stores: Stores): void {
  let service: Service
  let person: Person
  beforeAll(async () => {
    service = await startService(stores)
    person = await service.addPerson()
  })
  afterAll(() => service?.stop())

  test(`${cutsMin} breaks at random bytes`, { timeout: 180_000 }, async () => {
    const random = seededRandom()
    const proxy = await startCuttingProxy({
      targetPort: Number(new URL(service.server).port),
      // Some break in the head, most in a photo, some only after several: connections are used again.
      bytesUntilCut: () => random.between(1, [2_000, 800_000, 3_000_000, 12_000_000][random.between(0, 3)] ?? 1),
    })
    const stored = new Map<string, string>()
    try {
      const one = async () => {
        while (proxy.cuts() < cutsMin) {
          // Mostly photos in one request, some in small chunks, some large enough for several parts.
          const kind = random.next()
          const source = random.bytes(kind < 0.1 ? random.between(9_000_000, 20_000_000) : random.between(1, 3_000_000))
          const { photo, duplicate } = await send(proxy.url, source, random, kind > 0.75 ? 512 * 1024 : undefined)
          expect(duplicate).toBe('?0')
          stored.set(photo, sha256(source))
        }
      }
      await Promise.all(Array.from({ length: uploadsAtOnce }, one))
    } finally {
      await proxy.close()
    }
    expect(proxy.cuts()).toBeGreaterThanOrEqual(cutsMin)
    const rows = await service.db.query<{ id: string }>('select id from photos')
    expect(rows.map(({ id }) => id).sort()).toEqual([...stored.keys()].sort())
    for (const [photo, hash] of stored) {
      expect(sha256(await buffer((await service.bucket.get(`u/${person.id}/1/o/${photo}`)).body))).toBe(hash)
    }
  })

  function send(server: string, source: Buffer, random: SeededRandom, chunkSize?: number) {
    return new Promise<{ photo: string; duplicate: string }>((resolve, reject) => {
      const upload = new Upload(source, {
        endpoint: `${server}/v1/uploads`,
        headers: { Authorization: `Bearer ${person.token}` },
        metadata: { filename: 'photo.jpg', filetype: 'image/jpeg' },
        // Until the answer to its creation, tus has no address to resume at: a large body would have to start from zero.
        uploadDataDuringCreation: (chunkSize !== undefined || source.length < 1_000_000) && random.next() < 0.5,
        retryDelays: Array.from({ length: 60 }, () => random.between(0, 30)),
        ...(chunkSize && { chunkSize }),
        onError: reject,
        onSuccess: ({ lastResponse }) => {
          const photo = lastResponse.getHeader('Photosync-Photo')
          const duplicate = lastResponse.getHeader('Photosync-Duplicate')
          if (photo && duplicate) resolve({ photo, duplicate })
          else reject(new Error('an upload ended without its receipt'))
        },
      })
      upload.start()
    })
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
