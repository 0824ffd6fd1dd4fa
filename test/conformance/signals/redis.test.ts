/** Goal: signals keep their contract on Redis, also when Redis is killed and comes back, or hangs. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSignals } from '../../../src/queue/open-signals.js'
import { type RedisServer, startRedis } from '../../support/redis.js'
import { describeWith } from '../../support/services.js'
import { type SignalStore, signalsSuite } from './signals-suite.js'

describeWith('redis', 'on Redis', () => {
  signalsSuite('redis', async () => {
    const { redis, remove } = await ownRedis()
    return {
      connection: { redisUrl: redis.url },
      breakConnections: async () => {
        await redis.kill9()
        await redis.restart()
      },
      close: remove,
    } satisfies SignalStore
  })

  test('whoever publishes to a Redis that hangs goes on soon', async () => {
    const { redis, remove } = await ownRedis()
    const errors: unknown[] = []
    const signals = await openSignals({ redisUrl: redis.url }, error => errors.push(error))
    await signals.subscribe('feed', () => {})
    redis.pause()
    const beganMs = performance.now()
    await signals.publish('feed', '')
    expect(performance.now() - beganMs).toBeLessThan(8_000)
    expect(errors).toHaveLength(1)
    redis.resume()
    await signals.close()
    await remove()
  })
})

async function ownRedis(): Promise<{ redis: RedisServer; remove(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'photosync-signals-'))
  const redis = await startRedis({ dir: folder })
  const remove = async () => {
    await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { redis, remove }
}
