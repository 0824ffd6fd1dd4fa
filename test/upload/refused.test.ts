/** Goal: what is refused leaves the upload as it was, odd numbers and long names are told so, and nobody is held up by others' oddities. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Caller } from '../../src/accounts/caller.js'
import { newId } from '../../src/core/ids.js'
import { placementPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Signals } from '../../src/queue/signals.js'
import { memoryBucket } from '../../src/storage/memory-bucket.js'
import type { Creation, Engine } from '../../src/upload/contract.js'
import { type EngineDeps, makeEngine } from '../../src/upload/engine.js'
import { claimExpired } from '../../src/upload/expired-sql.js'
import { readFileFacts } from '../../src/upload/protocol.js'
import { lateEffectsMs } from '../../src/upload/upload.js'
import { makeReap } from '../../workers/reap/reap.js'
import { waitUntil } from '../support/wait-until.js'
import { keysOf, movableClock, openUploadRegion, type UploadRegion } from './region.js'

let region: UploadRegion
let signals: Signals
beforeAll(async () => {
  region = await openUploadRegion()
  signals = await region.openSignals()
})
afterAll(() => region.close())

async function scene(more: Partial<EngineDeps> = {}) {
  const clock = movableClock()
  const bucket = memoryBucket({ clock })
  const caller: Caller = { ...(await region.addPerson()), device: null, session: false }
  const engine = await makeEngine({ db: region.db, bucket, signals, clock, newId, ...more })
  const create = (creation: Partial<Creation>) => engine.create(caller, { metadata: '', ...creation })
  return { clock, bucket, caller, engine, create }
}

const bodyOf = (text: string | Buffer) => ({ stream: Readable.from([Buffer.from(text)], { objectMode: false }) })
/** Brings the bytes, and then neither more nor an end. */
function endless(bytes: Buffer): Readable {
  const stream = new Readable({ read() {} })
  stream.push(bytes)
  return stream
}

describe('a length that is said too late to fit', () => {
  test('is forgotten with the body that brought more', async () => {
    const { engine, caller, create } = await scene()
    const { id } = await create({})
    await expect(engine.append(caller, id, 0, bodyOf('0123456789'), { sizeBytes: 5 })).rejects.toMatchObject({
      kind: 'too_large',
    })
    expect(await engine.find(caller, id)).toMatchObject({ sizeBytes: null, offsetBytes: 0 })
    const done = await engine.append(caller, id, 0, bodyOf('0123456789'), { sizeBytes: 10 })
    expect([done.state, done.sizeBytes]).toEqual(['done', 10])
  })

  test('is forgotten with a last body that brought less', async () => {
    const { engine, caller, create } = await scene()
    const { id } = await create({})
    const last = { ...bodyOf('0123456789'), isLast: true }
    await expect(engine.append(caller, id, 0, last, { sizeBytes: 12 })).rejects.toMatchObject({ kind: 'invalid' })
    expect((await engine.find(caller, id)).sizeBytes).toBeNull()
  })

  test('is kept of a request that brings no bytes, or not yet all', async () => {
    const { engine, caller, create } = await scene()
    for (const text of ['', '012']) {
      const { id } = await create({})
      await engine.append(caller, id, 0, bodyOf(text), { sizeBytes: 10 })
      expect(await engine.find(caller, id)).toMatchObject({ sizeBytes: 10, offsetBytes: text.length })
    }
  })
})

test('bodies that have all their bytes and never end do not hold up others', { timeout: 60_000 }, async () => {
  const MiB = 2 ** 20
  const { engine, caller, create } = await scene({ memoryBytes: 4 * MiB, stallMs: 120_000 })
  const waiting = Array.from({ length: 4 }, () => {
    const stream = endless(randomBytes(MiB))
    return engine.create(caller, { sizeBytes: MiB, metadata: '' }, { stream })
  })
  await waitUntil(async () => engine.heldBytes() >= 4 * MiB, { what: 'all memory to be taken', deadlineMs: 20_000 })
  const { id } = await create({ sizeBytes: 300_000 })
  expect((await engine.append(caller, id, 0, bodyOf(randomBytes(300_000)))).state).toBe('done')
  // Those whose memory was wanted are stored without waiting for their ends; the others end with their process.
  const first = await Promise.race(waiting)
  expect(first.state).toBe('done')
})

test('the last bytes of a partial upload in crumbs end it', async () => {
  const { engine, caller, create } = await scene()
  const { id } = await create({ sizeBytes: 70, kind: 'partial' })
  for (let at = 0; at < 70; at++) await engine.append(caller, id, at, bodyOf('x'))
  expect(await engine.find(caller, id)).toMatchObject({ state: 'done', offsetBytes: 70 })
  const final = await engine.concatenate(caller, { metadata: '', partials: [id], concat: `final;${id}` })
  expect([final.state, final.sizeBytes]).toEqual(['done', 70])
})

test('the same concatenation twice at once is one photo, for both', async () => {
  const { engine, caller, create } = await scene()
  const partials: string[] = []
  for (const text of ['abc', 'def']) {
    const { id } = await create({ sizeBytes: 3, kind: 'partial' })
    partials.push(id)
    await engine.append(caller, id, 0, bodyOf(text))
  }
  const ask = (its: Engine) => its.concatenate(caller, { metadata: '', partials, concat: 'final' })
  const finals = await Promise.all([ask(engine), ask(engine), ask(engine)])
  expect(new Set(finals.map(({ storedAs }) => storedAs)).size).toBe(1)
  expect((await ask(engine)).storedAs).toBe(finals[0]?.storedAs)
})

test('what a request brings after its upload expired is not left behind', async () => {
  const { engine, caller, create, clock, bucket } = await scene()
  const { id } = await create({ sizeBytes: 100 })
  clock.advance(limits.uploadLifetimeMs - 1_000)
  const stream = endless(Buffer.from('0123456789'))
  const ended = engine.append(caller, id, 0, { stream }).catch((error: Error) => error)
  await waitUntil(async () => engine.heldBytes() > 0, { what: 'the first bytes', deadlineMs: 5_000 })
  const reap = makeReap(region.db, bucket, clock)
  for (let minutes = 0; minutes < 90; minutes += 10) {
    clock.advance(10 * 60_000)
    for (const expired of await claimExpired(region.db, clock.now(), { againMs: 60_000, limit: 10 })) {
      await engine.expire(expired.id)
      await reap({ upload: expired.id }, new AbortController().signal)
    }
  }
  stream.destroy()
  expect(await ended).toBeInstanceOf(Error)
  clock.advance(lateEffectsMs + 1)
  await reap({ upload: id }, new AbortController().signal)
  expect(await keysOf(bucket, placementPrefix(caller))).toEqual([])
})

test('a bucket that gives nothing back is told as ours to mend', { timeout: 20_000 }, async () => {
  const clock = movableClock()
  const inner = memoryBucket({ clock })
  let isSlow = false
  const bucket = {
    ...inner,
    get: async (...call: Parameters<typeof inner.get>) => {
      const got = await inner.get(...call)
      if (!isSlow) return got
      await sleep(50)
      return { ...got, body: endless(Buffer.from('a')) }
    },
  }
  const { engine, caller, create } = await scene({ bucket, clock, stallMs: 200 })
  const { id } = await create({ sizeBytes: 3, kind: 'partial' })
  await engine.append(caller, id, 0, bodyOf('abc'))
  isSlow = true
  const concatenating = engine.concatenate(caller, { metadata: '', partials: [id], concat: 'final' })
  await expect(concatenating).rejects.toMatchObject({ kind: 'unavailable' })
  isSlow = false
  const final = await engine.concatenate(caller, { metadata: '', partials: [id], concat: 'final' })
  expect(final.state).toBe('done')
})

test.each([
  ['a'.repeat(3_000), 255],
  [`${'ä'.repeat(3_000)}.jpg`, 254],
  [`${'😀'.repeat(3_000)}.jpeg`, 253],
])('a name that is too long is cut between characters and keeps its ending', (name, bytesMin) => {
  const cut = readFileFacts(new Map([['filename', name]])).fileName ?? ''
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(limits.fileNameBytes)
  expect(Buffer.byteLength(cut)).toBeGreaterThanOrEqual(bytesMin)
  expect(cut).not.toContain('\ufffd')
  expect(cut.endsWith(name.slice(-4))).toBe(true)
})
