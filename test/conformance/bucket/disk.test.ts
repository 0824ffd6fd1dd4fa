/** Goal: the bucket on a disk keeps the contract, through crashes too, stays in its folder, and says clearly when it can't be used. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rename, rm, rmdir, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bytes } from '../../../src/storage/bucket.js'
import { diskBucket } from '../../../src/storage/disk-bucket.js'
import { diskError } from '../../../src/storage/disk-errors.js'
import { spawnNode } from '../../support/spawn-node.js'
import { bucketSuite } from './bucket-suite.js'
import { contentOf, isWhole } from './disk-content.js'
import { all, expectKind, hanging, keysOf, patterned, readAll } from './suite-support.js'

let scratch: string
let folders = 0
const newDir = () => join(scratch, `bucket-${++folders}`)

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'photosync-disk-'))
})

afterAll(() => rm(scratch, { recursive: true, force: true }))

bucketSuite('disk', () => diskBucket({ dir: newDir() }))

// The writer runs as the program that `npm run build` made of it: Node 20 reads no TypeScript.
const writer = fileURLToPath(new URL('../../../dist/test/conformance/bucket/disk-writer.js', import.meta.url))
const isBuilt = existsSync(writer)

test.skipIf(!isBuilt)(
  `killed at any moment, it has all it acknowledged and nothing half-made${isBuilt ? '' : ' (skipped: npm run build first)'}`,
  async () => {
    const dir = newDir()
    const acknowledged: string[] = []
    for (const round of ['first', 'second', 'third']) {
      const child = await spawnNode(writer, { args: [dir, round] })
      await child.waitForLine(/./, 20_000)
      await sleep(300 + Math.random() * 500)
      await child.kill9()
      // What follows the last line break may be the beginning of a key.
      acknowledged.push(...child.stdout().split('\n').slice(0, -1))
    }
    const bucket = diskBucket({ dir })
    expect(acknowledged.length).toBeGreaterThan(20)
    for (const key of acknowledged) expect((await readAll(bucket, key)).equals(contentOf(key)), key).toBe(true)
    for (const key of await keysOf(bucket, '')) expect(isWhole(await readAll(bucket, key)), key).toBe(true)

    const tomorrow = { now: () => new Date(Date.now() + 25 * 3600_000) }
    await diskBucket({ dir, clock: tomorrow }).head('wakes')
    expect(await readdir(join(dir, 'private', 'temp'))).toEqual([])
    for await (const { key, multipart } of bucket.listMultiparts('')) await bucket.abortMultipart(key, multipart)
    expect(await readdir(join(dir, 'private', 'multiparts'))).toEqual([])
  },
)

describe('the folder of a disk bucket', () => {
  test('holds no temporary file of a put that failed or was cancelled', async () => {
    const dir = newDir()
    const bucket = diskBucket({ dir })
    const signal = AbortSignal.timeout(50)
    await expect(bucket.put('a', hanging(1_000), { signal })).rejects.toMatchObject({ name: 'TimeoutError' })
    await expectKind(bucket.put('a', { ...bytes(patterned(10)), sizeBytes: 11 }), 'invalid')
    await bucket.put('a', bytes(patterned(10)), { ifAbsent: true })
    await expectKind(bucket.put('a', bytes(patterned(10)), { ifAbsent: true }), 'conflict')
    expect(await readdir(join(dir, 'private', 'temp'))).toEqual([])
  })

  test('is rid of old leftovers when a bucket is opened on it, and keeps young ones', async () => {
    const dir = newDir()
    await diskBucket({ dir }).put('a', bytes(patterned(10)))
    const temp = join(dir, 'private', 'temp')
    for (const name of ['old', 'young']) await writeFile(join(temp, name), 'half-made')
    const longAgo = new Date(Date.now() - 25 * 3600_000)
    await utimes(join(temp, 'old'), longAgo, longAgo)
    const bucket = diskBucket({ dir })
    expect(await keysOf(bucket, '')).toEqual(['a'])
    expect(await readdir(temp)).toEqual(['young'])
  })

  test('keeps no empty folders of deleted objects', async () => {
    const dir = newDir()
    const bucket = diskBucket({ dir })
    for (const key of ['u/1/a', 'u/1/b/c/d', 'u/2/a']) await bucket.put(key, bytes(patterned(10)))
    await bucket.delete(['u/1/a', 'u/1/b/c/d'])
    expect(await readdir(join(dir, 'objects', 'u'))).toEqual(['2'])
    await bucket.delete(['u/2/a'])
    expect(await readdir(join(dir, 'objects'))).toEqual([])
  })

  test('carries multiparts from one process to the next', async () => {
    const dir = newDir()
    const before = diskBucket({ dir })
    const multipart = await before.createMultipart('a')
    const part = await before.uploadPart('a', multipart, 1, bytes(patterned(10)))
    const after = diskBucket({ dir })
    expect(await all(after.listMultiparts(''))).toMatchObject([{ key: 'a', multipart }])
    await after.completeMultipart('a', multipart, [part])
    expect((await readAll(before, 'a')).equals(patterned(10))).toBe(true)
  })

  test('is raced for by several buckets with one winner', async () => {
    const dir = newDir()
    const puts = Array.from({ length: 8 }, () =>
      diskBucket({ dir }).put('x/y', bytes(patterned(10)), { ifAbsent: true }),
    )
    const outcomes = await Promise.allSettled(puts)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('cannot hold a key that is a folder of another', async () => {
    const bucket = diskBucket({ dir: newDir() })
    await bucket.put('a/b', bytes(patterned(10)))
    await expectKind(bucket.put('a', bytes(patterned(10))), 'invalid')
    await expectKind(bucket.put('a/b/c', bytes(patterned(10))), 'invalid')
    await expectKind(bucket.put('a/b/c/d', bytes(patterned(10))), 'invalid')
    expect(await keysOf(bucket, '')).toEqual(['a/b'])
  })
})

describe('a disk bucket that cannot be used', () => {
  test('says so when its folder may not be written', async () => {
    const dir = newDir()
    await mkdir(dir, { mode: 0o500 })
    // Root may write everywhere, but not below a file either.
    if (process.getuid?.() === 0) await rmdir(dir).then(() => writeFile(dir, ''))
    const place = process.getuid?.() === 0 ? join(dir, 'below') : dir
    await expect(diskBucket({ dir: place }).check()).rejects.toThrow(`The bucket's folder ${place} can't be used: `)
  })

  test('does not take a disk that is gone for one without objects', async () => {
    const dir = newDir()
    const bucket = diskBucket({ dir })
    await bucket.put('a', bytes(patterned(10)))
    await rename(dir, `${dir}-unmounted`)
    await mkdir(dir)
    const calls = [
      () => bucket.get('a'),
      () => bucket.head('a'),
      () => bucket.put('b', bytes(patterned(10))),
      () => bucket.delete(['a']),
      () => keysOf(bucket, ''),
      () => bucket.createMultipart('a'),
    ]
    for (const call of calls) await expectKind(call(), 'unavailable')
    expect(await readdir(dir)).toEqual([])
  })

  test.skipIf(!existsSync('/dev/full'))('says what to do about a full disk', async () => {
    const full = await open('/dev/full', 'w')
    const error = await full.writeFile('x').catch(diskError)
    await full.close()
    expect(error).toMatchObject({ kind: 'unavailable', message: "The bucket's disk is full; free some space on it" })
  })
})
