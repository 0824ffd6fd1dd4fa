/** Goal: a request's every wait ends, its answer is whole or an error, and it reads nothing of its body once it has settled. */
import { Agent, type IncomingMessage } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { drained, exchange, type Target } from '../../../src/storage/http-exchange.js'
import { expectSameBytes, MiB, patterned } from './suite-support.js'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

describe('the memory of a body', () => {
  test('is read no more once there is an answer of success, however early that came', async () => {
    const { sent, lent, overwrite } = lentMemory()
    const received: Buffer[] = []
    const target = await listening(socket => {
      socket.once('data', head => {
        received.push(head)
        socket.pause()
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        setTimeout(() => socket.on('data', chunk => received.push(chunk)).resume(), 50)
      })
    })
    await drained(await put(target, lent, sent.byteLength))
    overwrite()
    const head = received[0]?.indexOf('\r\n\r\n') ?? 0
    const receivedBytes = () => received.reduce((sum, chunk) => sum + chunk.byteLength, -head - 4)
    await expect.poll(receivedBytes, { timeout: 20_000 }).toBe(sent.byteLength)
    expectSameBytes(bodyOf(received), sent)
  })

  test('is read no more once the signal has ended the request', async () => {
    const { sent, lent, overwrite } = lentMemory()
    const received: Buffer[] = []
    const ending = new AbortController()
    let connection: Socket | undefined
    const target = await listening(socket => {
      connection = socket
      socket.on('data', chunk => received.push(chunk))
      socket.once('data', () => {
        socket.pause()
        ending.abort(new Error('enough'))
        setTimeout(() => socket.resume(), 50)
      })
    })
    await expect(put(target, lent, sent.byteLength, ending.signal)).rejects.toThrow('enough')
    overwrite()
    await closed(connection)
    const body = bodyOf(received)
    expect(body.byteLength).toBeLessThan(sent.byteLength)
    expectSameBytes(body, sent.subarray(0, body.byteLength))
  })
})

describe('an answer', () => {
  test('of success that comes before the connection breaks the body off is none', async () => {
    const { sent, lent } = lentMemory()
    const target = await listening(socket => {
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', () => socket.destroy())
      })
    })
    await expect(put(target, lent, sent.byteLength)).rejects.toThrow()
  })

  test('of refusal ends the sending of the rest', async () => {
    const { sent, lent } = lentMemory()
    let connection: Socket | undefined
    let receivedBytes = 0
    const target = await listening(socket => {
      connection = socket.on('data', chunk => {
        receivedBytes += chunk.byteLength
      })
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnone')
        setTimeout(() => socket.resume(), 50)
      })
    })
    const answer = await put(target, lent, sent.byteLength)
    expect(answer.statusCode).toBe(403)
    await drained(answer)
    await closed(connection)
    expect(receivedBytes).toBeLessThan(sent.byteLength)
  })

  test('that breaks off is an error to whoever drains it', async () => {
    const target = await listening(socket => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this', () => socket.destroy())
      })
    })
    const answer = await put(target, [Buffer.from('x')], 1)
    await expect(drained(answer)).rejects.toThrow()
  })

  test('that has come whole is kept for a reader slower than the deadline', async () => {
    const target = await listening(socket => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall of it'))
    })
    const deadlines = { connectionTimeoutMs: 5_000, silenceMs: 40 }
    const answer = await put({ ...target, deadlines }, [Buffer.from('x')], 1)
    await closed(answer.socket)
    let text = ''
    for await (const chunk of answer.setEncoding('utf8')) text += chunk
    expect(text).toBe('all of it')
  })
})

describe('a wait', () => {
  test('for the answer has a deadline', async () => {
    const target = await listening(socket => socket.resume())
    const deadlines = { connectionTimeoutMs: 5_000, silenceMs: 50 }
    await expect(put({ ...target, deadlines }, [Buffer.from('x')], 1)).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })

  test('for the rest of the answer has a deadline', async () => {
    const target = await listening(socket => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this'))
    })
    const deadlines = { connectionTimeoutMs: 5_000, silenceMs: 50 }
    const answer = await put({ ...target, deadlines }, [Buffer.from('x')], 1)
    await expect(drained(answer)).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })

  test('for a connection that others hold has a deadline', async () => {
    const target = await listening(socket => socket.resume(), { maxSockets: 1 })
    const ending = new AbortController()
    const holding = expect(put(target, [Buffer.from('x')], 1, ending.signal)).rejects.toThrow('enough')
    const deadlines = { connectionTimeoutMs: 50, silenceMs: 60_000 }
    await expect(put({ ...target, deadlines }, [Buffer.from('x')], 1)).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    ending.abort(new Error('enough'))
    await holding
  })

  test('for a body’s bytes ends with the connection', async () => {
    const target = await listening(socket => socket.once('data', () => socket.destroy()))
    let isEnded = false
    async function* chunks(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          yield Buffer.alloc(65_536)
          await new Promise(resolve => setImmediate(resolve))
        }
      } finally {
        isEnded = true
      }
    }
    await expect(exchange(target, { ...message(1e12), body: chunks() })).rejects.toThrow()
    await expect.poll(() => isEnded).toBe(true)
  })
})

const message = (sizeBytes: number) => ({
  method: 'PUT',
  path: '/',
  headers: { host: 'a', 'content-length': sizeBytes },
})

function put(target: Target, body: Buffer[], sizeBytes: number, signal?: AbortSignal): Promise<IncomingMessage> {
  return exchange(target, { ...message(sizeBytes), body }, signal)
}

/** More than the system takes in one go, in pieces. */
function lentMemory(): { sent: Buffer; lent: Buffer[]; overwrite: () => void } {
  const sent = patterned(24 * MiB)
  const lent = Array.from({ length: 24 }, (_, index) => Buffer.from(sent.subarray(index * MiB, (index + 1) * MiB)))
  const overwrite = () => {
    for (const piece of lent) piece.fill(0xff)
  }
  return { sent, lent, overwrite }
}

/** A server that does with a connection what it's told, until the test ends. */
async function listening(answer: (socket: Socket) => void, options: { maxSockets?: number } = {}): Promise<Target> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => socket.destroy()))
    answer(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const agent = new Agent({ keepAlive: true, ...options })
  ends.push(() => {
    agent.destroy()
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  const address = server.address()
  const port = typeof address === 'object' ? String(address?.port) : ''
  return { protocol: 'http:', hostname: '127.0.0.1', port, agent }
}

async function closed(socket: Socket | undefined): Promise<void> {
  if (socket && !socket.closed) await new Promise(resolve => socket.once('close', resolve))
}

function bodyOf(received: Buffer[]): Buffer {
  const all = Buffer.concat(received)
  return all.subarray(all.indexOf('\r\n\r\n') + 4)
}
