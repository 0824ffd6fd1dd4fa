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

async function redisSignals(redisUrl: string, onError: (error: unknown) => void): Promise<Signals> {
  // A connection that subscribes can do nothing else, so there are two.
  const publisher = new Redis(redisUrl, { enableOfflineQueue: false, maxRetriesPerRequest: 1 })
  const subscriber = new Redis(redisUrl, { maxRetriesPerRequest: null })
  for (const redis of [publisher, subscriber]) redis.on('error', onError)
  const listeners = new Map<string, Set<(payload: string) => void>>()
  subscriber.on('message', (channel, payload) => {
    for (const listener of listeners.get(channel) ?? []) listener(payload)
  })
  return {
    publish: async (channel, payload) => {
      await publisher.publish(`photosync:${channel}`, payload).catch(onError)
    },
    subscribe: async (channel, onPayload) => {
      const name = `photosync:${channel}`
      const group = listeners.get(name) ?? new Set()
      listeners.set(name, group.add(onPayload))
      if (group.size === 1) await subscriber.subscribe(name)
      return () => void group.delete(onPayload)
    },
    close: async () => {
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}
