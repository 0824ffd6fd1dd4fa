/**
 * What a test file takes from the services that the global set-up started: their addresses, and suites that are skipped,
 * with the reason in their title, where a service is missing.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { describe, inject, test } from 'vitest'
import type { OptionalService, S3Bucket } from './provided.js'

export { freePort } from './free-port.js'
export type { OptionalService, S3Bucket } from './provided.js'
export { s3Client } from './s3.js'
export { type NodeProcess, type SpawnOptions, spawnNode } from './spawn-node.js'

/** `describe`, or a skipped suite that says why when one of the services is not here; its body does not run then. */
export function describeWith(
  needs: OptionalService | readonly OptionalService[],
  title: string,
  body: () => void,
): void {
  const missing = inject('missing')
  const reasons = [needs].flat().flatMap(name => missing[name] ?? [])
  if (reasons.length === 0) return void describe(title, body)
  describe.skip(`${title} (skipped: ${reasons.join('; ')})`, () => {
    test('all of it', () => {})
  })
}

/** The shared Redis. */
export function useRedis(): string {
  return present(inject('redisUrl'), 'redis')
}

/** The shared S3 service's buckets: ap-southeast-1, then us-west-2. */
export function useS3(): readonly [S3Bucket, S3Bucket, ...S3Bucket[]] {
  const [first, second, ...more] = present(inject('s3'), 's3')
  return [present(first, 's3'), present(second, 's3'), ...more]
}

/** The browser's program file. */
export function useChromium(): string {
  return present(inject('chromium'), 'chromium')
}

/** ffmpeg's program file. */
export function useFfmpeg(): string {
  return present(inject('ffmpeg'), 'ffmpeg')
}

/** The shared Postgres, as its administrator. */
export function usePostgres(): string {
  return inject('postgresUrl')
}

export interface FreshDatabase {
  url: string
  /** Removes it, ending whoever is still connected. */
  drop(): Promise<void>
}

/** An empty database of one's own on the shared Postgres. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await asAdministrator(`create database ${name}`)
  const url = new URL(usePostgres())
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asAdministrator(`drop database if exists ${name} with (force)`) }
}

async function asAdministrator(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: usePostgres() })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

function present<T>(value: T | undefined, name: OptionalService): T {
  if (value === undefined) throw new Error(`There is no ${name} here; put the test into describeWith('${name}', …)`)
  return value
}
