/**
 * Goal: stock tus-js-client in Node, in each of its modes but the plainest (see interruptions.test.ts), over two processes and a link
 * that breaks at random bytes: every upload ends, is stored byte for byte, and is one photo.
 */
import http from 'node:http'
import { Readable } from 'node:stream'
import { DefaultHttpStack, type PreviousUpload, Upload, type UploadOptions } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SeededRandom, seededRandom } from '../support/seed.js'
import { describeWith } from '../support/services.js'
import { startLink } from './clients-link.js'
import { type ClientsScene, type Receipt, startClientsScene } from './clients-scene.js'
import type { Stores } from './service.js'

describe('on Postgres and a disk', () => clients('Postgres and a disk'))
describeWith(['redis', 's3'], 'on Redis and S3', () => clients('Redis and S3'))

/** Its types don't know its `protocol` yet. */
type Options = Partial<UploadOptions> & { protocol?: 'ietf-draft-03' | 'ietf-draft-05' }

const chunkSize = 256 * 1024
const draft03 = { protocol: 'ietf-draft-03' } as const
const draft05 = { protocol: 'ietf-draft-05' } as const
/** A stream, of which nobody knows the length. */
const deferred = { uploadLengthDeferred: true, chunkSize }

const modes: [string, Options][] = [
  ['in chunks', { chunkSize }],
  ['in chunks, the first with the creation', { chunkSize, uploadDataDuringCreation: true }],
  ['without PATCH', { chunkSize, overridePatchMethod: true }],
  ['in parallel', { parallelUploads: 3 }],
  ['in parallel, in chunks', { parallelUploads: 3, chunkSize }],
  ['of a length that comes last', deferred],
  ['ietf-draft-03', draft03],
  ['ietf-draft-03, in chunks', { ...draft03, chunkSize, uploadDataDuringCreation: true }],
  ['ietf-draft-03, of a length that comes last', { ...draft03, ...deferred }],
  ['ietf-draft-05', draft05],
  ['ietf-draft-05, in chunks', { ...draft05, chunkSize, uploadDataDuringCreation: true }],
  ['ietf-draft-05, of a length that comes last', { ...draft05, ...deferred }],
]
/** In each mode. */
const cutsMin = 10

function clients(stores: Stores): void {
  let scene: ClientsScene
  beforeAll(async () => {
    scene = await startClientsScene(stores)
  })
  afterAll(() => scene?.close())

  test.each(modes)(`%s, with ${cutsMin} breaks`, async (_title, options) => {
    const random = seededRandom()
    const link = await startLink({
      servers: scene.servers,
      random,
      // The first is for sure in the first file. Some break in the head.
      bytesUntilCut: () => random.between(1, [2_000, 300_000, 1_200_000][random.between(0, 2)] ?? 1),
    })
    const one = async () => {
      while (link.cuts() < cutsMin) {
        // Never a multiple of the chunk: of a stream this client waits for ever for one after the last.
        const content = random.bytes(random.between(500_000, 1_000_000) * 2 + 1)
        await scene.expectStored(content, await send(link.url, content, random, options))
      }
    }
    try {
      await Promise.all([one(), one()])
      expect(link.cuts()).toBeGreaterThanOrEqual(cutsMin)
    } finally {
      await link.close()
    }
  })

  test.each<[string, Options]>([
    ['in chunks', { chunkSize }],
    ['in parallel', { parallelUploads: 3, chunkSize }],
    ['ietf-draft-05', { ...draft05, chunkSize }],
  ])('%s: given up, and taken up again from the stored address', async (_title, options) => {
    const random = seededRandom()
    const link = await startLink({ servers: scene.servers, random })
    const content = random.bytes(2_000_000)
    const urlStorage = memoryOfUrls()
    try {
      await giveUp(link.url, content, options, urlStorage)
      const [previous] = await urlStorage.findAllUploads()
      expect(previous).toBeDefined()
      const sizes: number[] = []
      const onChunkComplete = (sizeBytes: number) => void sizes.push(sizeBytes)
      const receipt = await send(link.url, content, random, { ...options, urlStorage, onChunkComplete }, previous)
      await scene.expectStored(content, receipt)
      expect(sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0)).toBeLessThan(content.length)
      // As after a last answer that was lost.
      expect(await send(link.url, content, random, { ...options, urlStorage }, previous)).toEqual(receipt)
    } finally {
      await link.close()
    }
  })

  test('nothing else is stored', () => scene.expectNothingElse())

  const common = (server: string): Options => ({
    endpoint: `${server}/v1/uploads`,
    headers: scene.headers,
    metadata: { filename: 'Strand & Meer.jpg', filetype: 'image/jpeg' },
    fingerprint: async () => 'this file',
  })

  function send(
    server: string,
    content: Buffer,
    random: SeededRandom,
    options: Options,
    previous?: PreviousUpload,
  ): Promise<Receipt> {
    const agent = new http.Agent({ keepAlive: random.next() < 0.5 })
    return new Promise<Receipt>((resolve, reject) => {
      const upload = new Upload(sourceOf(content, options), {
        ...common(server),
        httpStack: new DefaultHttpStack({ agent }),
        retryDelays: Array.from({ length: 60 }, () => random.between(0, 30)),
        ...options,
        // It doesn't try again by itself to put together what it sent in parallel: whoever uses it starts it again.
        onError: error => {
          if (options.parallelUploads !== undefined && !('originalRequest' in error)) upload.start()
          else reject(error)
        },
        onSuccess: ({ lastResponse }) =>
          resolve([lastResponse.getHeader('Photosync-Photo'), lastResponse.getHeader('Photosync-Duplicate')]),
      } as UploadOptions)
      if (previous) upload.resumeFromPreviousUpload(previous)
      upload.start()
    }).finally(() => agent.destroy())
  }

  /** Once a part of it is there; in parallel, addresses are stored once all are known. */
  function giveUp(server: string, content: Buffer, options: Options, urlStorage: UrlMemory): Promise<void> {
    return new Promise((resolve, reject) => {
      const upload = new Upload(content, {
        ...common(server),
        retryDelays: null,
        ...options,
        urlStorage,
        onChunkComplete: () => {
          if (urlStorage.isEmpty()) return
          upload.abort().then(resolve, reject)
        },
        onError: reject,
      } as UploadOptions)
      upload.start()
    })
  }
}

const sourceOf = (content: Buffer, { uploadLengthDeferred }: Options) =>
  (uploadLengthDeferred ? Readable.from(pieces(content), { objectMode: false }) : content) as Buffer

/** As a camera would hand them over, and no multiple of a chunk. */
function* pieces(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += 100_001) yield content.subarray(at, at + 100_001)
}

type UrlMemory = ReturnType<typeof memoryOfUrls>

function memoryOfUrls() {
  const all = new Map<string, PreviousUpload>()
  const findAllUploads = async () => [...all.values()]
  return {
    isEmpty: () => all.size === 0,
    findAllUploads,
    findUploadsByFingerprint: findAllUploads,
    removeUpload: async (key: string) => void all.delete(key),
    addUpload: async (fingerprint: string, upload: PreviousUpload) => {
      all.set(fingerprint, { ...upload, urlStorageKey: fingerprint })
      return fingerprint
    },
  }
}
