/**
 * Goal: API and worker are killed (SIGKILL) again and again in the middle of a push. After a restart and a second push
 * nothing is missing, nothing is there twice, and everything has its thumbnails.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DrawnFile } from '../../fixtures/draw-gallery.js'
import { makeApi, push } from '../../src/client/index.js'
import { seededRandom } from '../support/seed.js'
import { describeWith } from '../support/services.js'
import { waitUntil } from '../support/wait-until.js'
import { type Person, type Service, type Stores, startScene } from './service.js'

describe('on Postgres and a disk', () => killed('Postgres and a disk'))
describeWith(['redis', 's3'], 'on Redis and S3', () => killed('Redis and S3'))

function killed(stores: Stores): void {
  let service: Service
  let person: Person
  let dir: string
  let drawn: DrawnFile[]
  let close: () => Promise<void>
  beforeAll(async () => {
    ;({ service, person, dir, drawn, close } = await startScene(stores, { photos: 40, megapixels: 3 }))
  })
  afterAll(() => close?.())

  test('kill -9 in the middle of a push', { timeout: 180_000 }, async () => {
    const random = seededRandom()
    let pushing = true
    const options = { server: service.server, token: person.token, dirs: [dir], concurrency: 2, firstDelayMs: 50 }
    const told = new Map<string, string>()
    const pushOnce = () =>
      push({
        ...options,
        onProgress: event => {
          // A receipt is a promise: whatever was told to be stored must be there at the end.
          if (event.kind === 'file' && event.file.photo) told.set(event.file.photo, event.file.sha256 ?? '')
        },
      }).then(
        ({ failed }) => failed.length === 0,
        () => false,
      )
    // One push gives up when the service takes its time to come back; its owner then pushes again.
    const pushUntilDone = async () => {
      const deadline = AbortSignal.timeout(120_000)
      while (!(await pushOnce()) && !deadline.aborted) await sleep(100)
      pushing = false
    }
    const outcome = pushUntilDone()
    let kills = 0
    let worker: Promise<unknown> = Promise.resolve()
    for (const victim of ['api', 'worker', 'api', 'api', 'worker', 'api'] as const) {
      // Not by the clock: a quick machine would be done before the second kill.
      const filesBefore = told.size
      const filesMore = random.between(1, 4)
      while (pushing && told.size < filesBefore + filesMore) await sleep(5)
      await sleep(random.between(0, 40))
      if (!pushing) break
      if (victim === 'api') {
        await service.api.kill9()
        await service.startApi()
      } else {
        await worker
        await service.worker.kill9()
        // The push does not need the worker and goes on meanwhile: waiting for it here could outlast the push.
        worker = service.startWorker()
      }
      kills++
    }
    await Promise.all([outcome, worker])
    const second = await push(options)
    expect(second.failed).toEqual([])
    expect(kills).toBeGreaterThanOrEqual(2)

    const api = makeApi({ server: service.server, token: person.token })
    await waitUntil(async () => (await api.me()).waiting === 0, { deadlineMs: 90_000, what: 'the thumbnails' })
    const different = new Set(drawn.map(({ sha256 }) => sha256))
    const rows = await service.db.query<{ id: string; sha256: Buffer; state: string }>(
      'select id, sha256, state from photos',
    )
    expect(rows.map(row => row.sha256.toString('hex')).sort()).toEqual([...different].sort())
    expect(rows.filter(({ state }) => state === 'unreadable')).toHaveLength(
      drawn.filter(({ corrupt }) => corrupt).length,
    )
    for (const [photo, hash] of told) expect(rows.find(({ id }) => id === photo)?.sha256.toString('hex')).toBe(hash)

    const sources = new Map(drawn.map(file => [file.sha256, file.path]))
    for (const { id, sha256 } of rows) {
      const source = await readFile(join(dir, sources.get(sha256.toString('hex')) ?? ''))
      const kept = await buffer((await service.bucket.get(`u/${person.id}/1/o/${id}`)).body)
      expect(createHash('sha256').update(kept).digest().equals(sha256) && kept.equals(source)).toBe(true)
    }
  })
}
