/** The contract of signals (src/queue/signals.ts), for every implementation. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openSignals } from '../../../src/queue/open-signals.js'
import type { QueueConnection } from '../../../src/queue/queue.js'
import type { Signals } from '../../../src/queue/signals.js'
import { waitUntil } from '../../support/wait-until.js'

export interface SignalStore {
  connection: QueueConnection
  /** Breaks every connection there is; resolves when new ones can be made. */
  breakConnections(): Promise<void>
  close(): Promise<void>
}

export function signalsSuite(name: string, openStore: () => Promise<SignalStore>): void {
  describe(`${name}: the contract of signals`, () => {
    let store: SignalStore
    beforeAll(async () => {
      store = await openStore()
    })
    afterAll(() => store.close())

    /** Another process of the region, as far as signals are concerned. */
    const open = async (): Promise<Signals> => {
      const signals = await openSignals(store.connection, () => {})
      onTestFinished(() => signals.close())
      return signals
    }

    const until = (what: string, probe: () => boolean) => waitUntil(async () => probe(), { what, deadlineMs: 15_000 })

    test('a signal reaches everybody who listens, in this process and in others, in order', async () => {
      const [a, b] = [await open(), await open()]
      const heard: string[][] = [[], [], []]
      await a.subscribe('outbox', payload => heard[0]?.push(payload))
      await a.subscribe('outbox', payload => heard[1]?.push(payload))
      await b.subscribe('outbox', payload => heard[2]?.push(payload))
      for (const payload of ['one', 'two', 'three']) await a.publish('outbox', payload)
      await until('all heard', () => heard.every(({ length }) => length >= 3))
      expect(heard).toEqual(Array.from({ length: 3 }, () => ['one', 'two', 'three']))
    })

    test('whoever has subscribed is listening, also when others did so at the same time', async () => {
      const [a, b] = [await open(), await open()]
      const heard: number[] = []
      await Promise.all(
        [1, 2, 3].map(async number => {
          await a.subscribe('feed', payload => payload === String(number) && heard.push(number))
          await b.publish('feed', String(number))
        }),
      )
      await until('all heard', () => heard.length >= 3)
    })

    test('a channel hears its own signals alone', async () => {
      const signals = await open()
      const heard: string[] = []
      await signals.subscribe('feed', payload => heard.push(payload))
      await signals.publish('upload', 'not for the feed')
      await signals.publish('feed', 'for the feed')
      await until('it is heard', () => heard.length > 0)
      expect(heard).toEqual(['for the feed'])
    })

    test('after unsubscribing nothing is heard; others still hear, and one may subscribe again', async () => {
      const signals = await open()
      const heard: string[] = []
      const hear = (payload: string) => heard.push(`first ${payload}`)
      const unsubscribe = await signals.subscribe('outbox', hear)
      await signals.subscribe('outbox', payload => heard.push(`second ${payload}`))
      unsubscribe()
      await signals.publish('outbox', 'a')
      await until('it is heard', () => heard.length > 0)
      await signals.subscribe('outbox', hear)
      await signals.publish('outbox', 'b')
      await until('both hear', () => heard.length >= 3)
      expect(heard.sort()).toEqual(['first b', 'second a', 'second b'])
    })

    test('payloads come as they were sent', async () => {
      const signals = await open()
      const payloads = ['', 'it’s “quoted”; \\ and 日本', 'x'.repeat(4_000)]
      const heard: string[] = []
      await signals.subscribe('upload', payload => heard.push(payload))
      await Promise.all(payloads.map(payload => signals.publish('upload', payload)))
      await until('all heard', () => heard.length >= payloads.length)
      expect(heard).toEqual(payloads)
    })

    test('after a break listeners are woken once, and hear again', async () => {
      const [a, b] = [await open(), await open()]
      const heard: string[] = []
      await a.subscribe('outbox', payload => heard.push(payload))
      await a.subscribe('feed', payload => heard.push(`feed ${payload}`))
      await store.breakConnections()
      await until('they are woken', () => heard.length >= 2)
      expect(heard).toEqual(['', 'feed '])
      const again = async () => {
        await b.publish('outbox', 'again')
        return heard.includes('again')
      }
      await waitUntil(again, { what: 'signals come again', deadlineMs: 15_000, intervalMs: 100 })
    })

    test('publishing never rejects, and never waits for long, also while nobody can be reached', async () => {
      const errors: unknown[] = []
      const signals = await openSignals(store.connection, error => errors.push(error))
      await signals.close()
      const beganMs = performance.now()
      await signals.publish('outbox', '')
      expect(performance.now() - beganMs).toBeLessThan(11_000)
      expect(errors).toHaveLength(1)
    })

    test('after closing nothing is heard, and closing again does no harm', async () => {
      const [a, b] = [await open(), await open()]
      const heard: string[] = []
      await a.subscribe('outbox', payload => heard.push(payload))
      await a.close()
      await b.publish('outbox', 'too late')
      await sleep(200)
      expect(heard).toEqual([])
      await a.close()
    })

    test('closing in the middle of a break ends it', async () => {
      const signals = await openSignals(store.connection, () => {})
      let woken = 0
      await signals.subscribe('outbox', () => woken++)
      const broken = store.breakConnections()
      await signals.close()
      await broken
      await sleep(1_500)
      expect(woken).toBe(0)
    })
  })
}
