/** Goal: what is done again and again is done soon when woken, never twice at once, goes on after a failure, and ends when told. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { Log } from '../src/observe/log.js'
import { type Loop, startLoop } from '../workers/loop.js'
import { waitUntil } from './support/wait-until.js'

const hour = 3600_000

function start(round: () => Promise<void>, intervalMs: number, warnings: unknown[] = []): Loop {
  const log = { warn: ({ err }: { err: unknown }, message: string) => warnings.push([message, err]) } as unknown as Log
  const loop = startLoop(round, { name: 'the sweeper', intervalMs, log })
  onTestFinished(() => loop.stop())
  return loop
}

const until = (what: string, probe: () => boolean) =>
  waitUntil(async () => probe(), { what, deadlineMs: 5_000, intervalMs: 2 })

test('it begins at once and goes on at its interval', async () => {
  let rounds = 0
  start(async () => void rounds++, 20)
  await until('three rounds', () => rounds >= 3)
})

test('woken, it does not wait for its interval', async () => {
  let rounds = 0
  const loop = start(async () => void rounds++, hour)
  await until('the first round', () => rounds === 1)
  await sleep(20)
  expect(rounds).toBe(1)
  loop.wake()
  await until('the second round', () => rounds === 2)
})

test('woken in a round, however often, it does one more after it and never two at once', async () => {
  let rounds = 0
  let running = 0
  let most = 0
  let end = () => {}
  const loop = start(async () => {
    rounds += 1
    running += 1
    most = Math.max(most, running)
    if (rounds === 1) {
      await new Promise<void>(resolve => {
        end = resolve
      })
    }
    running -= 1
  }, hour)
  for (let i = 0; i < 5; i++) loop.wake()
  end()
  await until('the second round', () => rounds === 2)
  await sleep(20)
  expect([rounds, most]).toEqual([2, 1])
})

test('a round that fails is told, and the next one comes', async () => {
  let rounds = 0
  const warnings: unknown[] = []
  const failure = new Error('it does not work')
  start(
    async () => {
      rounds += 1
      if (rounds === 1) throw failure
    },
    10,
    warnings,
  )
  await until('the second round', () => rounds >= 2)
  expect(warnings).toEqual([['the sweeper failed', failure]])
})

test('stopped, it ends with the round under way and begins no other', async () => {
  let ended = 0
  const loop = start(async () => {
    await sleep(50)
    ended += 1
  }, 1)
  loop.wake()
  await loop.stop()
  expect(ended).toBe(1)
  loop.wake()
  await sleep(80)
  expect(ended).toBe(1)
})
