/** Goal: signals keep their contract on Redis, also when Redis is killed and comes back, or hangs. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openSignals } from '../../../src/queue/open-signals.js'
import { type RedisServer, startRedis } from '../../support/redis.js'
import { describeWith } from '../../support/services.js'
import { waitUntil } from '../../support/wait-until.js'
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

  test('without a Redis they are opened all the same, and nobody waits for long', async () => {
    const errors: unknown[] = []
    const { redis, remove } = await ownRedis()
    await remove()
    const signals = await openSignals({ redisUrl: redis.url }, error => errors.push(error))
    await signals.publish('feed', '')
    expect(errors.length).toBeGreaterThan(0)
    await signals.close()
  })

  test('what is published first is heard, however long connecting takes', async () => {
    const { redis, remove } = await ownRedis()
    const [listening, heard] = [await openSignals({ redisUrl: redis.url }, () => {}), [] as string[]]
    await listening.subscribe('feed', payload => heard.push(payload))
    redis.pause()
    const opening = openSignals({ redisUrl: redis.url }, () => {})
    await sleep(300)
    redis.resume()
    const publishing = await opening
    await publishing.publish('feed', 'first')
    await waitUntil(async () => heard.includes('first'), { what: 'it is heard', deadlineMs: 10_000 })
    for (const signals of [listening, publishing]) await signals.close()
    await remove()
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
