/**
 * LISTEN on one connection of its own, re-made when it breaks, and NOTIFY on another, closed when idle. What is notified
 * while the first is broken is lost, and after each re-connection every listener is called once with an empty payload:
 * "look, something may have passed".
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { CalmClient } from './calm-client.js'

export interface Listener {
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => void>
  notify(channel: string, payload: string): Promise<void>
  close(): Promise<void>
}

const reconnectDelayMs = 500
const answerDeadlineMs = 10_000

const settings = (url: string) => ({
  connectionString: url,
  keepAlive: true,
  connectionTimeoutMillis: answerDeadlineMs,
  query_timeout: answerDeadlineMs,
})

export async function openListener(url: string, onError: (error: unknown) => void): Promise<Listener> {
  const listeners = new Map<string, Set<(payload: string) => void>>()
  let closed = false
  let client = await connect()
  const sender = new pg.Pool({ ...settings(url), max: 1, Client: CalmClient })
  sender.on('error', onError)
  // A connection takes one statement at a time.
  let turn: Promise<unknown> = Promise.resolve()

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client(settings(url))
    fresh.on('error', onError)
    fresh.on('notification', ({ channel, payload = '' }) => {
      for (const listener of listeners.get(channel) ?? []) listener(payload)
    })
    try {
      await fresh.connect()
      for (const channel of listeners.keys()) await fresh.query(`listen ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      // One that connected and can't listen would stay, and be forgotten.
      void fresh.end().catch(onError)
      throw error
    }
    fresh.once('end', () => void reconnect())
    return fresh
  }

  async function reconnect(): Promise<void> {
    while (!closed) {
      try {
        client = await connect()
        if (closed) return await client.end()
        for (const group of listeners.values()) for (const listener of group) listener('')
        return
      } catch (error) {
        onError(error)
        await sleep(reconnectDelayMs)
      }
    }
  }

  return {
    listen: async (channel, onPayload) => {
      const group = listeners.get(channel) ?? new Set()
      listeners.set(channel, group.add(onPayload))
      try {
        const mine = turn.then(() => client.query(`listen ${pg.escapeIdentifier(channel)}`))
        turn = mine.catch(() => {})
        await mine
      } catch (error) {
        group.delete(onPayload)
        throw error
      }
      return () => void group.delete(onPayload)
    },
    notify: async (channel, payload) => {
      await sender.query('select pg_notify($1, $2)', [channel, payload])
    },
    close: async () => {
      if (closed) return
      closed = true
      listeners.clear()
      await Promise.all([client.end(), sender.end()])
    },
  }
}
