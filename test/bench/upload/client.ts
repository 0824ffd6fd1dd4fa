/**
 * The handset of the upload bench: tus over plain node:http on kept-alive connections, as cheap as can be and the same for
 * every side, so that it takes little of the CPU that the sides share with it.
 */
import { randomBytes } from 'node:crypto'
import { Agent, type ClientRequest, type IncomingHttpHeaders, request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface Target {
  /** Where uploads are created. */
  url: string
  /** For every request, e.g. Authorization. */
  headers: Readonly<Record<string, string>>
}

/** A file's bytes in pieces. */
export interface Photo {
  chunks: readonly Buffer[]
  sizeBytes: number
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
}

/** Of sending a photo. */
export const ways = ['creationWithUpload', 'postPatch', 'inChunks'] as const
export type Way = (typeof ways)[number]

export interface Client {
  /** One POST with everything. Returns the upload's address, if it has one. */
  creationWithUpload(photo: Photo): Promise<string | undefined>
  /** A POST, then one PATCH with everything. */
  postPatch(photo: Photo): Promise<string>
  /** A POST, then one PATCH after the other. */
  inChunks(photo: Photo, chunkBytes: number): Promise<string>
  /** A POST, then one PATCH whose body is made as it goes out. */
  stream(sizeBytes: number): Promise<string>
  /** The same in one POST, for a server that knows nothing else. */
  streamAtOnce(sizeBytes: number): Promise<void>
  /** What is still on its way fails. */
  close(): void
}

const tus = { 'Tus-Resumable': '1.0.0' }
const bodyType = { 'Content-Type': 'application/offset+octet-stream' }

export interface ClientOptions {
  /** As many uploads can be in flight. */
  connections: number
  /** Closes it. */
  signal: AbortSignal
}

export function makeClient(target: Target, { connections, signal }: ClientOptions): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const close = () => {
    signal.removeEventListener('abort', close)
    agent.destroy()
  }
  signal.addEventListener('abort', close)

  const send = (method: string, url: string, headers: Record<string, string>, body: Body = []): Promise<Answer> => {
    const outgoing = request(url, { method, agent, headers: { ...target.headers, ...tus, ...headers } })
    const answered = answerTo(outgoing)
    if (body instanceof Readable) pipeline(body, outgoing).catch(() => {})
    else {
      for (const chunk of body) outgoing.write(chunk)
      outgoing.end()
    }
    return answered
  }
  const create = async (sizeBytes: number, type: 'image' | 'video'): Promise<string> => {
    const { headers } = await send('POST', target.url, { ...creationHeaders(sizeBytes, type), 'Content-Length': '0' })
    return locationOf(headers, target.url) ?? fail('a creation was answered without a Location')
  }
  const patch = async (url: string, offset: number, sizeBytes: number, body: Body) => {
    const headers = { ...bodyType, 'Upload-Offset': String(offset), 'Content-Length': String(sizeBytes) }
    const answer = await send('PATCH', url, headers, body)
    const now = Number(answer.headers['upload-offset'])
    if (now !== offset + sizeBytes) fail(`a PATCH of ${sizeBytes} bytes at ${offset} left the upload at ${now}`)
  }

  const createWhole = async (sizeBytes: number, type: 'image' | 'video', body: Body) => {
    const { headers } = await send('POST', target.url, creationWithUploadHeaders(sizeBytes, type), body)
    // A server without a protocol says none.
    const offset = headers['upload-offset']
    if (offset !== undefined && Number(offset) !== sizeBytes)
      fail(`a POST of ${sizeBytes} bytes got as far as ${offset}`)
    return locationOf(headers, target.url)
  }

  return {
    creationWithUpload: ({ chunks, sizeBytes }) => createWhole(sizeBytes, 'image', chunks),
    postPatch: async ({ chunks, sizeBytes }) => {
      const url = await create(sizeBytes, 'image')
      await patch(url, 0, sizeBytes, chunks)
      return url
    },
    inChunks: async (photo, chunkBytes) => {
      const url = await create(photo.sizeBytes, 'image')
      for (let offset = 0; offset < photo.sizeBytes; offset += chunkBytes) {
        const size = Math.min(chunkBytes, photo.sizeBytes - offset)
        await patch(url, offset, size, bytesOf(photo, offset, offset + size))
      }
      return url
    },
    stream: async sizeBytes => {
      const url = await create(sizeBytes, 'video')
      await patch(url, 0, sizeBytes, videoBody(sizeBytes))
      return url
    },
    streamAtOnce: async sizeBytes => {
      await createWhole(sizeBytes, 'video', videoBody(sizeBytes))
    },
    close,
  }
}

type Body = readonly Buffer[] | Readable

/** For requests that a caller writes by itself. */
export function creationWithUploadHeaders(
  sizeBytes: number,
  type: 'image' | 'video' = 'image',
): Record<string, string> {
  return { ...tus, ...creationHeaders(sizeBytes, type), ...bodyType, 'Content-Length': String(sizeBytes) }
}

function creationHeaders(sizeBytes: number, type: 'image' | 'video'): Record<string, string> {
  const [name, mediaType] = type === 'image' ? ['photo.jpg', 'image/jpeg'] : ['video.mp4', 'video/mp4']
  const metadata = { filename: name, filetype: mediaType }
  const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
  return { 'Upload-Length': String(sizeBytes), 'Upload-Metadata': pairs.join(',') }
}

/** Rejects unless it is a 2xx: a bench that counts refusals as work measures nothing. */
export function answerTo(outgoing: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.on('response', response => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text = (text + part).slice(0, 500)
      })
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        if (status >= 200 && status < 300) resolve({ status, headers })
        else reject(new Error(`${outgoing.method} ${outgoing.path} was answered ${status}: ${text.trim()}`))
      })
    })
  })
}

function locationOf({ location }: IncomingHttpHeaders, base: string): string | undefined {
  return location === undefined ? undefined : new URL(location, base).href
}

/** Photos without end, each of random bytes that no other has. */
export function makePhotos(sizeBytes: number): () => Photo {
  const headBytes = 32
  const shared = randomBytes(sizeBytes - headBytes)
  return () => ({ chunks: [randomBytes(headBytes), shared], sizeBytes })
}

/** The bytes from `begin` to before `end`, not copied: photos share all but a few, so that a crowd of them needs no memory. */
export function bytesOf({ chunks }: Photo, begin: number, end: number): Buffer[] {
  const found: Buffer[] = []
  let position = 0
  for (const chunk of chunks) {
    const piece = chunk.subarray(Math.max(0, begin - position), Math.max(0, end - position))
    if (piece.byteLength > 0) found.push(piece)
    position += chunk.byteLength
  }
  return found
}

const videoBody = (sizeBytes: number): Readable => Readable.from(videoBytes(sizeBytes), { objectMode: false })

function* videoBytes(sizeBytes: number): Generator<Buffer> {
  const blockBytes = 256 * 1024
  const shared = randomBytes(blockBytes)
  for (let sentBytes = 0; sentBytes < sizeBytes; sentBytes += blockBytes) {
    yield Buffer.concat([randomBytes(32), shared], Math.min(blockBytes, sizeBytes - sentBytes))
  }
}

/** `count` times `work`, `atOnce` of them at any time until the last ones. */
export async function inFlight(count: number, atOnce: number, work: () => Promise<unknown>): Promise<void> {
  let begun = 0
  const line = async () => {
    while (begun++ < count) await work()
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, line))
}

function fail(why: string): never {
  throw new Error(why)
}
