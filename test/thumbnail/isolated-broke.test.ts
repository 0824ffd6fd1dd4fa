/**
 * Goal: a decoder process that crashes, hangs, grows or lies costs the photo one attempt and nothing else, and none outlives its
 * worker. Real processes and real signals; dist/ has to be built.
 */
import { expect, test } from 'vitest'
import { noFacts } from '../../src/library/photo-facts.js'
import { Broke } from '../../workers/thumbnail/isolated/broke.js'
import { runToEnd } from '../support/process.js'
import { spawnNode } from '../support/spawn-node.js'
import { waitUntil } from '../support/wait-until.js'
import { inPieces, never, now, open, openGate, programOf, untilGone } from './isolated-opened.js'

const MiB = 1024 * 1024
const crashed = 'The decoder crashed on this picture'
const failed = 'The decoder failed on this picture'

test.each<[string, string, string]>([
  ['is killed as by a lack of memory', 'die SIGKILL', crashed],
  ['crashes as native code does', 'die SIGSEGV', crashed],
  ['gives up as an assertion does', 'die SIGABRT', crashed],
  ['ends as if nothing were', 'exit', crashed],
  ['throws', 'throw \u001b[2J', failed],
  ['answers with what could harm', 'lie', failed],
])('a decoder that %s breaks the photo, and the next one works', async (_, photo, reason) => {
  const { develop, pids } = open()
  const error = await develop(photo).catch(error => error)
  expect(error).toBeInstanceOf(Broke)
  expect(error.reason).toBe(reason)
  expect(String(error.cause?.message)).not.toContain('\u001b')
  await untilGone(pids()[0] as number)
  await develop('echo')
})

const facts = (claim: object) => ({ facts: { ...noFacts, ...claim } })
test.each<[string, object]>([
  ['more pixels than a number in the catalogue can be', { width: 2 ** 31 }],
  ['half a millisecond', { durationMs: 0.5 }],
  ['a longer time than there is', { durationMs: 2 ** 31 }],
  ['a day that is none', facts({ takenAt: '2023-02-30T00:00:00' })],
  ['words for a date', facts({ takenAt: 'infinity' })],
  ['a zone that is nowhere', facts({ takenOffsetMinutes: 40_000 })],
  ['a place that is nowhere', facts({ latitude: 91, longitude: 0 })],
  ['six stars', facts({ rating: 6 })],
])('a decoder that answers with %s breaks the photo, so that it does not wait for ever', async (_, claim) => {
  const { develop } = open()
  await expect(develop(`claim ${JSON.stringify(claim)}`)).rejects.toMatchObject({ name: 'Broke', reason: failed })
})

test('an answer that is no JSON is not repeated to the log', async () => {
  const { develop } = open()
  const error = await develop('babble [\u009b31m\u202e').catch(error => error)
  expect(error).toMatchObject({ name: 'Broke', reason: failed, cause: { message: 'a head is no JSON' } })
})

test('a worker that can open no more files goes on, and the photo waits', async () => {
  const script = 'ulimit -n 400 && exec "$0" "$1"'
  const program = programOf('isolated-starved')
  const said = await runToEnd({ command: 'sh', args: ['-c', script, process.execPath, program] }, 60_000)
  expect(said.trim()).toBe('unavailable')
})

test('another photo that is under way meanwhile does not notice', async () => {
  const { develop } = open({ processes: 2 })
  const gate = openGate()
  const other = develop(`wait ${gate.path('a')}`)
  await gate.untilBegun('a')
  await expect(develop('die SIGSEGV')).rejects.toThrow(Broke)
  gate.letGo('a')
  await other
})

test('one that is killed from outside in mid-work breaks its photo', async () => {
  const { develop, pids } = open()
  const gate = openGate()
  const developing = develop(`wait ${gate.path('a')}`)
  await gate.untilBegun('a')
  process.kill(pids()[0] as number, 'SIGKILL')
  await expect(developing).rejects.toMatchObject({ name: 'Broke', reason: crashed })
  await develop('echo')
})

test('one that is killed before it has the photo is no fault of the photo', async () => {
  const { decoder, develop, pids } = open()
  await develop('echo')
  process.kill(pids()[0] as number, 'SIGKILL')
  // This process hasn't heard of it yet.
  await expect(develop('echo')).rejects.toMatchObject({ kind: 'unavailable' })
  await develop('echo')

  async function* body() {
    yield Buffer.from('ec')
    process.kill(pids()[1] as number, 'SIGKILL')
    await new Promise(() => {})
  }
  const developing = decoder.develop(body(), { sizeBytes: 4, now, signal: never })
  await expect(developing).rejects.toMatchObject({ kind: 'unavailable' })
  await develop('echo')
})

test('one that ended while it was idle is replaced', async () => {
  const { develop, pids } = open()
  await develop('echo')
  const [pid] = pids() as [number]
  process.kill(pid, 'SIGKILL')
  // Gone from this process's own table, which is when it hears of it.
  const isReaped = async () => {
    try {
      return !process.kill(pid, 0)
    } catch {
      return true
    }
  }
  await waitUntil(isReaped, { what: 'the decoder ends', deadlineMs: 30_000 })
  await develop('echo')
  expect(pids()).toHaveLength(2)
})

test('a signal to the whole group, as of a drain, is left to the worker', async () => {
  const { develop, pids } = open()
  const gate = openGate()
  const developing = develop(`wait ${gate.path('a')}`)
  await gate.untilBegun('a')
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pids()[0] as number, signal)
  gate.letGo('a')
  await developing
})

test.each(['hang', 'spin'])('one that takes too long is killed (%s)', async act => {
  const gate = openGate()
  const { develop, pids } = open({ timeoutMs: 2_000 })
  const reason = 'The picture took longer than 2 seconds to decode'
  await expect(develop(`${act} ${gate.path('a')}`)).rejects.toMatchObject({ name: 'Broke', reason })
  await untilGone(pids()[0] as number)
  await develop('echo')
})

test('one that takes too much memory ends itself, however busy it is', async () => {
  const { develop } = open({ memoryBytes: 300 * MiB })
  const reason = 'The picture needed more than 300 MB of memory'
  await expect(develop('grow 4096')).rejects.toMatchObject({ name: 'Broke', reason })
  expect((await develop('grow 64')).reason).toBe('4')
})

test('a file that is larger than the memory is not even sent', async () => {
  const { decoder, pids } = open({ memoryBytes: 300 * MiB })
  const developing = decoder.develop(inPieces(Buffer.alloc(1)), { sizeBytes: 300 * MiB, now, signal: never })
  await expect(developing).rejects.toThrow(Broke)
  expect(pids()).toEqual([])
})

test('a decoder that reads nothing is sent little, and not for long', async () => {
  const { decoder } = open({ program: programOf('isolated-deaf'), timeoutMs: 1_000 })
  let sentBytes = 0
  async function* body() {
    for (;;) {
      sentBytes += 65_536
      yield Buffer.alloc(65_536)
    }
  }
  const developing = decoder.develop(body(), { sizeBytes: 200 * MiB, now, signal: never })
  await expect(developing).rejects.toMatchObject({
    name: 'Broke',
    reason: expect.stringContaining('longer than 1 second'),
  })
  expect(sentBytes).toBeLessThan(4 * MiB)
})

test('none outlives its worker, also when that is killed', async () => {
  const gate = openGate()
  const photos = [`spin ${gate.path('a')}`, `wait ${gate.path('b')}`]
  const worker = await spawnNode(programOf('isolated-worker'), { args: [programOf('isolated-double'), ...photos] })
  const pids = () =>
    [...worker.output().matchAll(/"decoder":(\d+),"msg":"a decoder process is ready"/g)].map(match => Number(match[1]))
  try {
    await Promise.all(['a', 'b'].map(gate.untilBegun))
    await waitUntil(async () => pids().length === 3, { what: 'three decoders', deadlineMs: 30_000 })
    for (const pid of pids()) process.kill(pid, 0)
  } finally {
    await worker.kill9()
  }
  await Promise.all(pids().map(untilGone))
})
