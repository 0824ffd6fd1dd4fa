/**
 * A tus client that sends one file over real HTTP in one of the ways clients do, each request to whichever process it picks, on
 * connections that break. It believes what it is told, and holds every answer against what was told before.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from './random.js'
import { BrokenPromise } from './transfer.js'
import { send, type WireAnswer, type WireRequest } from './wire.js'

export interface WireHandsetOptions {
  ports: readonly [number, number]
  token: string
  content: Buffer
  random: Random
  /** Told of each request before it goes out. */
  onRequest: () => void
}

const uploads = '/v1/uploads'
const deadlineMs = 60_000

/** How the bytes of one upload come. */
type Way = 'at once' | 'created first' | 'chunks' | 'length later'

/** One request to either process. undefined: there was no answer, or one that says to come back. */
type Ask = (request: Omit<WireRequest, 'port'>) => Promise<WireAnswer | undefined>

/** The photo that the file became. Rejects with BrokenPromise, or when it comes to no end. */
export async function sendFile(options: WireHandsetOptions): Promise<string> {
  const { content, random } = options
  const ask = asking(options)
  const way = random.pick<Way | 'parts'>(['at once', 'created first', 'chunks', 'length later', 'parts'])
  if (way !== 'parts') {
    const { photo } = await sendUpload(ask, { content, way, isPartial: false, random })
    if (photo === undefined) throw new BrokenPromise('all bytes were told to be there, without a receipt')
    return photo
  }
  const middle = random.between(0, content.length)
  const urls: string[] = []
  for (const part of [content.subarray(0, middle), content.subarray(middle)]) {
    urls.push((await sendUpload(ask, { content: part, way: 'created first', isPartial: true, random })).url)
  }
  return join(ask, urls, random)
}

/** Has the partial uploads put together, and asks until it is told the photo. */
async function join(ask: Ask, urls: readonly string[], random: Random): Promise<string> {
  for (;;) {
    const headers = { 'Upload-Concat': `final;${urls.join(' ')}` }
    const answer = await ask({ method: 'POST', path: uploads, headers, losesAnswer: random.chance(0.2) })
    if (answer === undefined) continue
    const photo = photoOf(answer)
    if (answer.status !== 201 || photo === undefined) throw new BrokenPromise(`put together: ${told(answer)}`)
    return photo
  }
}

interface Upload {
  content: Buffer
  way: Way
  isPartial: boolean
  random: Random
}

/** What one upload has been told; all of it is sent when it has a receipt, or is partial and there. */
async function sendUpload(ask: Ask, upload: Upload): Promise<{ url: string; photo: string | undefined }> {
  const { content, way, isPartial, random } = upload
  const chunkBytes = way === 'chunks' ? Math.ceil(content.length / random.between(2, 8)) : content.length
  const state: State = { url: undefined, toldBytes: 0, isSized: way !== 'length later', chunkBytes }
  for (let knows = true; ; ) {
    const answer = await next(ask, upload, state, knows)
    // Whoever didn't hear asks; so does, now and then, who did.
    knows = answer !== undefined && answer.status !== 409 && random.chance(0.8)
    if (answer === undefined) continue
    const offset = Number(answer.headers['upload-offset'])
    if (!(offset >= state.toldBytes)) throw new BrokenPromise(`told after ${state.toldBytes}: ${told(answer)}`)
    state.toldBytes = offset
    const photo = photoOf(answer)
    const isThere = photo !== undefined || (state.isSized && offset === content.length && answer.status !== 409)
    if (!isThere) continue
    if (isPartial !== (photo === undefined)) throw new BrokenPromise(`all of it is there: ${told(answer)}`)
    return { url: state.url as string, photo }
  }
}

interface State {
  url: string | undefined
  toldBytes: number
  /** Whether the server knows the length. */
  isSized: boolean
  /** In one request. */
  chunkBytes: number
}

async function next(ask: Ask, upload: Upload, state: State, knows: boolean): Promise<WireAnswer | undefined> {
  if (state.url === undefined) {
    const answer = await ask(creation(upload, state))
    if (answer && answer.status !== 201) throw new BrokenPromise(`created: ${told(answer)}`)
    state.url = answer?.headers.location
    return answer
  }
  if (knows) {
    const answer = await ask(addition(upload, state, state.url))
    if (answer && answer.status !== 204 && answer.status !== 409) throw new BrokenPromise(`sent: ${told(answer)}`)
    return answer
  }
  const answer = await ask({ method: 'HEAD', path: state.url, headers: {} })
  if (answer && answer.status !== 200) throw new BrokenPromise(`looked for: ${told(answer)}`)
  if (answer) state.isSized = answer.headers['upload-length'] !== undefined
  return answer
}

function creation({ content, way, isPartial, random }: Upload, { chunkBytes, isSized }: State) {
  const carries = way === 'at once' || (way !== 'created first' && random.chance(0.3))
  return {
    method: 'POST' as const,
    path: uploads,
    headers: {
      ...(isSized ? { 'Upload-Length': String(content.length) } : { 'Upload-Defer-Length': '1' }),
      ...(isPartial && { 'Upload-Concat': 'partial' }),
      ...(carries && bytesFollow),
    },
    ...(carries && sent(content.subarray(0, chunkBytes), random)),
  }
}

function addition({ content, random }: Upload, { chunkBytes, isSized, toldBytes }: State, path: string) {
  const body = content.subarray(toldBytes, toldBytes + chunkBytes)
  const sha256 = createHash('sha256').update(body).digest('base64')
  return {
    method: 'PATCH' as const,
    path,
    headers: {
      'Upload-Offset': String(toldBytes),
      ...bytesFollow,
      ...(!isSized && { 'Upload-Length': String(content.length) }),
      ...(random.chance(0.2) && { 'Upload-Checksum': `sha256 ${sha256}` }),
    },
    ...sent(body, random),
  }
}

const bytesFollow = { 'Content-Type': 'application/offset+octet-stream' }

/** On a connection that may break. */
function sent(body: Buffer, random: Random) {
  return {
    body,
    cutAfterBytes: random.chance(0.25) ? random.between(0, body.length) : undefined,
    losesAnswer: random.chance(0.1),
    isChunked: random.chance(0.2),
  }
}

/** Statuses that only say: not now. */
const later = new Set([423, 503])

function asking({ ports, token, random, onRequest }: WireHandsetOptions): Ask {
  const giveUp = AbortSignal.timeout(deadlineMs)
  const heard: string[] = []
  return async request => {
    if (giveUp.aborted) throw new Error(`not sent within ${deadlineMs} ms; told last: ${heard.slice(-20).join(' | ')}`)
    onRequest()
    const headers = { Authorization: `Bearer ${token}`, ...request.headers }
    const port = ports[random.between(0, 1)] as number
    const answer = await send({ ...request, port, headers })
    heard.push(
      `${new Date().toISOString()} ${request.method} ${port} ${request.path}: ${answer ? told(answer) : 'no answer'}`,
    )
    if (answer && !later.has(answer.status)) return answer
    await sleep(random.between(10, 120))
    return undefined
  }
}

function photoOf({ headers }: WireAnswer): string | undefined {
  const photo = headers['photosync-photo']
  return typeof photo === 'string' ? photo : undefined
}

const told = ({ status, headers, text }: WireAnswer): string => `${status} ${text.trim()} ${JSON.stringify(headers)}`
