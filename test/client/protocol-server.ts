/**
 * A small server that speaks what a handset needs (tus POST, HEAD, PATCH and DELETE, /v1/me, /v1/consents, /v1/sync/check, restore),
 * on loopback and in memory, and misbehaves when told: it cuts connections after so many bytes and says any answer instead of its own. What
 * arrived before a cut is kept, as a real server keeps it.
 */
import { createHash } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  status: number
  headers?: Record<string, string>
  body?: string
}

interface Upload {
  chunks: Buffer[]
  offset: number
  length: number
  metadata: Record<string, string>
}

export interface ProtocolServer {
  url: string
  token: string
  /** Body bytes after which the connection of each coming upload request breaks; used from the front, one each. */
  cuts: number[]
  /** Asked before each request is served; what it gives is said instead. The second argument counts that kind of request. */
  instead: (request: string, nth: number, headers: http.IncomingHttpHeaders) => Answer | undefined
  /** Called as body bytes arrive, with how many of that upload there are. */
  onArrived: (bytes: number) => void | Promise<void>
  /** By SHA-256. */
  stored: Map<string, { bytes: Buffer; metadata: Record<string, string> }>
  /** By SHA-256: what the person deleted; in the trash, or for good. */
  deleted: Map<string, { photo: string; inTrash: boolean }>
  /** `POST /v1/uploads` and the like, with ids left out. */
  requests: string[]
  checks: string[][]
  /** Uploads that are neither finished nor withdrawn. */
  open: Map<string, Upload>
  close(): Promise<void>
}

export async function startProtocolServer(): Promise<ProtocolServer> {
  const server = http.createServer((request, response) => {
    serve(it, request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const it: ProtocolServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: 'ps1.test.token',
    cuts: [],
    instead: () => undefined,
    onArrived: () => {},
    stored: new Map(),
    deleted: new Map(),
    requests: [],
    checks: [],
    open: new Map(),
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return it
}

export const photoOf = (sha256: string) => `photo-${sha256.slice(0, 8)}`

async function serve(it: ProtocolServer, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const { method = '', url = '' } = request
  const name = `${method} ${url.startsWith('/v1/uploads/') ? '/v1/uploads/:id' : url}`
  it.requests.push(name)
  const say = ({ status, headers = {}, body }: Answer) => response.writeHead(status, headers).end(body)
  const nth = it.requests.filter(other => other === name).length
  const instead = it.instead(name, nth, request.headers)
  if (instead) return void say(instead)
  if (request.headers.authorization !== `Bearer ${it.token}`)
    return void say(problem(401, 'unauthenticated', 'Sign in'))
  if (name === 'GET /v1/me') return void say(json(200, me))
  if (name === 'GET /v1/consents') return void say(json(200, { sync: { granted: true }, places: { granted: false } }))
  if (name === 'POST /v1/sync/check') return void say(await check(it, request))
  if (name === 'POST /v1/photos/restore') return void say(await restore(it, request))
  if (name === 'POST /v1/uploads') return create(it, request, response)
  const upload = it.open.get(url)
  if (!upload) return void say(problem(404, 'not_found', 'There is no such upload'))
  if (method === 'DELETE') {
    it.open.delete(url)
    return void say({ status: 204 })
  }
  if (method === 'HEAD') return void say({ status: 200, headers: state(it, upload) })
  if (Number(request.headers['upload-offset']) !== upload.offset) return void say({ status: 409 })
  return receive(it, upload, 204, request, response)
}

async function create(it: ProtocolServer, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const pairs = String(request.headers['upload-metadata']).split(',')
  const metadata = Object.fromEntries(pairs.map(pair => pair.split(' ') as [string, string]))
  for (const [key, value] of Object.entries(metadata)) metadata[key] = Buffer.from(value, 'base64').toString()
  const upload: Upload = { chunks: [], offset: 0, length: Number(request.headers['upload-length']), metadata }
  const location = `/v1/uploads/${it.requests.length}`
  it.open.set(location, upload)
  response.setHeader('Location', location)
  await receive(it, upload, 201, request, response)
}

async function receive(
  it: ProtocolServer,
  upload: Upload,
  status: number,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  let left =
    request.headers['content-length'] === '0' ? Number.POSITIVE_INFINITY : (it.cuts.shift() ?? Number.POSITIVE_INFINITY)
  for await (const chunk of request as AsyncIterable<Buffer>) {
    const kept = chunk.subarray(0, Math.min(chunk.length, left))
    upload.chunks.push(kept)
    upload.offset += kept.length
    left -= kept.length
    await it.onArrived(upload.offset)
    if (left === 0) return void request.socket.destroy()
  }
  response.writeHead(status, state(it, upload)).end()
}

/** Offset and length; for a finished upload the receipt, storing it the first time. */
function state(it: ProtocolServer, upload: Upload): Record<string, string> {
  const headers = { 'Upload-Offset': String(upload.offset), 'Upload-Length': String(upload.length) }
  if (upload.offset !== upload.length) return headers
  const bytes = Buffer.concat(upload.chunks)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (it.deleted.has(sha256) && upload.metadata.ifDeleted !== 'restore') {
    const { photo = '' } = it.deleted.get(sha256) ?? {}
    return { ...headers, 'Photosync-Photo': photo, 'Photosync-Duplicate': '?1', 'Photosync-Deleted': '?1' }
  }
  it.deleted.delete(sha256)
  const duplicate = it.stored.has(sha256)
  it.stored.set(sha256, { bytes, metadata: upload.metadata })
  return { ...headers, 'Photosync-Photo': photoOf(sha256), 'Photosync-Duplicate': duplicate ? '?1' : '?0' }
}

async function jsonOf<T>(request: http.IncomingMessage): Promise<T> {
  let text = ''
  for await (const chunk of request) text += chunk
  return JSON.parse(text) as T
}

async function check(it: ProtocolServer, request: http.IncomingMessage): Promise<Answer> {
  const { sha256 } = await jsonOf<{ sha256: string[] }>(request)
  it.checks.push(sha256)
  return json(200, {
    missing: sha256.filter(hash => !it.stored.has(hash) && !it.deleted.has(hash)),
    here: sha256
      .filter(hash => it.stored.has(hash))
      .map(hash => ({
        sha256: hash,
        photo: photoOf(hash),
        state: 'ready',
        reason: null,
        verified: true,
        renditions: 2,
        partOf: it.stored.get(hash)?.metadata.partOf ?? null,
        role: it.stored.get(hash)?.metadata.role ?? null,
      })),
    deleted: sha256.flatMap(hash => {
      const found = it.deleted.get(hash)
      return found && !it.stored.has(hash) ? [{ sha256: hash, at: '2026-01-01T00:00:00Z', ...found }] : []
    }),
  })
}

async function restore(it: ProtocolServer, request: http.IncomingMessage): Promise<Answer> {
  const { photos } = await jsonOf<{ photos: string[] }>(request)
  const inTrash = [...it.deleted].filter(([, { photo, inTrash }]) => inTrash && photos.includes(photo))
  for (const [hash] of inTrash) {
    it.deleted.delete(hash)
    it.stored.set(hash, { bytes: Buffer.alloc(0), metadata: {} })
  }
  return json(200, { restored: inTrash.length })
}

const counts = { photos: 0, bytes: 0, unreadable: 0, waiting: 0 }
const me = { id: 'p', email: 'a@example.org', region: 'test', ...counts, agreesToSync: true }

const json = (status: number, body: unknown): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

export const problem = (status: number, kind: string, detail: string, facts: Record<string, unknown> = {}): Answer => ({
  ...json(status, { type: 'about:blank', title: kind, status, kind, detail, ...facts }),
})
