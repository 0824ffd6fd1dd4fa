/** Goal: a certificate that can't be served is named in one sentence before anything listens, and bad TLS harms nobody else. */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { listen } from '../../src/http/listen.js'
import { buildHttp, closeHttp } from '../../src/http/server.js'
import { readTls } from '../../src/http/tls.js'
import { makeMetrics } from '../../src/observe/metrics.js'
import { closeOf } from '../support/close-of.js'
import { makeCertificate } from './certificate.js'
import { startScene } from './scene.js'

const folder = mkdtempSync(join(tmpdir(), 'photosync-tls-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { cert, key } = makeCertificate()
const encrypted = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
}).privateKey

function write(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const certFile = write('cert.pem', cert)
const keyFile = write('key.pem', key)

test('a certificate and its key are read', async () => {
  expect(await readTls({ certFile, keyFile })).toEqual({ cert, key })
})

describe('is refused', () => {
  const missing = join(folder, 'missing.pem')
  const other = write('other.pem', makeCertificate().key)
  const words = write('words.pem', 'not a certificate')
  const locked = write('locked.pem', encrypted)
  test.each([
    [{ certFile: missing, keyFile }, `TLS_CERT_FILE ${missing} can’t be read (ENOENT)`],
    [{ certFile, keyFile: folder }, `TLS_KEY_FILE ${folder} can’t be read (EISDIR)`],
    [{ certFile: words, keyFile }, `TLS_CERT_FILE ${words} is not a certificate in PEM`],
    [{ certFile: keyFile, keyFile }, `TLS_CERT_FILE ${keyFile} is not a certificate in PEM`],
    [{ certFile, keyFile: words }, `TLS_KEY_FILE ${words} is not a private key in PEM without a passphrase`],
    [{ certFile, keyFile: locked }, `TLS_KEY_FILE ${locked} is not a private key in PEM without a passphrase`],
    [{ certFile, keyFile: other }, `TLS_KEY_FILE ${other} is not the key of TLS_CERT_FILE ${certFile}`],
  ])('%j', async (files, sentence) => {
    await expect(readTls(files)).rejects.toMatchObject({ kind: 'invalid', message: sentence })
  })
})

test('where it listens is an https address', async () => {
  const metrics = makeMetrics()
  const parts = {
    regionId: 'x',
    authenticate: () => Promise.reject(new Error()),
    metrics,
    report: () => {},
    newId: String,
  }
  const app = await buildHttp({ ...parts, routes: [], tls: { cert, key } })
  const url = await listen(app, { host: '127.0.0.1', port: 0, variable: 'PORT' })
  await closeHttp(app, { deadlineMs: 1_000 })
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
})

test.each([
  ['plain HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['no protocol at all', Buffer.from([22, 3, 1, 255, 255, 1, 2, 3, 4])],
  ['nothing', ''],
])('%s instead of TLS ends that connection and no other', async (_, bytes) => {
  const here = await startScene({ tls: { cert, key }, routes: () => [] })
  const socket = connect(here.port, '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  socket.resume().end(bytes)
  await closeOf(socket)
  expect((await here.ask('GET', '/v1/nowhere')).status).toBe(404)
  await here.close()
})
