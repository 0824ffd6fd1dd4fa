/**
 * Goal: a page of another site, which the operator has allowed, sends photos by stock tus-js-client in each of its modes, in a real
 * browser, over a link that breaks and after a reload, and can read the receipts; a page of any other site can do and learn nothing.
 */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SeededRandom, seededRandom } from '../support/seed.js'
import { describeWith, useChromium } from '../support/services.js'
import { type LinkOptions, startLink } from './clients-link.js'
import { type Errand, type Outcome, type Site, sendFrom, startSite } from './clients-page.js'
import { type ClientsScene, startClientsScene } from './clients-scene.js'
import { type GalleryPage, openGallery } from './gallery-page.js'

const chunkSize = 512 * 1024
const sizeBytes = 1_300_001
const draft03 = { protocol: 'ietf-draft-03' } as const
const draft05 = { protocol: 'ietf-draft-05' } as const
const deferred = { uploadLengthDeferred: true, chunkSize }
const once = (...exchanges: string[]) => exchanges
const threeTimes = (exchange: string): string[] => Array(3).fill(exchange)

/** With what goes over the wire, in the order of the alphabet. */
const modes: [string, Errand['options'], string[]][] = [
  ['as it is', {}, once('PATCH 204', 'POST 201')],
  ['in chunks', { chunkSize }, [...threeTimes('PATCH 204'), 'POST 201']],
  ['with the creation', { uploadDataDuringCreation: true }, once('POST 201')],
  ['in parallel', { parallelUploads: 3 }, [...threeTimes('PATCH 204'), ...threeTimes('POST 201'), 'POST 201']],
  ['of a length that comes last', deferred, [...threeTimes('PATCH 204'), 'PATCH 204', 'POST 201']],
  ['without PATCH', { overridePatchMethod: true }, once('POST 201', 'POST 204')],
  ['with headers of its own', { addRequestId: true }, once('PATCH 204', 'POST 201')],
  ['ietf-draft-03', draft03, once('PATCH 201', 'POST 201')],
  ['ietf-draft-03, with the creation', { ...draft03, uploadDataDuringCreation: true }, once('POST 201')],
  ['ietf-draft-05', draft05, once('PATCH 201', 'POST 201')],
  ['ietf-draft-05, in chunks', { ...draft05, chunkSize }, [...threeTimes('PATCH 201'), 'POST 201']],
  [
    'ietf-draft-05, of a length that comes last',
    { ...draft05, ...deferred },
    [...threeTimes('PATCH 201'), 'PATCH 201', 'POST 201'],
  ],
]

describeWith('chromium', 'tus-js-client in a browser', () => {
  let site: Site
  let stranger: Site
  let scene: ClientsScene
  let browser: GalleryPage
  let page: Page
  beforeAll(async () => {
    ;[site, stranger] = await Promise.all([startSite(), startSite()])
    const env = { CORS_ORIGINS: `https://elsewhere.example,${site.origin}` }
    ;[scene, browser] = await Promise.all([startClientsScene('Postgres and a disk', env), openGallery(useChromium())])
    page = browser.page
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all([scene?.close(), site?.close(), stranger?.close()])
  })

  /** From a page that was just opened. */
  const send = async (server: string, content: Buffer, errand: Omit<Errand, 'server' | 'file' | 'token'>) => {
    await page.goto(site.origin)
    return sendFrom(page, { server, token: scene.person.token, file: site.offer(content), ...errand })
  }

  test.each(modes)('%s', async (_title, options, exchanges) => {
    const content = seededRandom().bytes(sizeBytes)
    const outcome = await send(scene.servers[0], content, { options: { retryDelays: null, ...options } })
    expect([outcome.error, outcome.exchanges.toSorted()]).toEqual([undefined, exchanges])
    await scene.expectStored(content, outcome.receipt)
  })

  test.each(modes)('%s, over a link that breaks', async (_title, options) => {
    const random = seededRandom()
    const content = random.bytes(sizeBytes)
    await overLink(random, { bytesUntilCut: breaksUntilDone(random) }, async (server, cuts) => {
      const retryDelays = Array.from({ length: 60 }, () => random.between(0, 30))
      const outcome = await send(server, content, { options: { ...options, retryDelays } })
      expect(outcome.error).toBeUndefined()
      await scene.expectStored(content, outcome.receipt)
      expect(cuts()).toBeGreaterThan(0)
    })
  })

  test.each<[string, Errand['options']]>([
    ['in chunks', { chunkSize: 200_000 }],
    ['in parallel', { chunkSize: 200_000, parallelUploads: 3 }],
    ['ietf-draft-03', { chunkSize: 200_000, ...draft03 }],
    ['ietf-draft-05', { chunkSize: 200_000, ...draft05 }],
  ])('%s: given up, and taken up again after a reload', async (_title, options) => {
    const random = seededRandom()
    const content = random.bytes(sizeBytes)
    await overLink(random, {}, async server => {
      const before = await send(server, content, { options, untilBytes: 200_000 })
      expect([before.error, before.receipt]).toEqual([undefined, [null, null]])
      const after = await send(server, content, { options, resume: true })
      expect(after.error).toBeUndefined()
      expect(after.exchanges.filter(exchange => /^HEAD 20[04]$/.test(exchange))).not.toHaveLength(0)
      expect(after.bytes).toBeLessThan(sizeBytes)
      await scene.expectStored(content, after.receipt)
      // Done, as its page finds out when it never heard the last answer.
      const again = await send(server, content, { options, resume: true })
      expect([again.bytes, again.receipt]).toEqual([0, after.receipt])
    })
    await page.evaluate(() => localStorage.clear())
  })

  test('why it is refused can be read', async () => {
    const outcome = await send(scene.servers[0], Buffer.alloc(10), {
      options: { headers: { Authorization: 'Bearer x' } },
    })
    expect(outcome.exchanges).toEqual(['POST 401'])
  })

  test('a page of a site that is not allowed can do and learn nothing', async () => {
    await page.goto(stranger.origin)
    const file = stranger.offer(seededRandom().bytes(1_000))
    const errand = { server: scene.servers[0], token: scene.person.token, file }
    const uploads = () => scene.service.db.query('select id from uploads order by id')
    const before = await uploads()
    for (const [, options] of modes) {
      const outcome: Outcome = await sendFrom(page, { ...errand, options: { ...options, retryDelays: null } })
      expect(outcome).toEqual({
        receipt: [null, null],
        exchanges: [],
        bytes: 0,
        error: expect.stringContaining('tus: '),
      })
    }
    // What browsers send without asking first carries no proof of who it is.
    const [plain, asked] = await page.evaluate(async ({ server, token }) => {
      const blind = await fetch(`${server}/v1/uploads`, { method: 'POST', mode: 'no-cors', body: 'bytes' })
      const headers = { Authorization: `Bearer ${token}` }
      return [blind.type, await fetch(`${server}/v1/me`, { headers }).then(String, (error: Error) => error.message)]
    }, errand)
    expect([plain, asked]).toEqual(['opaque', 'Failed to fetch'])
    expect(await uploads()).toEqual(before)
  })

  test('nothing else is stored', () => scene.expectNothingElse())

  async function overLink(
    random: SeededRandom,
    options: Pick<LinkOptions, 'bytesUntilCut'>,
    work: (server: string, cuts: () => number) => Promise<void>,
  ): Promise<void> {
    const link = await startLink({ servers: scene.servers, random, ...options })
    try {
      await work(link.url, link.cuts)
    } finally {
      await link.close()
    }
  }
})

/** No request with bytes fits into the first connections; then more and more comes through, so that even one large one comes to its end. */
function breaksUntilDone(random: SeededRandom): () => number {
  let opened = 0
  let most = 200_000
  return () => {
    if (++opened > 6) most *= 1.3
    return random.between(1_000, Math.round(most))
  }
}
