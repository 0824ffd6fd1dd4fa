/**
 * The goal: the package works in a web page. It bundles from its exports, small and without anything of Node; in a real browser
 * it sends to a real server, over a link that breaks and after a reload, tells its progress, and ends when it is told to.
 */
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type * as Photosync from '../../src/client/browser.js'
import { type ClientsScene, startClientsScene } from '../e2e/clients-scene.js'
import { type GalleryPage, openGallery } from '../e2e/gallery-page.js'
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.js'
import { describeWith, useChromium } from '../support/services.js'
import { type Bundle, bundle, type PageSite, startGate, startPageSite } from './browser-page.js'
import { content, MiB } from './push-scene.js'

const everything = `export * from 'photosync/client'`
const sizeBytesMax = 60 * 1024

let all: Bundle
beforeAll(async () => {
  all = await bundle(everything)
})

describe('the bundle', () => {
  test('all of it is small', () => {
    expect(all.gzippedBytes).toBeLessThanOrEqual(sizeBytesMax)
    expect(all.gzippedBytes).toBeGreaterThan(10_000) // it is the package, not an empty file
  })

  test('nothing of Node is in it', () => {
    expect(all.complaints).toEqual([])
    expect(all.code).not.toMatch(/__vite-browser-external|\bnode:(fs|http|path|crypto|timers)|\brequire\(/)
  })

  test('the exports name files that are there, with types', async () => {
    const { exports } = JSON.parse(await readFile('package.json', 'utf8'))
    for (const condition of ['browser', 'node', 'default']) {
      for (const kind of ['types', 'default']) await readFile(exports['./client'][condition][kind])
    }
  })
})

declare const photosync: typeof Photosync

interface Errand {
  server: string
  token: string
  /** The bytes are `content(seed, sizeBytes)`, made in the page. */
  seed: number
  sizeBytes: number
  remember?: boolean
  retryDelaysMs?: number[]
  /** `start`: ends it before anything went out; `progress`: when more than a megabyte did. */
  stopAt?: 'start' | 'progress'
}

interface Outcome {
  receipt?: Photosync.Receipt
  error?: string
  kind?: string
  /** Of each progress event. */
  progress: number[]
  sentBytes: number
}

/** Runs in the browser: it knows nothing of this module. */
async function inPage(errand: Errand): Promise<Outcome> {
  const { seed, sizeBytes, stopAt, remember, ...options } = errand
  const bytes = new Uint8Array(sizeBytes)
  for (let i = 0, x = seed + 1; i < sizeBytes; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = x >>> 24
  }
  const blob = new File([bytes], 'Strand & Meer.jpg', { type: 'image/jpeg', lastModified: 1_700_000_000_000 })
  const stop = new AbortController()
  const outcome: Outcome = { progress: [], sentBytes: 0 }
  try {
    outcome.receipt = await photosync.sendFile(blob, {
      ...options,
      signal: stop.signal,
      ...(remember && { resume: photosync.makeResumeWebStorage() }),
      onBytes: sentBytes => {
        outcome.sentBytes += sentBytes
      },
      onProgress: bytes => {
        outcome.progress.push(bytes)
        if (stopAt && bytes >= (stopAt === 'start' ? 0 : 1_000_000)) stop.abort(new Error('enough'))
      },
    })
  } catch (error) {
    outcome.error = (error as Error).message
    if (photosync.isAppError(error)) outcome.kind = error.kind
  }
  return outcome
}

describeWith('chromium', 'in a browser', () => {
  let site: PageSite
  let scene: ClientsScene
  let browser: GalleryPage
  let page: Page
  beforeAll(async () => {
    site = await startPageSite(all.code)
    const env = { CORS_ORIGINS: site.origin }
    ;[scene, browser] = await Promise.all([startClientsScene('Postgres and a disk', env), openGallery(useChromium())])
    page = browser.page
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all([scene?.close(), site?.close()])
  })

  /** From a page that was just opened. */
  const send = async (errand: Omit<Errand, 'server' | 'token'> & { server?: string }): Promise<Outcome> => {
    await page.goto(site.origin)
    return await page.evaluate(inPage, { server: scene.servers[0], token: scene.person.token, ...errand })
  }
  const expectStored = async (bytes: Buffer, { receipt, error }: Outcome) => {
    expect(error).toBeUndefined()
    await scene.expectStored(bytes, [receipt?.photo, receipt?.duplicate ? '?1' : '?0'])
  }

  test.each([
    ['a photo, hashed by the browser', 1, 300_001],
    ['a video, hashed in pieces', 2, 11 * MiB + 1],
  ])('%s', async (_title, seed, sizeBytes) => {
    const outcome = await send({ seed, sizeBytes })
    await expectStored(content(seed, sizeBytes), outcome)
    expect(outcome.receipt).toMatchObject({ duplicate: false, deleted: false })
    expect([outcome.progress[0], outcome.progress.at(-1), outcome.sentBytes]).toEqual([0, sizeBytes, sizeBytes])
    expect(await send({ seed, sizeBytes })).toMatchObject({ receipt: { duplicate: true } })
  })

  test('asks what is missing', async () => {
    const answer = await page.evaluate(
      async options => {
        const sha256 = await photosync.hashBlob(new Blob(['abc']))
        return [sha256, await photosync.makeApi(options).check([sha256])]
      },
      { server: scene.servers[0], token: scene.person.token },
    )
    const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(answer).toEqual([sha256, { missing: [sha256], here: [], deleted: [] }])
  })

  test('goes on by itself after a link broke', async () => {
    await overLink([5 * MiB, 3 * MiB], async server => {
      const outcome = await send({ server, seed: 3, sizeBytes: 12 * MiB, retryDelaysMs: [10, 10, 10, 10] })
      await expectStored(content(3, 12 * MiB), outcome)
    })
  })

  test('ends when it is told to, and goes on after a reload', async () => {
    const gate = await startGate(Number(new URL(scene.servers[0]).port), 6 * MiB)
    try {
      const file = { server: gate.url, seed: 4, sizeBytes: 20 * MiB, remember: true }
      const stopped = await send({ ...file, stopAt: 'progress' })
      expect([stopped.error, stopped.receipt]).toEqual(['enough', undefined])
      gate.open()
      const after = await send(file)
      await expectStored(content(4, 20 * MiB), after)
      expect(after.progress[0]).toBeGreaterThan(0)
      expect(after.sentBytes).toBeLessThan(20 * MiB)
      expect(await page.evaluate(() => localStorage.length)).toBe(0)
    } finally {
      await gate.close()
    }
  })

  test('ends before anything went out', async () => {
    const outcome = await send({ seed: 5, sizeBytes: 9 * MiB, stopAt: 'start' })
    expect([outcome.error, outcome.sentBytes]).toEqual(['enough', 0])
  })

  test('says why it is refused, and that nobody is there', async () => {
    await page.goto(site.origin)
    const errand = { token: scene.person.token, seed: 6, sizeBytes: 1_000, retryDelaysMs: [1] }
    const wrong = await page.evaluate(inPage, { ...errand, server: scene.servers[0], token: 'wrong' })
    expect(wrong.kind).toBe('unauthenticated')
    const nobody = await page.evaluate(inPage, { ...errand, server: 'http://127.0.0.1:1' })
    expect(nobody.kind).toBe('unavailable')
  })

  test('nothing else is stored', () => scene.expectNothingElse())

  /** The first connections on which much goes out break after so many bytes. */
  async function overLink(cuts: number[], work: (server: string) => Promise<void>): Promise<void> {
    const left = [...cuts]
    const proxy: CuttingProxy = await startCuttingProxy({
      targetPort: Number(new URL(scene.servers[0]).port),
      bytesUntilCut: () => left.shift() ?? Number.POSITIVE_INFINITY,
    })
    try {
      await work(proxy.url)
      expect(proxy.cuts()).toBe(cuts.length)
    } finally {
      await proxy.close()
    }
  }
})
