/**
 * Goal: what a decoder process makes of a photo comes through whole, photos take turns, and a body that fails fails alone. Real
 * processes; dist/ has to be built.
 */
import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { noFacts } from '../../src/library/photo-facts.js'
import { developPicture } from '../../workers/thumbnail/picture/render.js'
import { Unreadable } from '../../workers/thumbnail/unreadable.js'
import { drawNoise } from './drawing.js'
import { inPieces, never, now, open, openGate, programOf, untilGone } from './isolated-opened.js'

test('a picture is the same as if it were developed here', async () => {
  const { decoder, complaints } = real()
  const original = await drawNoise(1600, 100)
    .withExif({ IFD0: { Model: 'Box' } })
    .jpeg()
    .toBuffer()
  const there = await decoder.develop(inPieces(original), { sizeBytes: original.byteLength, now, signal: never })
  expect(there).toEqual(await developPicture(original, { now }))
  expect(there.renditions.length).toBeGreaterThan(1)
  expect(there.facts.cameraModel).toBe('Box')
  expect(complaints()).toEqual([])
})

test('a file that is no picture is Unreadable for the same reason, and the process goes on', async () => {
  const { decoder } = real()
  const original = (await drawNoise(300, 300).png().toBuffer()).subarray(0, 50_000)
  const develop = (bytes: Buffer) =>
    decoder.develop(inPieces(bytes), { sizeBytes: bytes.byteLength, now, signal: never })
  const here = await developPicture(original, { now }).catch(error => error)
  expect(here).toBeInstanceOf(Unreadable)
  const there = await develop(original).catch(error => error)
  expect(there).toBeInstanceOf(Unreadable)
  expect(there.reason).toBe(here.reason)
  await expect(develop(Buffer.alloc(0))).rejects.toMatchObject({ name: 'Unreadable', reason: 'The file is empty' })
})

function real() {
  const { lines, decoder } = open({ program: programOf('../../workers/thumbnail/isolated/decoder-main') })
  return { decoder, complaints: () => lines.filter(({ msg }) => msg !== 'a decoder process is ready') }
}

test('every field crosses, and megabytes both ways', async () => {
  const { develop, pids } = open()
  const original = Buffer.concat([Buffer.from('echo '), randomBytes(20_000_000)])
  const developed = await develop(original)
  const [first, second] = developed.renditions
  expect(first?.bytes.equals(original)).toBe(true)
  expect(second).toEqual({ name: '256.webp', mediaType: 'image/webp', width: 2, height: 3, bytes: Buffer.alloc(0) })
  expect({ ...developed, renditions: [] }).toEqual({
    kind: 'video',
    mediaType: 'image/x-double+test',
    width: null,
    height: 0,
    durationMs: 1234,
    renditions: [],
    thumbhash: Buffer.from([0, 255]),
    look: { phash: -(2n ** 63n), detail: Buffer.from('detail') },
    facts: {
      ...noFacts,
      latitude: -0.5,
      description: '“…” 雪\n👩‍👩‍👧',
      motion: { offset: 5_000_000_000, sizeBytes: 1, mediaType: 'video/mp4', atMs: 0.5 },
    },
    reason: null,
  })
  await develop('echo')
  expect(pids()).toHaveLength(1)
})

test('what a file made a decoder say reaches the log in one line, without control characters', async () => {
  const { develop, lines } = open()
  const error = await develop('unreadable line\n\u001b[31mred\u202e').catch(error => error)
  expect(error.cause.message).toBe('line ⏎ \\u{1b}[31mred\\u{202e}')
  await develop(`say \u001b[2J${'x'.repeat(900)}`)
  const said = () => lines.filter(line => 'said' in line).map(({ said }) => said)
  while (said().length === 0) await develop('echo')
  expect(said()[0]).toMatch(/^\\u\{1b\}\[2Jx+$/)
})

test('a process gets none of this environment', async () => {
  const { develop } = open()
  const { reason } = await develop('report')
  const adjustment = process.platform === 'linux' ? '1000' : null
  expect(JSON.parse(reason ?? '')).toEqual({ names: ['MALLOC_ARENA_MAX', 'UV_THREADPOOL_SIZE'], cwd: '/', adjustment })
})

test('two at once; who waits is served in order, and may leave', async () => {
  const { decoder, develop, pids } = open({ processes: 2 })
  const gate = openGate()
  const start = (name: string) => develop(`wait ${gate.path(name)}`)
  const first = [start('a'), start('b')]
  await Promise.all(['a', 'b'].map(gate.untilBegun))

  const leaving = new AbortController()
  let asked = false
  const untouched: AsyncIterable<Buffer> = {
    [Symbol.asyncIterator]: () => {
      asked = true
      return inPieces(Buffer.from('echo'))
    },
  }
  const left = decoder.develop(untouched, { sizeBytes: 4, now, signal: leaving.signal })
  const rest = [start('c'), start('d')]
  await turn()
  const reason = new Error('left')
  leaving.abort(reason)
  await expect(left).rejects.toBe(reason)
  expect(asked).toBe(false)

  expect(gate.hasBegun('c')).toBe(false)
  gate.letGo('a')
  await gate.untilBegun('c')
  expect(gate.hasBegun('d')).toBe(false)
  for (const name of ['b', 'c', 'd']) gate.letGo(name)
  await Promise.all([...first, ...rest])
  expect(pids()).toHaveLength(2)
})

test.each<[string, () => AsyncIterable<Buffer>, object]>([
  ['throws', throwing, new Error('the bucket broke')],
  ['is too short', () => inPieces(Buffer.alloc(99)), { kind: 'checksum_mismatch' }],
  ['is too long', () => inPieces(Buffer.alloc(101), 100), { kind: 'checksum_mismatch' }],
])('a body that %s fails alone', async (_, body, error) => {
  const { decoder, develop, pids } = open()
  await develop('echo')
  await expect(decoder.develop(body(), { sizeBytes: 100, now, signal: never })).rejects.toMatchObject(error)
  // What came of the photo is in the old process, which must not be asked again.
  await untilGone(pids()[0] as number)
  await develop('echo')
  expect(pids()).toHaveLength(2)
})

async function* throwing(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(50)
  throw new Error('the bucket broke')
}

test('a body that fails after its last byte fails too: its hash may have been wrong', async () => {
  const { decoder } = open()
  async function* body() {
    yield Buffer.from('echo')
    throw new Error('not the right bytes')
  }
  const developing = decoder.develop(body(), { sizeBytes: 4, now, signal: never })
  await expect(developing).rejects.toThrow('not the right bytes')
})

test('a signal ends it at any time, with its reason', async () => {
  const { decoder, develop, pids } = open()
  const gate = openGate()
  const reason = new Error('drained')
  const stopped = new AbortController()
  const developing = develop(`wait ${gate.path('a')}`, stopped.signal)
  await gate.untilBegun('a')
  stopped.abort(reason)
  await expect(developing).rejects.toBe(reason)
  await untilGone(pids()[0] as number)
  await expect(develop('echo', stopped.signal)).rejects.toBe(reason)

  const stalled = new AbortController()
  async function* body() {
    yield Buffer.from('ec')
    setImmediate(() => stalled.abort(reason))
    await new Promise(() => {})
  }
  await expect(decoder.develop(body(), { sizeBytes: 4, now, signal: stalled.signal })).rejects.toBe(reason)
  await develop('echo')
})

test('closing ends everything', async () => {
  const { decoder, develop, pids } = open({ processes: 2 })
  const gate = openGate()
  const running = develop(`wait ${gate.path('a')}`).catch(error => error)
  await gate.untilBegun('a')
  await develop('echo')
  const waiting = ['hang', 'hang'].map(photo => develop(photo).catch(error => error))
  await decoder.close()
  for (const error of await Promise.all([running, ...waiting])) expect(error).toMatchObject({ kind: 'unavailable' })
  await expect(develop('echo')).rejects.toMatchObject({ kind: 'unavailable' })
  expect(pids()).toHaveLength(2)
  await Promise.all(pids().map(untilGone))
})

test('a program that does not start is no fault of the photo', async () => {
  for (const program of [programOf('no-such-program'), programOf('../../workers/thumbnail/isolated/wire')]) {
    const { develop } = open({ program })
    await expect(develop('echo')).rejects.toMatchObject({ kind: 'unavailable' })
  }
})
