/**
 * Goal: where two of the engine's duties meet (a checksum and short memory, an unknown length and full parts, an overtaken request
 * and a lost answer) neither is forgotten. Each moment is brought about, not waited for.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../src/core/errors.js'
import { placementPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import type { Database } from '../../src/db/database.js'
import type { Signals } from '../../src/queue/signals.js'
import { faultyBucket, listedFaults } from '../../src/storage/faulty-bucket.js'
import type { Checksum } from '../../src/upload/contract.js'
import { lateEffectsMs } from '../../src/upload/upload.js'
import { waitUntil } from '../support/wait-until.js'
import { openUploadRegion, type UploadRegion } from '../upload/region.js'
import { bodyOf, gate, openScene, type Scene, type SceneOptions } from './scene.js'

const MiB = 1024 * 1024

let region: UploadRegion
let signals: Signals

beforeAll(async () => {
  region = await openUploadRegion()
  signals = await region.openSignals()
})
afterAll(() => region.close())

const scene = (options: Partial<SceneOptions> = {}) => openScene({ region, signals, ...options })

const sha256Of = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()
const checksumOf = (bytes: Buffer): Checksum => ({ algorithm: 'sha256', digest: sha256Of(bytes) })
const wrongChecksum: Checksum = { algorithm: 'sha256', digest: Buffer.alloc(32) }

const photoHash = async (photo: string | null): Promise<Buffer | undefined> => {
  const [row] = await region.db.query<{ sha256: Buffer }>('select sha256 from photos where id = $1', [photo])
  return row?.sha256
}

describe.each([true, false])('where parts may be left out: %s; a body with a checksum', mayLeaveOutParts => {
  const large = randomBytes(2 * limits.partSizeBytes + 3 * MiB)

  test('that memory is too short for becomes a photo with the hash of its bytes', async () => {
    const { engine, caller, stored } = await scene({ memoryBytes: 4 * MiB, mayLeaveOutParts })
    const body = { ...bodyOf(large), checksum: checksumOf(large) }
    const upload = await engine.create(caller, { sizeBytes: large.length, metadata: '' }, body)
    expect((await stored(upload)).equals(large)).toBe(true)
    expect(await photoHash(upload.storedAs)).toEqual(sha256Of(large))
  })

  test('of just two parts, whose end is the end of the file, is finished', async () => {
    const whole = large.subarray(0, 2 * limits.partSizeBytes)
    const { engine, caller, stored } = await scene({ mayLeaveOutParts })
    const { id } = await engine.create(caller, { metadata: '' })
    const upload = await engine.append(caller, id, 0, { ...bodyOf(whole), checksum: checksumOf(whole), isLast: true })
    expect((await stored(upload)).equals(whole)).toBe(true)
    expect(await photoHash(upload.storedAs)).toEqual(sha256Of(whole))
  })

  test('that breaks off is told as if it had never come', async () => {
    const { engine, caller } = await scene({ mayLeaveOutParts })
    const stream = Readable.from(
      (async function* () {
        yield large.subarray(0, 10 * MiB)
        throw new Error('the connection broke')
      })(),
      { objectMode: false },
    )
    const creation = { sizeBytes: large.length, metadata: '' }
    const upload = await engine.create(caller, creation, { stream, checksum: checksumOf(large) })
    expect(upload.offsetBytes).toBe(0)
    expect((await engine.find(caller, upload.id)).offsetBytes).toBe(0)
  })

  test('that has another one leaves the upload as it was, its length too', async () => {
    const { engine, caller, stored } = await scene({ mayLeaveOutParts })
    const { id } = await engine.create(caller, { metadata: '' })
    const wrong = { ...bodyOf(large), checksum: wrongChecksum }
    const refused = engine.append(caller, id, 0, wrong, { sizeBytes: large.length })
    await expect(refused).rejects.toMatchObject({ kind: 'checksum_mismatch' })
    expect(await engine.find(caller, id)).toMatchObject({ offsetBytes: 0, sizeBytes: null })
    // A part too many that can't be left out would end it.
    const file = large.subarray(0, mayLeaveOutParts ? 1_000 : large.length)
    const upload = await engine.append(caller, id, 0, { ...bodyOf(file), isLast: true })
    expect((await stored(upload)).equals(file)).toBe(true)
  })

  test('that has another one, in a file that then proves empty, does not keep it from its end', async () => {
    const { engine, caller, stored } = await scene({ mayLeaveOutParts })
    const { id } = await engine.create(caller, { metadata: '' })
    const refused = engine.append(caller, id, 0, { ...bodyOf(large), checksum: wrongChecksum })
    await expect(refused).rejects.toMatchObject({ kind: 'checksum_mismatch' })
    const upload = await engine.append(caller, id, 0, { ...bodyOf(Buffer.alloc(0)), isLast: true })
    expect((await stored(upload)).length).toBe(0)
  })
})

describe('memory', () => {
  test('that is only kept for what may come makes room for who waits', async () => {
    const held = gate()
    let puts = 0
    const { engine, caller } = await scene({
      memoryBytes: 128 * 1024,
      around: bucket => ({
        ...bucket,
        put: async (...call) => {
          if (++puts === 1) await held.pass()
          return bucket.put(...call)
        },
      }),
    })
    const first = await engine.create(caller, { sizeBytes: MiB, metadata: '' })
    const piece = engine.append(caller, first.id, 0, bodyOf(randomBytes(128 * 1024)))
    await held.arrived
    const other = engine.create(caller, { sizeBytes: 100_000, metadata: '' }, bodyOf(randomBytes(100_000)))
    // It asks for memory while all of it is busy.
    await new Promise(resolve => setTimeout(resolve, 50))
    held.open()
    expect((await piece).offsetBytes).toBe(128 * 1024)
    expect((await other).state).toBe('done')
    expect(engine.heldBytes()).toBe(0)
  })
})

describe('a request that was overtaken', () => {
  const large = randomBytes(2 * limits.partSizeBytes + 1_000)

  test('and finds the parts gone since the newer one has put them together ends nothing', async () => {
    const part = gate()
    const commit = gate()
    const { engine, other, caller, bucket, stored } = await scene({
      around: inner => ({
        ...inner,
        uploadPart: async (...call) => {
          await part.pass()
          return inner.uploadPart(...call)
        },
      }),
    })
    const { id } = await engine.create(caller, { sizeBytes: large.length, metadata: '' })
    const older = engine.append(caller, id, 0, bodyOf(large))
    const fenced = expect(older).rejects.toThrow(AppError)
    await part.arrived
    const complete = bucket.completeMultipart
    bucket.completeMultipart = async (...call) => {
      await complete(...call)
      await commit.pass()
    }
    const { offsetBytes } = await other.find(caller, id)
    const newer = other.append(caller, id, offsetBytes, bodyOf(large))
    await commit.arrived
    part.open()
    await fenced
    commit.open()
    expect((await stored(await newer)).equals(large)).toBe(true)
  })
})

describe('a file of unknown length', () => {
  test('may not grow past what a file may have', async () => {
    const { engine, caller } = await scene()
    const { id } = await engine.create(caller, { metadata: '' })
    await region.db.query('update uploads set offset_bytes = $2 where id = $1', [id, limits.uploadSizeBytes - 10])
    const tooMuch = engine.append(caller, id, limits.uploadSizeBytes - 10, bodyOf(randomBytes(20)))
    await expect(tooMuch).rejects.toMatchObject({ kind: 'too_large' })
  })

  test('that proves small leaves no parts that were begun for it', async () => {
    const whole = randomBytes(limits.smallUploadBytes)
    const faults = listedFaults({ 'createMultipart 1': { kind: 'after' } })
    const { engine, caller, bucket, clock, reap } = await scene({ around: inner => faultyBucket(inner, faults) })
    const { id } = await engine.create(caller, { metadata: '' })
    await expect(engine.append(caller, id, 0, bodyOf(whole))).rejects.toMatchObject({ kind: 'unavailable' })
    const facts = { sizeBytes: whole.length }
    expect((await engine.append(caller, id, 0, bodyOf(whole), facts)).state).toBe('done')
    clock.advance(limits.uploadLifetimeMs + lateEffectsMs + 1)
    await reap(id)
    for await (const { key } of bucket.listMultiparts(placementPrefix(caller))) expect.unreachable(key)
  })
})

describe('a file that is put together', () => {
  const halves = [randomBytes(1_000), randomBytes(500)]
  const whole = Buffer.concat(halves)

  const sendHalves = async ({ other, caller }: Scene): Promise<string[]> => {
    const partials: string[] = []
    for (const half of halves) {
      const creation = { sizeBytes: half.length, metadata: '', kind: 'partial' as const }
      partials.push((await other.create(caller, creation, bodyOf(half))).id)
    }
    return partials
  }

  test('takes no more bytes, not even none', async () => {
    const its = await scene()
    const { engine, caller } = its
    const wanted = { metadata: '', partials: await sendHalves(its), concat: 'final;a b' }
    const { id } = await engine.concatenate(caller, wanted)
    const none = engine.append(caller, id, whole.length, { ...bodyOf(Buffer.alloc(0)), announcedBytes: 0 })
    await expect(none).rejects.toMatchObject({ kind: 'forbidden' })
  })

  test('by another process at the very moment when it is asked for again, has its receipt', async () => {
    let meanwhile: (() => Promise<unknown>) | undefined
    const db: Database = {
      ...region.db,
      query: async (sql, values) => {
        const first = sql.includes('tried ||') ? meanwhile : undefined
        if (first) meanwhile = undefined
        await first?.()
        return region.db.query(sql, values)
      },
    }
    const faults = listedFaults({ 'get 1': { kind: 'before' } })
    const its = await scene({ db, around: bucket => faultyBucket(bucket, faults) })
    const { engine, other, caller, stored } = its
    const wanted = { metadata: '', partials: await sendHalves(its), concat: 'final;a b' }
    await expect(engine.concatenate(caller, wanted)).rejects.toMatchObject({ kind: 'unavailable' })
    meanwhile = () => other.concatenate(caller, wanted)
    const upload = await engine.concatenate(caller, wanted)
    expect(upload.state).toBe('done')
    expect((await stored(upload)).equals(whole)).toBe(true)
  })

  test('twice, since it was asked for twice at once, is there for whoever asks again', async () => {
    const reading = gate()
    const inserting = gate()
    let looks = 0
    const its = await scene({
      around: bucket => ({
        ...bucket,
        get: async (...call) => {
          await reading.pass()
          return bucket.get(...call)
        },
      }),
      otherDb: {
        ...region.db,
        query: async (sql, values) => {
          if (sql.startsWith('insert into uploads') && values?.[4] === 'final') await inserting.pass()
          const rows = await region.db.query<never>(sql, values)
          if (sql.includes("kind = 'final' and sources")) looks++
          return rows
        },
      },
    })
    const { engine, other, caller, clock, reap, stored } = its
    const wanted = { metadata: '', partials: await sendHalves(its), concat: 'final;a b' }
    const second = other.concatenate(caller, wanted)
    await inserting.arrived
    const first = engine.concatenate(caller, wanted)
    await reading.arrived
    clock.advance(1)
    inserting.open()
    const photo = (await second).storedAs
    for (const partial of wanted.partials) await reap(partial)
    const third = other.concatenate(caller, wanted)
    // It has found the first one, which is about to find its parts gone.
    await waitUntil(async () => looks === 2, { what: 'a look for the file', deadlineMs: 10_000 })
    reading.open()
    const uploads = await Promise.all([first, third])
    expect(uploads.map(({ state, storedAs }) => [state, storedAs])).toEqual([
      ['done', photo],
      ['done', photo],
    ])
    expect((await stored(await third)).equals(whole)).toBe(true)
  })

  test('and proves to be another one is not told to be there, whoever asks meanwhile', async () => {
    const reading = gate()
    const its = await scene({
      around: bucket => ({
        ...bucket,
        get: async (...call) => {
          await reading.pass()
          return bucket.get(...call)
        },
      }),
    })
    const { engine, other, caller } = its
    const metadata = `sha256 ${Buffer.from('0'.repeat(64)).toString('base64')}`
    const wanted = { metadata, partials: await sendHalves(its), concat: 'final;a b' }
    const first = expect(engine.concatenate(caller, wanted)).rejects.toMatchObject({ kind: 'checksum_mismatch' })
    await reading.arrived
    const again = expect(other.concatenate(caller, wanted)).rejects.toMatchObject({ kind: 'gone' })
    reading.open()
    await Promise.all([first, again])
  })
})
