/**
 * Goal: the sync bench runs where a long link can be made, its results have the names that other programs read, and it says in one
 * sentence what is missing elsewhere. How fast anything is, is never asserted here: that is for a calm machine.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { packageFolder } from '../../src/core/package-folder.js'
import { longLinkMissing, startLongLink } from '../support/long-link.js'
import { runToEnd } from '../support/process.js'
import { spawnNode } from '../support/services.js'

const program = join(packageFolder, 'dist/test/bench/main.js')
const missing = longLinkMissing()

test('without what a long link needs the bench says so in one sentence', async () => {
  const bench = await spawnNode(program, { args: ['sync', '--quick'], env: { PATH: '/nowhere' } })
  await bench.endsWith(1, 60_000)
  expect(bench.output()).toMatch(/^bench: A long link needs .*: .*\n$/)
})

describe.skipIf(missing)(`over a long link${missing ? ` (skipped: ${missing})` : ''}`, () => {
  test('it has the asked round trip, forgets connections at a cut, and leaves nothing behind', async () => {
    const link = await startLongLink({ rttMs: 200, mbit: 20 })
    try {
      const server = link.on('far', process.execPath, ['-e', echo(link.farAddress)])
      const echoing = runToEnd(server, 120_000)
      echoing.catch(() => {})
      const client = link.on('near', process.execPath, ['-e', ask(link.farAddress)])
      const [warmMs, end] = JSON.parse(await runToEnd(client, 60_000)) as [number, string]
      // A packet is never early, however busy the machine.
      expect(warmMs).toBeGreaterThanOrEqual(200)
      expect(end).toBe('whole')
      const { toFar, toNear, cuts } = await link.tell()
      expect(cuts).toBe(0)
      expect(toFar.payloadBytes).toBeGreaterThanOrEqual(8)
      expect(toNear.packets).toBeGreaterThan(0)

      link.cut(500, 100, 'forgetful')
      const cutOff = link.on('near', process.execPath, ['-e', ask(link.farAddress, 3_000)])
      expect(JSON.parse(await runToEnd(cutOff, 60_000))[1]).toBe('ECONNRESET')
      expect((await link.tell()).cuts).toBeGreaterThan(0)
    } finally {
      await link.stop()
    }
    const names = await readdir('/run/netns').catch(() => [])
    expect(names.filter(name => name.startsWith(`photosync-${process.pid}-`))).toEqual([])
  }, 240_000)

  test('the bench ends with one line for machines', async () => {
    const bench = await spawnNode(program, { args: ['sync', '--quick', '--json'] })
    const status = await bench.exited(900_000)
    expect(status, bench.output()).toBe(0)
    const lines = bench.stdout().trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    const { bench: name, date, machine, results } = JSON.parse(lines[0] ?? '')
    expect(name).toBe('sync')
    expect(new Date(date).toISOString()).toBe(date)
    expect(machine.node).toBe(process.version)
    const positive = expect.toSatisfy(value => typeof value === 'number' && value > 0)
    const number = expect.any(Number)
    expect(results).toEqual({
      linkShareLarge: positive,
      ratioToUppy: positive,
      ratioToSequential: positive,
      linkShareSmall: positive,
      ratioToSequentialSmall: positive,
      resyncRequests: positive,
      resyncSeconds: positive,
      resentShare: number,
      latencyCutMs: positive,
      regionalSpeedup: positive,
      checkP99Ms: positive,
      changesP99Ms: positive,
      ratioToUppySmall: positive,
      regionalSpeedupOurs: positive,
      ratioToPlainFar: positive,
      resentShareForgotten: number,
      cutSeconds: positive,
      cutNotStored: number,
      checkMedianMs: positive,
      changesMedianMs: positive,
    })
    // No client gets more out of the link than it carries.
    expect(results.linkShareLarge).toBeLessThan(1)
    expect(results.linkShareSmall).toBeLessThan(1)
    const file = /^written to (.*\.md)$/m.exec(bench.output())?.[1] ?? ''
    const tables = await readFile(file, 'utf8')
    expect(tables).toContain('one after another')
    expect(bench.output()).toContain(tables)
  }, 960_000)
})

/** A server that sends back what it gets, for as long as its namespace is there. */
const echo = (address: string) =>
  `require('net').createServer(s => s.on('error', () => {}).pipe(s)).listen(7000, '${address}')`

/** Sends eight bytes, when they are back after `pauseMs` eight more; writes how long those took and how it ended. */
const ask = (address: string, pauseMs = 0) => `
  const tell = end => { console.log(JSON.stringify([tookMs, end])); process.exit() }
  let tookMs = 0
  const open = () => {
    const socket = require('net').connect(7000, '${address}')
    let [echoes, startMs] = [0, 0]
    const say = () => { startMs = performance.now(); socket.write('8 bytes.') }
    socket.on('connect', say)
    socket.on('error', error => echoes > 0 ? tell(error.code) : setTimeout(open, 50))
    socket.on('data', () => {
      tookMs = performance.now() - startMs
      if (++echoes === 2) tell('whole')
      else setTimeout(say, ${pauseMs})
    })
  }
  open()`
