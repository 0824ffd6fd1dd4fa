/**
 * Goal: curl, as scripts use it, sends files in one request: with "Expect: 100-continue", without saying how long they are, over
 * HTTP/2 and TLS; and what broke off it can go on with by hand.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../http/certificate.js'
import { findCommand, runToEnd } from '../support/process.js'
import { seededRandom } from '../support/seed.js'
import { startLink } from './clients-link.js'
import { type ClientsScene, startClientsScene } from './clients-scene.js'

const curl = findCommand('curl')
const deadlineMs = 30_000
const sizeBytes = 3_000_000

type Headers = Readonly<Record<string, string>>
/** Of a whole file in tus. */
const whole: Headers = {
  'Tus-Resumable': '1.0.0',
  'Upload-Length': String(sizeBytes),
  'Content-Type': 'application/offset+octet-stream',
}
const draft: Headers = { 'Upload-Draft-Interop-Version': '6' }
/** In the draft, which needs no length. */
const complete: Headers = { ...draft, 'Upload-Complete': '?1' }
/** Long enough that curl sends nothing before it heard that it may. */
const patience = ['--expect100-timeout', '20']
const expects: Headers = { Expect: '100-continue' }
/** Which curl says of large bodies by itself. */
const expectsNothing: Headers = { Expect: '' }

describe.skipIf(!curl)(curl ? 'curl' : 'curl (skipped: curl is not on this machine: apt-get install curl)', () => {
  let scene: ClientsScene
  let folder: string
  let secure: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'photosync-curl-'))
    const { cert, key } = makeCertificate()
    const tls = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
    await Promise.all([writeFile(tls.TLS_CERT_FILE, cert), writeFile(tls.TLS_KEY_FILE, key)])
    scene = await startClientsScene('Postgres and a disk')
    secure = await scene.service.addApi(tls)
  })
  afterAll(async () => {
    await scene?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('a creation with the upload, once it hears "continue"', async () => {
    const { file, content } = await photo()
    const heard = await ask(plain(), {
      args: ['-X', 'POST', '-T', file, ...patience],
      headers: { ...whole, ...expects },
    })
    expect([heard.statuses, heard.sentBytes]).toEqual([[100, 201], sizeBytes])
    await scene.expectStored(content, receiptOf(heard))
  })

  test.each<[string, Headers, number]>([
    ['nobody', { Authorization: 'Bearer nobody' }, 401],
    ['a version of tus that is not there', { 'Tus-Resumable': '0.2.2' }, 412],
    ['what is no length', { 'Upload-Length': 'x' }, 400],
  ])('%s is refused before a byte is sent', async (_title, wrong, status) => {
    const { file } = await photo()
    const headers = { ...whole, ...expects, ...wrong }
    const heard = await ask(plain(), { args: ['-X', 'POST', '-T', file, ...patience], headers })
    expect([heard.statuses, heard.sentBytes]).toEqual([[status], 0])
  })

  test('a body of a length that nobody says', async () => {
    const { file, content } = await photo()
    const headers = { ...complete, ...expectsNothing }
    const heard = await ask(plain(), { args: ['-X', 'POST', '-T', '-'], headers, stdin: file })
    expect([heard.statuses, heard.headers['upload-complete']]).toEqual([[104, 201], '?1'])
    await scene.expectStored(content, receiptOf(heard))
  })

  test.each<[string, Headers, boolean]>([
    ['tus', whole, false],
    ['tus, without a Content-Length', whole, true],
    ['the draft', complete, false],
    ['the draft, of a length that nobody says', complete, true],
  ])('over HTTP/2 and TLS: %s', async (_title, headers, piped) => {
    const { file, content } = await photo()
    const args = ['--http2', '-k', '-X', 'POST', '-T', piped ? '-' : file]
    const heard = await ask(secure, { args, headers, stdin: file })
    expect([heard.version, heard.statuses.at(-1), heard.sentBytes]).toEqual(['2', 201, sizeBytes])
    await scene.expectStored(content, receiptOf(heard))
  })

  test('over HTTP/1.1 and TLS, for who knows no HTTP/2', async () => {
    const { file, content } = await photo()
    const heard = await ask(secure, { args: ['--http1.1', '-k', '-X', 'POST', '-T', file], headers: whole })
    expect([heard.version, heard.statuses.at(-1)]).toEqual(['1.1', 201])
    await scene.expectStored(content, receiptOf(heard))
  })

  test('what broke off goes on where it was', async () => {
    const { file, content, random } = await photo()
    const bytesUntilCut = () => random.between(1_000_000, 2_000_000)
    const link = await startLink({ servers: scene.servers, random, bytesUntilCut })
    const args = ['-X', 'POST', '-T', file, ...patience]
    const broken = await ask(link.url, { args, headers: { ...complete, ...expects } }).finally(() => link.close())
    // It knows where to go on before it sends a byte.
    expect(broken.statuses).toEqual([104, 100])
    const path = String(broken.headers.location)
    const { headers } = await ask(plain(), { args: ['-I'], headers: draft, path })
    const offset = Number(headers['upload-offset'])
    expect(offset).toBeGreaterThan(0)
    const rest = join(folder, 'rest')
    await writeFile(rest, content.subarray(offset))
    const heard = await ask(plain(), {
      args: ['-X', 'PATCH', '-T', '-'],
      headers: { ...complete, 'Upload-Offset': String(offset), 'Content-Type': 'application/partial-upload' },
      stdin: rest,
      path,
    })
    expect(heard.statuses.at(-1)).toBe(201)
    await scene.expectStored(content, receiptOf(heard))
  })

  test('nothing else is stored', () => scene.expectNothingElse())

  let turn = 0
  const plain = () => scene.servers[turn++ % 2] as string

  async function photo() {
    const random = seededRandom()
    const content = random.bytes(sizeBytes)
    const file = join(folder, 'photo.jpg')
    await writeFile(file, content)
    return { file, content, random }
  }

  /** What curl heard, also when that isn't the end. */
  async function ask(server: string, { args, headers, stdin, path = '/v1/uploads' }: Asked): Promise<Heard> {
    const said = Object.entries({ ...scene.headers, ...headers }).flatMap(([name, value]) => [
      '-H',
      `${name}: ${value}`,
    ])
    const atEnd = '\nthen %{http_version} %{size_upload}\n'
    const all = ['-sS', '-D', '-', '-o', '/dev/null', '-w', atEnd, ...said, ...args, `${server}${path}`]
    const script = `${curl} "$@" <"$STDIN" || true`
    const env = { STDIN: stdin ?? '/dev/null' }
    return parse(await runToEnd({ command: 'sh', args: ['-c', script, 'sh', ...all], env }, deadlineMs))
  }
})

interface Asked {
  args: string[]
  /** An empty one is not sent. */
  headers: Headers
  /** A file. */
  stdin?: string
  path?: string
}

interface Heard {
  /** Of every answer, those that came ahead of the last too. */
  statuses: number[]
  /** Of all of them; the last counts. */
  headers: Record<string, string>
  /** Of HTTP. */
  version: string
  sentBytes: number
}

function parse(output: string): Heard {
  const heard: Heard = { statuses: [], headers: {}, version: '', sentBytes: 0 }
  for (const line of output.split(/\r?\n/)) {
    const [, status] = /^HTTP\/[\d.]+ (\d{3})/.exec(line) ?? []
    const [, name, value] = /^([\w-]+): *(.*)$/.exec(line) ?? []
    const [, version, sent] = /^then ([\d.]+) (\d+)$/.exec(line) ?? []
    if (status) heard.statuses.push(Number(status))
    else if (name) heard.headers[name.toLowerCase()] = value ?? ''
    else if (version) Object.assign(heard, { version, sentBytes: Number(sent) })
  }
  return heard
}

const receiptOf = ({ headers }: Heard) => [headers['photosync-photo'], headers['photosync-duplicate']] as const
