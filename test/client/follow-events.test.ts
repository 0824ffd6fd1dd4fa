/**
 * Goal: the reader of server-sent events takes the stream as the standard says however its bytes are cut, and no server can
 * keep it waiting or holding more than it may.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { makeEventParser } from '../../src/client/events.js'
import { type EventsOptions, readEvents, type ServerEvent } from '../../src/client/index.js'
import { seededRandom } from '../support/seed.js'

const event = (data: string, event = 'message', id = '') => ({ event, data, id })

describe('the stream', () => {
  test.each<[string, ServerEvent[]]>([
    ['', []],
    ['data: one\n\n', [event('one')]],
    ['data: one\n', []],
    ['event: changes\nid: 1.2\ndata: {"a":1}\n\n', [event('{"a":1}', 'changes', '1.2')]],
    ['data: one\ndata: two\n\n', [event('one\ntwo')]],
    ['data:one\n\ndata:  two\n\n', [event('one'), event(' two')]],
    ['data\n\n', [event('')]],
    ['event: none\n\ndata: one\n\n', [event('one')]],
    ['id: 7\n\ndata: one\n\n', [event('one', 'message', '7')]],
    [
      'id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n',
      [event('a', 'message', '7'), event('b', 'message', '7'), event('c')],
    ],
    ['id: a\0b\ndata: one\n\n', [event('one')]],
    [': a comment\n:\n\nretry: 2000\n\nnonsense: 1\ndata: one\n\n', [event('one')]],
    ['\ufeffdata: one\r\ndata: two\r\r\n\ndata: three\n\n', [event('one\ntwo'), event('three')]],
    ['data: 写真\n\n', [event('写真')]],
  ])('%j', (text, events) => {
    const cut = fc.array(fc.nat({ max: text.length }), { maxLength: 5 })
    fc.assert(
      fc.property(cut, cuts => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length]
        const parse = makeEventParser()
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end))
        expect(pieces.flatMap(parse)).toEqual(events)
      }),
      { seed: seededRandom().seed, numRuns: 50 },
    )
  })

  test.each(['data: no end', 'no end at all', 'event: no end'])('%s: what never ends is not held', text => {
    const parse = makeEventParser()
    const piece = 'x'.repeat(16_384)
    parse(text)
    expect(() => Array.from({ length: 10 }, () => parse(piece))).toThrow(expect.objectContaining({ kind: 'invalid' }))
  })

  test('many lines of data without an end are not held either', () => {
    const parse = makeEventParser()
    const line = `data: ${'x'.repeat(1_000)}\n`
    expect(() => Array.from({ length: 100 }, () => parse(line))).toThrow(expect.objectContaining({ kind: 'invalid' }))
  })
})

/** A server that says no more than it is told to. */
async function startSpeaker(speak: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_, response) => speak(response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function collect(options: Omit<EventsOptions, 'token' | 'signal'> & { signal?: AbortSignal }) {
  const events: ServerEvent[] = []
  for await (const event of readEvents({ token: 't', signal: new AbortController().signal, ...options })) {
    events.push(event)
  }
  return events
}

const stream = { 'Content-Type': 'text/event-stream' }

describe('the connection', () => {
  test('ends when the server ends it, also within a character', async () => {
    const [, second] = Buffer.from('é')
    const server = await startSpeaker(response => {
      response.writeHead(200, stream).write(Buffer.from('data: é\n\ndata: é').subarray(0, -1))
      setTimeout(() => response.end(Buffer.from([second as number, 10, 10])), 50)
    })
    expect(await collect({ server })).toEqual([event('é'), event('é')])
  })

  test.each<[string, (response: ServerResponse) => void, string]>([
    ['a server that never answers', () => {}, 'unavailable'],
    ['one that falls silent', response => response.writeHead(200, stream).write('data: one\n\n'), 'unavailable'],
    [
      'one whose connection breaks',
      response => response.writeHead(200, stream).write('x', () => response.destroy()),
      'unavailable',
    ],
    ['a page', response => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>Hello'), 'invalid'],
    ['a refusal', response => response.writeHead(401).end(), 'unauthenticated'],
    ['too many', response => response.writeHead(429, { 'Retry-After': '15' }).end(), 'too_many'],
  ])('%s is an error that says so', async (_, speak, kind) => {
    const server = await startSpeaker(speak)
    await expect(collect({ server, connectMs: 500, silenceMs: 500 })).rejects.toMatchObject({ kind })
  })

  test('heartbeats keep it', async () => {
    const server = await startSpeaker(response => {
      response.writeHead(200, stream)
      let beats = 0
      const timer = setInterval(() => {
        response.write(':\n\n')
        if (++beats < 8) return
        clearInterval(timer)
        response.end('data: still here\n\n')
      }, 500)
    })
    expect(await collect({ server, silenceMs: 3_000 })).toEqual([event('still here')])
  })

  test('it ends at once with its signal', async () => {
    const stop = new AbortController()
    const server = await startSpeaker(response => {
      response.writeHead(200, stream).write('data: one\n\n')
      stop.abort(new Error('enough'))
    })
    await expect(collect({ server, signal: stop.signal })).rejects.toThrow('enough')
  })
})
