/** Goal: every decorator keeps the contract of what it wraps, and does the one thing it's for. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../src/core/errors.js'
import { newId } from '../../../src/core/ids.js'
import { type Bucket, bytes } from '../../../src/storage/bucket.js'
import { attachment } from '../../../src/storage/content-disposition.js'
import { type FaultPlan, faultyBucket, listedFaults, seededFaults } from '../../../src/storage/faulty-bucket.js'
import { memoryBucket } from '../../../src/storage/memory-bucket.js'
import { meteredBucket } from '../../../src/storage/metered-bucket.js'
import { openBucket } from '../../../src/storage/open-bucket.js'
import { proveBucket } from '../../../src/storage/probe.js'
import { retryingBucket } from '../../../src/storage/retrying-bucket.js'
import { bucketSuite } from './bucket-suite.js'
import { expectKind, keysOf, patterned, readAll, readBody, trickled } from './suite-support.js'

const seed = Math.floor(Math.random() * 1e9)
const fast = { attemptsMax: 16, firstDelayMs: 1 }

bucketSuite('metered', () => meteredBucket(memoryBucket(), () => undefined))
bucketSuite('faulty without faults', () => faultyBucket(memoryBucket(), () => undefined))
// A check is not tried again, by its contract, so it is spared.
const drawn = seededFaults(seed, { before: 0.2, delay: 0.05 })
const sparingChecks: FaultPlan = (call, nth) => (call === 'check' ? undefined : drawn(call, nth))
bucketSuite(`retrying over a fifth of all calls failing (seed ${seed})`, () =>
  retryingBucket(faultyBucket(memoryBucket(), sparingChecks), fast),
)

describe('a retrying bucket', () => {
  test('opens the body anew for each try', async () => {
    const faults = listedFaults({
      'put 1': { kind: 'after' },
      'put 2': { kind: 'before' },
      'get 1': { kind: 'before' },
    })
    const bucket = retryingBucket(faultyBucket(memoryBucket(), faults), fast)
    await bucket.put('a', trickled(patterned(5_000), 100))
    expect((await readAll(bucket, 'a')).equals(patterned(5_000))).toBe(true)
  })

  test('gives up with the last error after as many tries as it was told', async () => {
    let tries = 0
    const failing = faultyBucket(memoryBucket(), () => {
      tries++
      return { kind: 'before' }
    })
    const bucket = retryingBucket(failing, { attemptsMax: 3, firstDelayMs: 1 })
    await expectKind(bucket.head('a'), 'unavailable')
    expect(tries).toBe(3)
  })

  test('tries nothing again that is permanent', async () => {
    let calls = 0
    const bucket = retryingBucket(
      meteredBucket(memoryBucket(), () => calls++),
      fast,
    )
    await expectKind(bucket.get('none'), 'not_found')
    await expectKind(bucket.put('a', { ...bytes(Buffer.from('x')), sizeBytes: 2 }), 'invalid')
    expect(calls).toBe(2)
  })

  test('gives every entry of a listing once, however often it breaks', async () => {
    const inner = memoryBucket()
    const keys = Array.from({ length: 20 }, (_, index) => `k/${String(index).padStart(2, '0')}`)
    for (const key of keys) await inner.put(key, bytes(Buffer.from('x')))
    const multipart = await inner.createMultipart('m')
    const bucket = retryingBucket(breakingLists(inner), { attemptsMax: 2, firstDelayMs: 1 })
    expect(await keysOf(bucket, '')).toEqual(keys)
    const found: string[] = []
    for await (const entry of bucket.listMultiparts('')) found.push(entry.multipart)
    expect(found).toEqual([multipart])
  })

  test('stops waiting between tries with the reason of the signal', async () => {
    const bucket = retryingBucket(
      faultyBucket(memoryBucket(), () => ({ kind: 'before' })),
      {
        attemptsMax: 5,
        firstDelayMs: 60_000,
        random: () => 1,
      },
    )
    const signal = AbortSignal.timeout(50)
    await expect(bucket.head('a', { signal })).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})

/** Each listing breaks after one entry more than the one before. */
function breakingLists(bucket: Bucket): Bucket {
  let lasts = 0
  return {
    ...bucket,
    async *list(prefix, options) {
      let left = ++lasts
      for await (const entry of bucket.list(prefix, options)) {
        if (left-- === 0) throw new AppError('unavailable', 'The listing broke')
        yield entry
      }
    },
  }
}

describe('a metered bucket', () => {
  test('tells of every call once: outcome, seconds and bytes', async () => {
    const observed: unknown[] = []
    let nowMs = 0
    const now = () => (nowMs += 500)
    const bucket = meteredBucket(memoryBucket(), (...call) => observed.push(call), now)
    await bucket.put('a', bytes(patterned(200_000)))
    await readBody(await bucket.get('a', { range: { start: 0, end: 99_999 } }))
    const left = await bucket.get('a')
    left.body.destroy()
    await new Promise(resolve => left.body.once('close', resolve))
    await expectKind(bucket.get('none'), 'not_found')
    await expect(bucket.head('a', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    await keysOf(bucket, '')
    expect(observed).toEqual([
      ['put', 'ok', 0.5, 200_000],
      ['get', 'ok', 0.5, 100_000],
      ['get', 'cancelled', 0.5, expect.any(Number)],
      ['get', 'not_found', 0.5, 0],
      ['head', 'cancelled', 0.5, 0],
      ['list', 'ok', 0.5, 0],
    ])
  })
})

test('a body that broke before anybody read it is an error to its reader', async () => {
  const get = async () => {
    const body = new Readable({ read() {} }).on('error', () => undefined)
    body.destroy(new Error('broken'))
    await new Promise(resolve => body.once('close', resolve))
    return { sizeBytes: 10, body }
  }
  const bucket = meteredBucket({ ...memoryBucket(), get }, () => undefined)
  await expect(bucket.get('a').then(readBody)).rejects.toThrow('The bytes ended before their end')
})

describe('a faulty bucket', () => {
  test('fails before, after and in the middle as it was told', async () => {
    const inner = memoryBucket()
    const bucket = faultyBucket(
      inner,
      listedFaults({
        'put 1': { kind: 'before' },
        'put 2': { kind: 'after' },
        'get 1': { kind: 'cut', afterBytes: 70_000 },
        'get 2': { kind: 'cut', afterBytes: 1_000_000 },
        'head 1': { kind: 'delay', delayMs: 40 },
      }),
    )
    const content = patterned(100_000)
    await expectKind(bucket.put('a', bytes(content)), 'unavailable')
    expect(await inner.head('a')).toBeUndefined()
    await expectKind(bucket.put('a', bytes(content)), 'unavailable')
    expect(await inner.head('a')).toBeDefined()
    for (const expectedBytes of [70_000, 100_000]) {
      const { body } = await bucket.get('a')
      let readBytes = 0
      const reading = (async () => {
        for await (const chunk of body) readBytes += chunk.byteLength
      })()
      await expectKind(reading, 'unavailable')
      expect(readBytes).toBe(expectedBytes)
    }
    const startMs = performance.now()
    await bucket.head('a')
    expect(performance.now() - startMs).toBeGreaterThan(30)
  })

  test('breaks bytes off on their way in, and nothing of them is kept', async () => {
    const inner = memoryBucket()
    const faults = listedFaults({
      'put 1': { kind: 'cut', afterBytes: 0 },
      'put 2': { kind: 'cut', afterBytes: 70_000 },
      'put 3': { kind: 'cut', afterBytes: 1_000_000 },
      'uploadPart 1': { kind: 'cut', afterBytes: 70_000 },
    })
    const bucket = faultyBucket(inner, faults)
    const content = patterned(100_000)
    const body = bytes(content.subarray(0, 50_000), content.subarray(50_000))
    for (let call = 0; call < 3; call++) await expectKind(bucket.put('a', body), 'unavailable')
    const multipart = await bucket.createMultipart('a')
    await expectKind(bucket.uploadPart('a', multipart, 1, body), 'unavailable')
    expect(await keysOf(inner, '')).toEqual([])
    const part = await bucket.uploadPart('a', multipart, 1, body)
    await bucket.completeMultipart('a', multipart, [part])
    expect((await readAll(bucket, 'a')).equals(content)).toBe(true)
  })

  test.each(['uploadPart 2', 'completeMultipart 1'] as const)('loses a multipart for good at %s', async call => {
    const inner = memoryBucket()
    const faults = listedFaults({ [call]: { kind: 'lost' as const } })
    const bucket = retryingBucket(faultyBucket(inner, faults), fast)
    const [lost, other] = [await bucket.createMultipart('a'), await bucket.createMultipart('a')]
    const part = await bucket.uploadPart('a', lost, 1, bytes(Buffer.from('x')))
    const uploading = bucket.uploadPart('a', lost, 2, bytes(Buffer.from('y')))
    if (call === 'uploadPart 2') await expectKind(uploading, 'not_found')
    else await uploading
    await expectKind(bucket.completeMultipart('a', lost, [part]), 'not_found')
    await expectKind(bucket.uploadPart('a', lost, 2, bytes(Buffer.from('y'))), 'not_found')
    await bucket.abortMultipart('a', lost)
    expect(await bucket.head('a')).toBeUndefined()
    // No other is touched.
    await bucket.completeMultipart('a', other, [await bucket.uploadPart('a', other, 1, bytes(Buffer.from('z')))])
    expect((await readAll(bucket, 'a')).toString()).toBe('z')
  })

  test('draws the same faults from the same seed', () => {
    const shares = { before: 0.2, after: 0.2, cut: 0.2, delay: 0.2, lost: 0.1 }
    const draw = (from: number) =>
      Array.from({ length: 200 }, (_, index) => seededFaults(from, shares)('get', index + 1))
    expect(draw(seed)).toEqual(draw(seed))
    expect(draw(seed)).not.toEqual(draw(seed + 1))
    const kinds = new Set(draw(seed).map(fault => fault?.kind))
    expect(kinds).toEqual(new Set(['before', 'after', 'cut', 'delay', 'lost', undefined]))
  })
})

describe('a check', () => {
  const inner = memoryBucket()
  const careless: [string, Bucket['put'], RegExp][] = [
    [
      'overwrites what it was told not to',
      (key, body, { ifAbsent: _, ...call } = {}) => inner.put(key, body, call),
      /If-None-Match/,
    ],
    [
      'keeps other bytes than announced',
      (key, body, { sha256: _, ...call } = {}) => inner.put(key, body, call),
      /x-amz-content-sha256/,
    ],
  ]

  test.each(careless)('finds a bucket that %s, and leaves nothing in it', async (_, put, message) => {
    const checking = proveBucket({ ...inner, put }, newId)
    await expectKind(checking, 'unavailable')
    await expect(checking).rejects.toThrow(message)
    expect(await keysOf(inner, '')).toEqual([])
  })
})

test('a configuration opens the bucket it names', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'photosync-open-'))
  const bucket = openBucket({ kind: 'disk', dir })
  await bucket.check()
  await bucket.put('a', bytes(Buffer.from('x')))
  expect(await keysOf(bucket, '')).toEqual(['a'])
  await rm(dir, { recursive: true, force: true })
})

test.each([
  ['photo.jpg', `attachment; filename="photo.jpg"; filename*=UTF-8''photo.jpg`],
  ['Été.jpg', `attachment; filename="Ete.jpg"; filename*=UTF-8''%C3%89t%C3%A9.jpg`],
  ['照片.heic', `attachment; filename="__.heic"; filename*=UTF-8''%E7%85%A7%E7%89%87.heic`],
  ['a"b\\c%d\r\n.jpg', `attachment; filename="a_b_c_d__.jpg"; filename*=UTF-8''a%22b%5Cc%25d%0D%0A.jpg`],
  ["it's (1)*.jpg", `attachment; filename="it's (1)*.jpg"; filename*=UTF-8''it%27s%20%281%29%2A.jpg`],
  ['\ud800.jpg', `attachment; filename="_.jpg"; filename*=UTF-8''%EF%BF%BD.jpg`],
])('a download is named %j', (fileName, header) => {
  expect(attachment(fileName)).toBe(header)
})
