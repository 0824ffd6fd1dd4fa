/**
 * Goal: the services that other tests build on are what they claim to be: what a Redis or an S3 service acknowledged is
 * there after a crash, programs can be started, watched and ended, and a missing service is told, not passed over.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRedis } from './redis.js'
import { startS3 } from './s3.js'
import { describeWith, freshDatabase, s3Client, spawnNode, usePostgres, useRedis, useS3 } from './services.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'photosync-support-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

describeWith('redis', 'Redis', () => {
  test('the shared one answers and evicts nothing', async () => {
    const client = new Redis(useRedis())
    expect(await client.ping()).toBe('PONG')
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
    client.disconnect()
  })

  test('keeps what it acknowledged through kill -9', async () => {
    const redis = await startRedis({ dir: join(dir, 'redis') })
    const client = new Redis(redis.url, { retryStrategy: () => 50 })
    try {
      await client.set('photo', 'kept')
      await redis.kill9()
      await redis.restart()
      expect(await client.ping()).toBe('PONG')
      expect(await client.get('photo')).toBe('kept')
    } finally {
      client.disconnect()
      await redis.stop()
    }
  })
})

describeWith('s3', 'S3', () => {
  test('every region keeps its own objects, and a conditional put loses against what is there', async () => {
    for (const [index, bucket] of useS3().entries()) {
      const client = s3Client(bucket)
      const at = { Bucket: bucket.bucket, Key: 'support/object' }
      await client.send(new PutObjectCommand({ ...at, Body: `in region ${index}`, IfNoneMatch: '*' }))
      const again = client.send(new PutObjectCommand({ ...at, Body: 'other', IfNoneMatch: '*' }))
      await expect(again).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } })
      const { Body } = await client.send(new GetObjectCommand(at))
      expect(await Body?.transformToString()).toBe(`in region ${index}`)
      client.destroy()
    }
  })

  test('keeps what it acknowledged through kill -9', async () => {
    const s3 = await startS3({ dir: join(dir, 's3'), regions: ['us-west-2'] })
    try {
      const [bucket] = s3.buckets
      if (!bucket) throw new Error('asked for one region, got none')
      const client = s3Client(bucket)
      const at = { Bucket: bucket.bucket, Key: 'photo' }
      await client.send(new PutObjectCommand({ ...at, Body: Buffer.alloc(3_000_000, 'p') }))
      await s3.kill9()
      await s3.restart()
      const { ContentLength, Body } = await client.send(new GetObjectCommand(at))
      expect(ContentLength).toBe(3_000_000)
      expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(Buffer.alloc(3_000_000, 'p'))).toBe(true)

      await s3.kill9('us-west-2')
      await s3.restart()
      await client.send(new GetObjectCommand(at))
      client.destroy()
    } finally {
      await s3.stop()
    }
  })
})

test('a fresh database is empty, and gone once dropped', async () => {
  const { url, drop } = await freshDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const tables = await client.query("select from pg_tables where schemaname = 'public'")
  expect(tables.rowCount).toBe(0)
  await client.end()
  await drop()
  const name = new URL(url).pathname.slice(1)
  const administrator = new pg.Client({ connectionString: usePostgres() })
  await administrator.connect()
  expect((await administrator.query('select from pg_database where datname = $1', [name])).rowCount).toBe(0)
  await administrator.end()
})

describe('a program under test', () => {
  test('gets the environment it is given and nothing else, and is ended with everything it said kept', async () => {
    const script = join(dir, 'stubborn.mjs')
    await writeFile(
      script,
      `process.on('SIGTERM', () => console.log('no'))
      console.log('ready', process.argv[2], JSON.stringify(Object.keys(process.env).sort()))
      setInterval(() => {}, 1000)`,
    )
    const program = await spawnNode(script, { args: ['now'], env: { GIVEN: '1' } })
    const [, names] = await program.waitForLine(/^ready now (.*)$/, 10_000)
    const inherited = ['PATH', 'HOME', 'TMPDIR'].filter(name => process.env[name] !== undefined)
    expect(JSON.parse(names ?? '')).toEqual(['GIVEN', ...inherited].sort())
    await expect(program.waitForLine(/never/, 50)).rejects.toThrow('ready now')
    await program.stop(300)
    expect(program.output()).toMatch(/^ready .*\nno\n$/)
    expect(() => process.kill(program.pid, 0)).toThrow()
  })

  test('that ends on its own is told at once', async () => {
    const script = join(dir, 'short.mjs')
    await writeFile(script, `console.error('cannot'); process.exitCode = 3`)
    const program = await spawnNode(script)
    await expect(program.waitForLine(/ready/, 10_000)).rejects.toThrow(/status 3 before a line .*\n?.*cannot/s)
    await program.endsWith(3, 1_000)
    await expect(program.endsWith(0, 1_000)).rejects.toThrow(/ended with 3, not 0.*cannot/s)
  })
})

test('a missing service, a note and a broken file are told in the last lines of a run', async () => {
  const project = await mkdtemp(join(dir, 'run-'))
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'))
  const write = (name: string, text: string) => writeFile(join(project, name), text)
  await write(
    'vitest.config.mjs',
    'export default { test: { provide: { missing: { redis: "no redis-server here" } } } }',
  )
  await write(
    'some.test.ts',
    `import { test } from 'vitest'
    import { describeWith, useRedis } from '${root}test/support/services.ts'
    describeWith('redis', 'queues', () => { useRedis() })
    test('passes', () => {})
    test('noted', context => context.skip('only on Sundays'))`,
  )
  await write('broken.test.ts', `throw new Error('cannot be loaded')`)
  const run = promisify(execFile)(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      `--reporter=${root}test/support/summary-reporter.ts`,
    ],
    { cwd: project },
  )
  const { stdout } = (await run.catch((error: unknown) => error)) as { stdout: string }
  expect(stdout.trimEnd().split('\n').slice(-4)).toEqual([
    'skipped: some.test.ts > queues (skipped: no redis-server here)',
    'skipped: some.test.ts > noted (only on Sundays)',
    'failed: broken.test.ts',
    '1 passed, 1 failed, 2 skipped',
  ])
})
