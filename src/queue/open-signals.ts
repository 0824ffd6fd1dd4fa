/** Signals on Redis where there is one, else on Postgres. See signals.ts for the contract. */
import { Redis } from 'ioredis'
import { openListener } from '../db/listener.js'
import type { QueueConnection } from './queue.js'
import type { Signals } from './signals.js'

export async function openSignals(connection: QueueConnection, onError: (error: unknown) => void): Promise<Signals> {
  return 'redisUrl' in connection
    ? redisSignals(connection.redisUrl, onError)
    : postgresSignals(connection.databaseUrl, onError)
}

async function postgresSignals(databaseUrl: string, onError: (error: unknown) => void): Promise<Signals> {
  const listener = await openListener(databaseUrl, onError)
  return {
    publish: (channel, payload) => listener.notify(`photosync_${channel}`, payload).catch(onError),
    subscribe: (channel, onPayload) => listener.listen(`photosync_${channel}`, onPayload),
    close: listener.close,
  }
}

/** Redis answers a message in well under a millisecond; a publisher doesn't wait longer than this for one that hangs. */
const publishDeadlineMs = 5_000

async function redisSignals(redisUrl: string, onError: (error: unknown) => void): Promise<Signals> {
  // A connection that subscribes can do nothing else, so there are two.
  const publisher = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: publishDeadlineMs,
    connectTimeout: publishDeadlineMs,
  })
  const subscriber = new Redis(redisUrl, { maxRetriesPerRequest: null, autoResubscribe: false })
  for (const redis of [publisher, subscriber]) redis.on('error', onError)
  const listeners = new Map<string, Set<(payload: string) => void>>()
  subscriber.on('message', (channel, payload) => {
    for (const listener of listeners.get(channel) ?? []) listener(payload)
  })
  // Not by ioredis itself: whoever listens is woken only once nothing can pass unheard any more.
  const resubscribe = async () => {
    if (listeners.size === 0) return
    await subscriber.subscribe(...listeners.keys())
    for (const group of listeners.values()) for (const listener of group) listener('')
  }
  subscriber.once('ready', () => subscriber.on('ready', () => void resubscribe().catch(onError)))
  // What is published before the first connection is there would reach nobody. Where there is none, one publishes to nobody.
  await new Promise<void>(resolve => publisher.once('ready', resolve).once('close', resolve))
  return {
    publish: async (channel, payload) => {
      await publisher.publish(`photosync:${channel}`, payload).catch(onError)
    },
    subscribe: async (channel, onPayload) => {
      const name = `photosync:${channel}`
      listeners.set(name, (listeners.get(name) ?? new Set()).add(onPayload))
      await subscriber.subscribe(name)
      return () => void listeners.get(name)?.delete(onPayload)
    },
    close: async () => {
      // What is on its way already is heard by nobody.
      listeners.clear()
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}
