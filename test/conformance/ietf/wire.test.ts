/** Goal: on the wire, over HTTP/1.1 and HTTP/2, a 104 comes when and where it may, and a request that ends without an answer can be resumed. */
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Caller } from '../../../src/accounts/caller.js'
import { AppError } from '../../../src/core/errors.js'
import type { Engine } from '../../../src/upload/contract.js'
import { makeIetfFront } from '../../../src/upload/ietf/front.js'
import { closeOf } from '../../support/close-of.js'
import { waitUntil } from '../../support/wait-until.js'
import { content, locationOf, openIetf, receiptOf, refused, told } from './client.js'
import { useIetf } from './scene.js'
import { uploads } from './server.js'

let failing = false
const scene = useIetf({
  decorate: bucket => ({
    ...bucket,
    put: (...args) =>
      failing
        ? Promise.reject(new AppError('unavailable', 'The bucket is away', { retryAfterSeconds: 3 }))
        : bucket.put(...args),
  }),
})
const ietf = () => openIetf(scene.target, 8)

describe('HTTP/1.1', () => {
  test('the 104 stands alone and whole, before the content is sent', async () => {
    const wire = openWire()
    wire.send(`${head('8', 4)}\r\n`)
    await wire.expectMatch(/\r\n\r\n$/)
    const [interim = ''] = wire.text().split('\r\n\r\n')
    const lines = interim.split('\r\n')
    expect(lines[0]).toBe('HTTP/1.1 104 Upload Resumption Supported')
    expect(lines.slice(1).sort()).toEqual([
      expect.stringMatching(/^Location: \/v1\/uploads\/[0-9a-z]{26}$/),
      'Upload-Draft-Interop-Version: 8',
      expect.stringMatching(/^Upload-Limit: min-size=0, max-size=\d+, max-age=\d+$/),
    ])
    wire.send('abcd')
    await wire.expectMatch(/HTTP\/1\.1 201 Created\r\n(?:.+\r\n)+\r\n$/)
    expect(wire.statuses()).toEqual(['104', '201'])
    const locations = wire.text().match(/^Location: .*$/gm)
    expect(new Set(locations).size).toBe(1)
  })

  test('HTTP/1.0 knows no interim answers', async () => {
    const wire = openWire()
    wire.send(`${head('8', 4).replace('HTTP/1.1', 'HTTP/1.0')}\r\nabcd`)
    await wire.expectMatch(/\r\n\r\n$/)
    expect(wire.statuses()).toEqual(['201'])
  })

  test('of pipelined requests each has its 104 right before its answer', async () => {
    const { engine } = scene.servers[0]
    let release = () => {}
    const secondIsAnnounced = new Promise<void>(resolve => {
      release = resolve
    })
    let created = 0
    const create: Engine['create'] = async (caller, creation, body, onCreated) => {
      const isFirst = created++ === 0
      const upload = await engine.create(caller, creation, body, made => {
        onCreated?.(made)
        if (!isFirst) release()
      })
      if (isFirst) await secondIsAnnounced
      return upload
    }
    const wire = openWire(await serve({ ...engine, create }))
    wire.send(`${head('6', 2)}\r\nab${head('3', 2)}\r\ncd`)
    await waitUntil(async () => wire.statuses().length === 4, { what: 'four answers', deadlineMs: 20_000 })
    expect(wire.statuses()).toEqual(['104', '201', '104', '201'])
    const versions = wire.text().match(/^Upload-Draft-Interop-Version: .*$/gm)
    expect(versions?.map(line => line.at(-1))).toEqual(['6', '6', '3', '3'])
  })

  test('a creation whose content broke off is not answered as if it had come', async () => {
    const { engine } = scene.servers[0]
    const create: Engine['create'] = (caller, creation, _body, onCreated) =>
      engine.create(caller, { ...creation, sizeBytes: 4 }, undefined, onCreated)
    const wire = openWire(await serve({ ...engine, create }))
    wire.send(`${head('8', 4)}\r\nab`)
    await wire.untilClosed
    expect(wire.statuses()).toEqual(['104'])
  })

  test('a client that left before its 104 harms nobody', async () => {
    const reported = scene.servers.map(server => server.reported.length)
    for (let count = 0; count < 20; count++) {
      const socket = connect(scene.servers[0].port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(`${head('8', 1_000)}\r\nab`, () => socket.resetAndDestroy())
      await closeOf(socket)
    }
    expect((await ietf().post(ietf().ends, content())).status).toBe(201)
    expect(scene.servers.map(server => server.reported.length)).toEqual(reported)
  })

  test('a body that goes on after its request was refused does not keep the refusal away', async () => {
    const { request, answer } = ietf().begin('POST', uploads, {
      headers: { ...ietf().ends, 'Content-Length': 2 ** 32, 'Content-Type': 'text/html' },
    })
    request.write(Buffer.alloc(500_000))
    refused(await answer, 415)
    request.destroy()
  })
})

describe('HTTP/2', () => {
  test('the 104 comes before the content is sent', async () => {
    const session = openSession()
    const stream = session.request({ ...http2Head, 'content-length': 4 })
    const [interim] = (await once(stream, 'headers')) as [http2.IncomingHttpHeaders]
    expect(interim).toMatchObject({ ':status': 104, 'upload-draft-interop-version': '8' })
    expect(interim['upload-limit']).toMatch(/max-size=\d+/)
    stream.end('abcd')
    const [final] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
    expect(final).toMatchObject({
      ':status': 201,
      location: interim.location,
      'upload-offset': '4',
      'upload-complete': '?1',
    })
    expect(final.connection).toBeUndefined()
  })

  test('what came before a break is kept, and the rest can be sent over either', async () => {
    const body = content(60_000)
    const session = openSession()
    const stream = session.request({ ...http2Head, 'content-length': body.length })
    stream.on('error', () => {})
    stream.write(body.subarray(0, 20_000))
    const [interim] = (await once(stream, 'headers')) as [http2.IncomingHttpHeaders]
    const path = String(interim.location)
    // Acknowledged once it was read.
    await waitUntil(async () => (session.state.outboundQueueSize ?? 0) === 0 && stream.writableLength === 0, {
      what: 'sending',
      deadlineMs: 20_000,
    })
    await new Promise<void>(resolve => session.ping(() => resolve()))
    stream.close(http2.constants.NGHTTP2_CANCEL)
    const offset = Number(told(await ietf().head(path))[1])
    expect(offset).toBeGreaterThan(0)
    const rest = session.request({
      ...http2Head,
      ':method': 'PATCH',
      ':path': path,
      'upload-offset': offset,
      'content-type': 'application/partial-upload',
    })
    rest.end(body.subarray(offset))
    const [final] = (await once(rest, 'response')) as [http2.IncomingHttpHeaders]
    expect(final).toMatchObject({ ':status': 201, 'upload-complete': '?1' })
    expect((await scene.stored(final['photosync-photo'])).equals(body)).toBe(true)
  })

  test('a request that a newer one takes over ends without an answer', async () => {
    const path = await ietf().create()
    const session = openSession()
    const older = session.request({
      ...http2Head,
      ':method': 'PATCH',
      ':path': path,
      'upload-offset': 0,
      'content-type': 'application/partial-upload',
    })
    let answered = false
    older.on('response', () => {
      answered = true
    })
    older.on('error', () => {})
    older.write(content(5_000))
    await scene.untilHeld(path)
    const closed = closeOf(older)
    const offset = Number(told(await ietf().head(path))[1])
    await closed
    expect(answered).toBe(false)
    const last = await ietf().patch(path, offset, content(10), ietf().ends)
    expect(told(last)).toEqual([201, String(offset + 10)])
  })

  test('a refusal is a whole answer', async () => {
    const session = openSession()
    const stream = session.request({ ...http2Head, 'content-type': 'text/html' })
    let text = ''
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    stream.on('error', () => {})
    stream.write(content(5_000))
    const [answer] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
    await closeOf(stream)
    expect([answer[':status'], answer['content-type'], JSON.parse(text).status]).toEqual([
      415,
      'application/problem+json',
      415,
    ])
  })
})

describe('a failure of ours', () => {
  test('after a 104 ends the connection, since its client resumes then', async () => {
    failing = true
    onTestFinished(() => {
      failing = false
    })
    const body = content()
    const { request, answer, interim } = ietf().begin('POST', uploads, { headers: ietf().ends })
    request.end(body)
    const path = locationOf(await interim)
    await expect(answer).rejects.toThrow()
    failing = false
    const offset = Number(told(await ietf().head(path))[1])
    const last = await ietf().patch(path, offset, body.subarray(offset), ietf().ends)
    expect(told(last)).toEqual([201, '1000'])
    expect((await scene.stored(receiptOf(last)[0])).equals(body)).toBe(true)
  })

  test('otherwise is a 503 that says when to come back', async () => {
    const path = await ietf().create()
    failing = true
    onTestFinished(() => {
      failing = false
    })
    for (const answer of [
      await openIetf(scene.target, 'unnamed').post(ietf().ends, content()),
      await ietf().patch(path, 0, content(), ietf().ends),
    ]) {
      refused(answer, 503)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    }
  })

  test('an upload that cannot be had in time: the connection ends, since its client asks again then', async () => {
    const held = () => Promise.reject(new AppError('held', 'Another request has it', { retryAfterSeconds: 1 }))
    const port = await serve({ ...scene.servers[0].engine, find: held, append: held, terminate: held })
    const path = `${uploads}/${'0'.repeat(26)}`
    const busy = openIetf({ ...scene.target, origins: [`http://127.0.0.1:${port}`] }, 8)
    await expect(busy.head(path)).rejects.toThrow('socket hang up')
    await expect(busy.patch(path, 0, 'ab', busy.ends)).rejects.toThrow('socket hang up')
    await expect(busy.delete(path)).rejects.toThrow('socket hang up')
  })
})

const http2Head = {
  ':method': 'POST',
  ':path': uploads,
  'upload-draft-interop-version': '8',
  'upload-complete': '?1',
}

function head(version: string, lengthBytes: number): string {
  const completeness = version === '3' ? 'Upload-Incomplete: ?0' : 'Upload-Complete: ?1'
  const lines = [`POST ${uploads} HTTP/1.1`, 'Host: here', `Upload-Draft-Interop-Version: ${version}`, completeness]
  return `${[...lines, `Content-Length: ${lengthBytes}`].join('\r\n')}\r\n`
}

function openWire(port = scene.servers[0].port) {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  return {
    send: (bytes: string) => void socket.write(bytes, 'latin1'),
    text: () => text,
    untilClosed: new Promise<void>(resolve => void socket.once('close', () => resolve())),
    statuses: () => text.match(/(?<=^HTTP\/1\.1 )\d{3}/gm) ?? [],
    expectMatch: (pattern: RegExp) =>
      waitUntil(async () => pattern.test(text), { what: `an answer like ${pattern}`, deadlineMs: 20_000 }),
  }
}

function openSession(): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${scene.servers[0].http2Port}`)
  onTestFinished(() => session.destroy())
  return session
}

async function serve(engine: Engine): Promise<number> {
  const caller: Caller = { ...scene.people[0], device: null, session: false }
  const front = makeIetfFront({ engine, path: uploads, report: () => {} })
  const server = http.createServer((req, res) => void front(req, res, caller))
  onTestFinished(() => void server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
