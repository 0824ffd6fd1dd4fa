/**
 * The floor of the upload bench: the least that a server can do for a photo. It reads the body, takes its SHA-256 and streams
 * it into one signed PUT over a kept-alive connection. No protocol, no accounts, no database; nothing survives a break.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { environmentOf } from '../../src/config.js'
import { fromEnvironment } from './upload/s3-environment.js'
import { signPut } from './upload/s3-signature.js'

const bucket = fromEnvironment(environmentOf())
const { hostname, port } = new URL(bucket.endpoint)
const agent = new Agent({ keepAlive: true })

const server = createServer((incoming, answer) => {
  store(incoming, answer)
})
// Longer than a side waits for its turn: a new connection is not what is measured.
server.keepAliveTimeout = 75_000
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})

function store(incoming: IncomingMessage, answer: ServerResponse): void {
  const path = `/${bucket.bucket}/floor/${randomBytes(16).toString('hex')}`
  const headers = { ...signPut(bucket, path, new Date()), 'Content-Length': incoming.headers['content-length'] ?? 0 }
  const hash = createHash('sha256')
  const put = request({ hostname, port, method: 'PUT', path, headers, agent })
  const fail = () => {
    put.destroy()
    answer.destroy()
  }
  incoming
    .on('data', (chunk: Buffer) => {
      hash.update(chunk)
      if (!put.write(chunk)) incoming.pause()
    })
    .on('end', () => put.end())
    .on('error', fail)
  put
    .on('drain', () => incoming.resume())
    .on('error', fail)
    .on('response', response => {
      const status = response.statusCode === 200 ? 201 : 502
      response.resume().on('end', () => answer.writeHead(status, { 'Content-Digest': hash.digest('hex') }).end())
    })
}
