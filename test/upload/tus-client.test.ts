/** Goal: tus-js-client works unchanged in each of its modes, and what it sent is what is stored. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import * as tus from 'tus-js-client'
import { describe, expect, test } from 'vitest'
import { receiptOf, requestsTo, useTus } from './tus-scene.js'
import { uploads } from './tus-server.js'

const scene = useTus()
const { create, head, stored } = requestsTo(scene)

interface Sent {
  path: string
  /** Method and status of every exchange. */
  exchanges: string[]
}

/** Nothing is tried twice: what goes wrong is seen. */
const common = () => ({
  endpoint: `http://127.0.0.1:${scene.tus.port}${uploads}`,
  metadata: { filename: 'Strand & Meer.jpg', filetype: 'image/jpeg' },
  retryDelays: null,
  storeFingerprintForResuming: false,
})

/** Rejects when the client gives up. */
function send(source: Buffer | Readable, options: Partial<tus.UploadOptions>): Promise<Sent> {
  const exchanges: string[] = []
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(source as never, {
      ...common(),
      onAfterResponse: (request, response) => {
        exchanges.push(`${request.getMethod()} ${response.getStatus()}`)
      },
      ...options,
      onError: reject,
      onSuccess: () => resolve({ path: new URL(upload.url as string).pathname, exchanges }),
    })
    upload.start()
  })
}

const size = 300_000
const chunkSize = 100_000

describe('tus-js-client', () => {
  test.each<[string, Partial<tus.UploadOptions>, string[]]>([
    ['as it is', {}, ['POST 201', 'PATCH 204']],
    ['in chunks', { chunkSize }, ['POST 201', 'PATCH 204', 'PATCH 204', 'PATCH 204']],
    ['with the creation', { uploadDataDuringCreation: true }, ['POST 201']],
    [
      'in chunks from the creation on',
      { uploadDataDuringCreation: true, chunkSize },
      ['POST 201', 'PATCH 204', 'PATCH 204'],
    ],
    ['without PATCH', { overridePatchMethod: true }, ['POST 201', 'POST 204']],
    ['with headers of its own', { headers: { 'X-Own': 'yes' }, addRequestId: true }, ['POST 201', 'PATCH 204']],
  ])('%s', async (_title, options, expected) => {
    const content = randomBytes(size)
    const { path, exchanges } = await send(content, options)
    expect(exchanges).toEqual(expected)
    expect((await stored(receiptOf(await head(path))[0])).equals(content)).toBe(true)
  })

  test('in parallel', async () => {
    const content = randomBytes(size)
    const { path, exchanges } = await send(content, { parallelUploads: 3 })
    expect(exchanges.toSorted()).toEqual([...Array(3).fill('PATCH 204'), ...Array(4).fill('POST 201')])
    const found = await head(path)
    expect(found.headers['upload-concat']).toMatch(/^final;http/)
    expect((await stored(receiptOf(found)[0])).equals(content)).toBe(true)
  })

  test('without knowing the length', async () => {
    // No multiple of the chunk: this client waits for ever for a chunk after the last.
    const content = randomBytes(size - 7)
    const source = Readable.from([content.subarray(0, 120_000), content.subarray(120_000)], { objectMode: false })
    const { path } = await send(source, { uploadLengthDeferred: true, chunkSize })
    const found = await head(path)
    expect(found.headers['upload-length']).toBe(String(content.length))
    expect((await stored(receiptOf(found)[0])).equals(content)).toBe(true)
  })

  test('goes on where it was', async () => {
    const content = randomBytes(size)
    const begun = new Promise<string>((resolve, reject) => {
      const upload = new tus.Upload(content as never, {
        ...common(),
        chunkSize,
        onChunkComplete: () => void upload.abort().then(() => resolve(upload.url as string), reject),
        onError: reject,
      })
      upload.start()
    })
    const { path, exchanges } = await send(content, { uploadUrl: await begun })
    expect(exchanges).toEqual(['HEAD 200', 'PATCH 204'])
    expect((await stored(receiptOf(await head(path))[0])).equals(content)).toBe(true)
  })

  test('ends its upload', async () => {
    const path = await create(10)
    await tus.Upload.terminate(`http://127.0.0.1:${scene.tus.port}${path}`, { retryDelays: null })
    expect((await head(path)).status).toBe(410)
  })
})
