/** Goal: at the few moments where a fault could do most harm to an upload, it does none. Each is brought about, not waited for. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../src/core/errors.js'
import { originalKey, placementPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Database } from '../../src/db/database.js'
import type { Signals } from '../../src/queue/signals.js'
import type { Bucket } from '../../src/storage/bucket.js'
import { faultyBucket, listedFaults } from '../../src/storage/faulty-bucket.js'
import { retryingBucket } from '../../src/storage/retrying-bucket.js'
import { lateEffectsMs } from '../../src/upload/upload.js'
import { waitUntil } from '../support/wait-until.js'
import { keysOf, openUploadRegion, type UploadRegion } from '../upload/region.js'
import { bodyOf, givenUp, openScene } from './scene.js'

let region: UploadRegion
let signals: Signals

beforeAll(async () => {
  region = await openUploadRegion()
  signals = await region.openSignals()
})
afterAll(() => region.close())

const scene = (around: (bucket: Bucket) => Bucket, db?: Database) =>
  openScene({ region, signals, around, ...(db && { db }) })

const isCommit = (sql: string) => sql.includes('from finish_upload(')

const large = randomBytes(2 * limits.partSizeBytes + 1_000)

describe('a large upload', () => {
  test('whose completion succeeded without telling is stored by the same request', async () => {
    const faults = listedFaults({ 'completeMultipart 1': { kind: 'after' } })
    const { engine, caller, stored } = await scene(bucket =>
      retryingBucket(faultyBucket(bucket, faults), { attemptsMax: 2, firstDelayMs: 1 }),
    )
    const upload = await engine.create(caller, { sizeBytes: large.length, metadata: '' }, bodyOf(large))
    expect(upload.state).toBe('done')
    expect((await stored(upload)).equals(large)).toBe(true)
  })

  test('that was begun twice leaves nothing of the other beginning', async () => {
    const faults = listedFaults({ 'createMultipart 1': { kind: 'after' } })
    const { engine, caller, bucket, clock, reap } = await scene(inner =>
      retryingBucket(faultyBucket(inner, faults), { attemptsMax: 2, firstDelayMs: 1 }),
    )
    const upload = await engine.create(caller, { sizeBytes: large.length, metadata: '' }, bodyOf(large))
    clock.advance(limits.uploadLifetimeMs + lateEffectsMs + 1)
    await reap(upload.id)
    for await (const { key } of bucket.listMultiparts(placementPrefix(caller))) expect.unreachable(key)
    expect(await keysOf(bucket, placementPrefix(caller))).toEqual([originalKey(caller, upload.storedAs as string)])
  })

  test('whose parts the bucket has lost is gone, and its handset starts again', async () => {
    const lost = { kind: 'lost' } as const
    for (const faults of [listedFaults({ 'uploadPart 2': lost }), listedFaults({ 'completeMultipart 1': lost })]) {
      const { engine, caller, stored, reap, bucket } = await scene(inner => faultyBucket(inner, faults))
      const { id } = await engine.create(caller, { sizeBytes: large.length, metadata: '' })
      await expect(engine.append(caller, id, 0, bodyOf(large))).rejects.toMatchObject({ kind: 'gone' })
      await expect(engine.find(caller, id)).rejects.toMatchObject({ kind: 'gone' })
      await reap(id)
      expect(await keysOf(bucket, placementPrefix(caller))).toEqual([])
      const again = await engine.create(caller, { sizeBytes: large.length, metadata: '' }, bodyOf(large))
      expect((await stored(again)).equals(large)).toBe(true)
    }
  })

  test('never takes a late part for one of a newer request', async () => {
    let part: ReturnType<typeof givenUp> | undefined
    const { engine, caller, other, stored } = await scene(bucket => {
      part = givenUp(bucket, 'uploadPart')
      return part.around
    })
    const { id } = await engine.create(caller, { sizeBytes: large.length, metadata: '' })
    await expect(engine.append(caller, id, 0, bodyOf(large))).rejects.toThrow(AppError)
    const { offsetBytes, parts } = await other.append(caller, id, 0, bodyOf(large.subarray(0, 9_000_000)))
    expect([offsetBytes, parts.map(({ number }) => number)]).toEqual([9_000_000, [2]])
    await part?.happen()
    const upload = await other.append(caller, id, offsetBytes, bodyOf(large.subarray(offsetBytes)))
    expect((await stored(upload)).equals(large)).toBe(true)
  })

  test('that is being put together is left alone, and whoever asks is told to wait', async () => {
    let goOn = () => {}
    const told = new Promise<void>(resolve => {
      goOn = resolve
    })
    let completions = 0
    const { engine, caller } = await scene(bucket => ({
      ...bucket,
      completeMultipart: async (...call) => {
        completions++
        await told
        return bucket.completeMultipart(...call)
      },
    }))
    const { id } = await engine.create(caller, { sizeBytes: large.length, metadata: '' })
    const appending = engine.append(caller, id, 0, bodyOf(large))
    await expect.poll(() => completions, { timeout: 10_000 }).toBe(1)
    await expect(engine.find(caller, id)).rejects.toMatchObject({ kind: 'held', retryAfterSeconds: 2 })
    goOn()
    expect((await appending).state).toBe('done')
    expect([(await engine.find(caller, id)).state, completions]).toEqual(['done', 1])
  })

  test('whose commit was cut off is finished by whoever asks for it, and by the sweeper', async () => {
    for (const ask of ['find', 'resumeFinish'] as const) {
      let commits = 0
      const db: Database = {
        ...region.db,
        query: async (sql, values) => {
          if (isCommit(sql) && ++commits === 1) throw new AppError('unavailable', 'The database does not answer')
          return region.db.query(sql, values)
        },
      }
      const { engine, caller, stored } = await scene(bucket => bucket, db)
      const { id } = await engine.create(caller, { sizeBytes: large.length, metadata: '' })
      await expect(engine.append(caller, id, 0, bodyOf(large))).rejects.toThrow(AppError)
      if (ask === 'resumeFinish') await engine.resumeFinish(id)
      const found = await Promise.all([engine.find(caller, id), engine.find(caller, id), engine.find(caller, id)])
      expect(found.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
      expect((await stored(found[0])).equals(large)).toBe(true)
      expect(commits).toBe(2)
    }
  })
})

describe('a small upload', () => {
  const small = randomBytes(200_000)

  test('never takes a late object for its photo, and has it removed at the end', async () => {
    let put: ReturnType<typeof givenUp> | undefined
    const { engine, caller, bucket, clock, reap, stored } = await scene(inner => {
      put = givenUp(inner, 'put')
      return put.around
    })
    const { id } = await engine.create(caller, { sizeBytes: small.length, metadata: '' })
    await expect(engine.append(caller, id, 0, bodyOf(small))).rejects.toThrow(AppError)
    const upload = await engine.append(caller, id, 0, bodyOf(small))
    await reap(id)
    await put?.happen()
    expect(await keysOf(bucket, placementPrefix(caller))).toHaveLength(2)
    clock.advance(limits.uploadLifetimeMs + lateEffectsMs + 1)
    await reap(id)
    expect(await keysOf(bucket, placementPrefix(caller))).toEqual([originalKey(caller, upload.storedAs as string)])
    expect((await stored(upload)).equals(small)).toBe(true)
  })

  test('is not moved by a request that was fenced off while the bucket kept it waiting', async () => {
    let release: () => void = () => {}
    let waiting = false
    const { engine, caller, other, stored } = await scene(bucket => ({
      ...bucket,
      put: async (...args) => {
        if (!waiting) {
          waiting = true
          await new Promise<void>(resolve => {
            release = resolve
          })
        }
        return bucket.put(...args)
      },
    }))
    const { id } = await engine.create(caller, { sizeBytes: small.length, metadata: '' })
    const older = engine.append(caller, id, 0, bodyOf(small.subarray(0, 50_000)))
    const refused = expect(older).rejects.toMatchObject({ kind: 'held' })
    await waitUntil(async () => waiting, { what: 'the older request at the bucket', deadlineMs: 5_000 })
    const newer = await other.append(caller, id, 0, bodyOf(small.subarray(0, 60_000)))
    expect(newer.offsetBytes).toBe(60_000)
    release()
    await refused
    expect((await engine.find(caller, id)).offsetBytes).toBe(60_000)
    const upload = await engine.append(caller, id, 60_000, bodyOf(small.subarray(60_000)))
    expect((await stored(upload)).equals(small)).toBe(true)
  })

  test('whose commit was done without telling has its receipt', async () => {
    let commits = 0
    const db: Database = {
      ...region.db,
      query: async <Row extends object>(sql: string, values?: readonly unknown[]) => {
        const rows = await region.db.query<Row>(sql, values)
        if (isCommit(sql) && ++commits === 1)
          throw new AppError('unavailable', 'The connection broke during the commit')
        return rows
      },
    }
    const { engine, caller, stored } = await scene(bucket => bucket, db)
    const { id } = await engine.create(caller, { sizeBytes: small.length, metadata: '' })
    await expect(engine.append(caller, id, 0, bodyOf(small))).rejects.toThrow(AppError)
    const upload = await engine.find(caller, id)
    expect([upload.state, upload.duplicate]).toEqual(['done', false])
    expect((await stored(upload)).equals(small)).toBe(true)
  })

  test('whose creation fails on our side is not left open', async () => {
    const faults = listedFaults({ 'put 1': { kind: 'before' } })
    const { engine, caller } = await scene(bucket => faultyBucket(bucket, faults))
    const creation = { sizeBytes: small.length, metadata: '' }
    await expect(engine.create(caller, creation, bodyOf(small))).rejects.toMatchObject({ kind: 'unavailable' })
    const rows = await region.db.query(`select id from uploads where person = $1 and state = 'open'`, [caller.person])
    expect(rows).toEqual([])
  })

  test('is told as ours to mend when the bucket refuses us', async () => {
    const { engine, caller } = await scene(bucket => ({
      ...bucket,
      put: () => Promise.reject(new AppError('forbidden', 'The S3 service refuses the credentials')),
    }))
    const { id } = await engine.create(caller, { sizeBytes: small.length, metadata: '' })
    await expect(engine.append(caller, id, 0, bodyOf(small))).rejects.toMatchObject({ kind: 'unavailable' })
  })

  test('two at once of the same content become one photo', async () => {
    const { engine, other, caller, bucket } = await scene(inner => inner)
    const uploads = await Promise.all(
      [engine, other, engine, other].map(its =>
        its.create(caller, { sizeBytes: small.length, metadata: '' }, bodyOf(small)),
      ),
    )
    expect(new Set(uploads.map(({ storedAs }) => storedAs)).size).toBe(1)
    expect(uploads.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(await keysOf(bucket, `${placementPrefix(caller)}o/`)).toHaveLength(4)
  })
})

test('a body that fails after its request was refused troubles nobody, and nothing is counted as held', async () => {
  const { engine, caller } = await scene(bucket => bucket)
  const { id } = await engine.create(caller, { sizeBytes: 10, metadata: '' })
  const stream = new Readable({ read() {} })
  stream.push(Buffer.from('abcdef'))
  stream.push(Buffer.from('ghijklm'))
  await expect(engine.append(caller, id, 0, { stream })).rejects.toMatchObject({ kind: 'too_large' })
  expect(stream.destroyed).toBe(false)
  stream.destroy(new Error('the connection broke'))
  await new Promise(resolve => stream.once('close', resolve))
  expect(engine.heldBytes()).toBe(0)
})
