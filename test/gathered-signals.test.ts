/** Goal: the same signal many times within a moment is sent once; none is lost, and one that ends a request doesn't wait. */
import { expect, test } from 'vitest'
import { gatheredSignals } from '../src/queue/gathered-signals.js'
import type { Signals } from '../src/queue/signals.js'
import { waitUntil } from './support/wait-until.js'

function recorded() {
  const sent: string[] = []
  const signals: Signals = {
    publish: async (channel, payload) => void sent.push(`${channel} ${payload}`),
    subscribe: async () => () => {},
    close: async () => void sent.push('closed'),
  }
  return { sent, gathered: gatheredSignals(signals) }
}

test('the same one is sent once, others each', async () => {
  const { sent, gathered } = recorded()
  for (const payload of ['ana', 'ben', 'ana', 'ana']) await gathered.publish('feed', payload)
  await gathered.publish('outbox', '')
  expect(sent).toEqual([])
  await waitUntil(async () => sent.length > 0, { what: 'the signals', deadlineMs: 5_000 })
  expect(sent).toEqual(['feed ana', 'feed ben', 'outbox '])
  await gathered.publish('feed', 'ana')
  await waitUntil(async () => sent.length > 3, { what: 'the next signal', deadlineMs: 5_000 })
  expect(sent).toHaveLength(4)
})

test('one that ends a request goes out at once', async () => {
  const { sent, gathered } = recorded()
  await gathered.publish('upload', 'id 3')
  expect(sent).toEqual(['upload id 3'])
})

test('what was gathered is sent before the end', async () => {
  const { sent, gathered } = recorded()
  await gathered.publish('feed', 'ana')
  await gathered.close()
  expect(sent).toEqual(['feed ana', 'closed'])
})
