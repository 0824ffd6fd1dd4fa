/** Goal: tus-js-client in its two modes of the draft works unchanged, with everything it can do, over a link that breaks. */
import http from 'node:http'
import { Readable } from 'node:stream'
import { DefaultHttpStack, Upload, type UploadOptions } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.js'
import { type SeededRandom, seededRandom } from '../../support/seed.js'
import { receiptOf } from './client.js'
import { useIetf } from './scene.js'
import { uploads } from './server.js'

const scene = useIetf()
/** For the link: how many bytes the next connection may bring. */
let bytesUntilCut = () => Number.POSITIVE_INFINITY
let links: CuttingProxy[]

beforeAll(async () => {
  links = await Promise.all(
    scene.servers.map(({ port }) => startCuttingProxy({ targetPort: port, bytesUntilCut: () => bytesUntilCut() })),
  )
})
afterAll(async () => {
  await Promise.all(links.map(link => link.close()))
})

/** Its types don't know its `protocol` yet. */
type Options = Partial<UploadOptions> & { protocol?: 'ietf-draft-03' | 'ietf-draft-05' }

/** Each request has a connection of its own, which may break. */
const httpStack = new DefaultHttpStack({ agent: new http.Agent({ keepAlive: false }) })
const retryDelays = Array.from({ length: 60 }, () => 5)

describe.each(['ietf-draft-03', 'ietf-draft-05'] as const)('%s', protocol => {
  const modes: [string, Options][] = [
    ['in one request', {}],
    ['in chunks', { chunkSize: 40_000 }],
    ['with its creation', { uploadDataDuringCreation: true }],
    ['in chunks, the first with its creation', { uploadDataDuringCreation: true, chunkSize: 40_000 }],
    ['without PATCH', { overridePatchMethod: true, chunkSize: 60_000 }],
  ]

  test.each(modes)('a file goes %s', async (_title, options) => {
    const body = seededRandom().bytes(200_000)
    const photo = await send(body, { protocol, ...options })
    expect((await scene.stored(photo)).equals(body)).toBe(true)
  })

  test.each(modes)('a file goes %s over a link that breaks', async (_title, options) => {
    const random = seededRandom()
    const body = random.bytes(300_000)
    const before = cuts()
    const photo = await withCuts(random, () => send(body, { protocol, retryDelays, ...options }))
    expect((await scene.stored(photo)).equals(body)).toBe(true)
    expect(cuts()).toBeGreaterThan(before)
  })

  test('a stream whose length comes last', async () => {
    const body = seededRandom().bytes(100_000)
    const options: Options = { protocol, uploadLengthDeferred: true, chunkSize: 30_000 }
    const photo = await send(Readable.from([body.subarray(0, 70_000), body.subarray(70_000)]), options)
    expect((await scene.stored(photo)).equals(body)).toBe(true)
  })

  test('an empty file', async () => {
    const photo = await send(Buffer.alloc(0), { protocol })
    expect(await scene.stored(photo)).toHaveLength(0)
  })

  test('goes on where an earlier attempt, by another process, was given up', async () => {
    const body = seededRandom().bytes(200_000)
    const url = await giveUpAfter(body, 80_000, { protocol, chunkSize: 40_000 })
    const sizes: number[] = []
    const photo = await send(body, {
      protocol,
      uploadUrl: url.replace(links[0]?.url as string, links[1]?.url as string),
      onChunkComplete: size => sizes.push(size),
    })
    expect((await scene.stored(photo)).equals(body)).toBe(true)
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(120_000)
  })

  test('an upload can be cancelled', async () => {
    const url = await giveUpAfter(seededRandom().bytes(200_000), 80_000, { protocol, chunkSize: 40_000 })
    const options: Options = { protocol }
    await Upload.terminate(url, options)
    await expect(send(Buffer.alloc(10), { protocol, uploadUrl: url, endpoint: null })).rejects.toThrow(
      'unable to resume',
    )
  })
})

/** So far, on all links. */
const cuts = (): number => links.reduce((sum, link) => sum + link.cuts(), 0)

async function withCuts<T>(random: SeededRandom, work: () => Promise<T>): Promise<T> {
  // The first that carries a body is always cut; later ones let enough through that it comes to an end.
  const before = cuts()
  let least = 10_000
  bytesUntilCut = () => {
    if (cuts() === before) return random.between(5_000, 20_000)
    least += 2_000
    return random.between(least / 2, least * 4)
  }
  try {
    return await work()
  } finally {
    bytesUntilCut = () => Number.POSITIVE_INFINITY
  }
}

const endpoint = () => `${links[0]?.url}${uploads}`

/** Resolves with the photo of the receipt. */
function send(body: Buffer | Readable, options: Options): Promise<string> {
  return new Promise((resolve, reject) => {
    let photo: unknown
    const all: Options = {
      endpoint: endpoint(),
      retryDelays: null,
      httpStack,
      metadata: { filename: 'strand.jpg', filetype: 'image/jpeg' },
      ...options,
      onAfterResponse: (_request, response) => {
        const headers = { 'photosync-photo': response.getHeader('Photosync-Photo') ?? undefined }
        photo = receiptOf({ status: response.getStatus(), headers: headers as Record<string, string> })[0] ?? photo
      },
      onError: reject,
      onSuccess: () => resolve(String(photo)),
    }
    new Upload(body, all).start()
  })
}

/** Resolves with the address of an upload that has at least so many bytes. */
function giveUpAfter(body: Buffer, bytes: number, options: Options): Promise<string> {
  return new Promise((resolve, reject) => {
    const all: Options = {
      endpoint: endpoint(),
      retryDelays: null,
      httpStack,
      ...options,
      onError: reject,
      onChunkComplete: (_size, offset) => {
        if (offset >= bytes) upload.abort().then(() => resolve(upload.url as string), reject)
      },
    }
    const upload = new Upload(body, all)
    upload.start()
  })
}
