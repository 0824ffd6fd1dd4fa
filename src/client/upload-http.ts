/**
 * The HTTP side of tus-js-client for files on disk: kept-alive connections shared by all uploads of a push, bodies read
 * straight from an open file, and an end to every request. tus-js-client's own transport for Node waits for ever when an
 * answer breaks off or nobody answers, and ends the process when a file cannot be read; this one rejects in each case.
 */
import type { FileHandle } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream/promises'
import type { HttpRequest, HttpResponse, HttpStack } from 'tus-js-client'
import { AppError } from '../core/errors.js'
import { changedWhileSent, errorOfFile } from './file-errors.js'

/** A stretch of an open file. tus-js-client looks at `size` only and hands it on. */
export interface FileSlice {
  readonly handle: FileHandle
  readonly start: number
  /** Bytes. */
  readonly size: number
  /** Called before the last piece goes out; throws to keep the upload from being completed. */
  beforeEnd(): Promise<void>
}

/** What one push holds for all its uploads: its connections, and who is told what goes over them. */
export interface UploadHttp {
  readonly agents: { readonly http: http.Agent; readonly https: https.Agent }
  /** A request on whose connection nothing moves for this long is given up, and so is an answer that takes longer once it has begun. */
  readonly stallMs: number
  /** Before each request. Must not throw. */
  onRequest(): void
  /** As bytes of file content go out, those sent again included. Must not throw. */
  onBytes(sentBytes: number): void
}

/** The same, for whoever holds it by themselves. */
export interface OwnUploadHttp extends UploadHttp {
  /** Ends its connections. */
  close(): void
}

/** All optional: 60,000 ms without any movement, nobody told. To be closed at the end. */
export function makeUploadHttp(options: Partial<Omit<UploadHttp, 'agents'>> = {}): OwnUploadHttp {
  const agents = makeAgents()
  return {
    agents,
    stallMs: options.stallMs ?? 60_000,
    onRequest: () => options.onRequest?.(),
    onBytes: sentBytes => options.onBytes?.(sentBytes),
    close() {
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

/**
 * Connections that are reused, as many as there are uploads at a time. The one that was used last is warm (its window is open),
 * so it goes first; one that idles is closed before servers and the boxes between would do so without a word.
 */
export function makeAgents(): UploadHttp['agents'] {
  const options = {
    keepAlive: true,
    scheduling: 'lifo',
    noDelay: true,
    maxFreeSockets: connectionsMax,
    timeout: idleMs,
  } as const
  return { http: new http.Agent(options), https: new https.Agent(options) }
}

/** What a pace may ask for at most. */
const connectionsMax = 64
/** Servers close idle connections after 75 s (ours), 60 s (load balancers) or 5 s (Node's default, which says so). */
const idleMs = 30_000

/** For one upload; every request of it ends when the signal aborts. */
export function makeHttpStack(uploadHttp: UploadHttp, signal = new AbortController().signal): HttpStack {
  return {
    getName: () => 'photosync',
    createRequest: (method, url) => makeRequest(method, url, uploadHttp, signal),
  }
}

/** How many times `stallMs` an answer may take to begin, though something of it moves. */
const answerStalls = 5
const pieceBytes = 256 * 1024
const answerBytesMax = 64 * 1024
/** What is not kept is read for the sake of the connection, as long as there is an end to it. */
const readBytesMax = 1024 * 1024

function makeRequest(method: string, url: string, uploadHttp: UploadHttp, signal: AbortSignal): HttpRequest {
  const headers: Record<string, string> = {}
  const own = new AbortController()
  let onProgress: (sentBytes: number) => void = () => {}
  return {
    getMethod: () => method,
    getURL: () => url,
    setHeader: (name, value) => {
      headers[name] = value
    },
    getHeader: name => headers[name],
    setProgressHandler: handler => {
      onProgress = handler
    },
    getUnderlyingObject: () => undefined,
    abort: async () => own.abort(),
    send: async (slice: FileSlice | null) => {
      signal.throwIfAborted()
      own.signal.throwIfAborted()
      const abort = () => own.abort()
      signal.addEventListener('abort', abort, { once: true })
      if (slice) headers['Content-Length'] = String(slice.size)
      uploadHttp.onRequest()
      const secure = url.startsWith('https:')
      const request = (secure ? https : http).request(url, {
        method,
        headers,
        agent: secure ? uploadHttp.agents.https : uploadHttp.agents.http,
        timeout: uploadHttp.stallMs,
        signal: own.signal,
      })
      request.on('timeout', () => request.destroy(new AppError('unavailable', 'the server does not answer')))
      try {
        return await exchange(request, slice && pieces(slice, onProgress, uploadHttp), uploadHttp.stallMs)
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
  }
}

/** Sends the body while listening for the answer: a refusal may come, and counts, before the body is out. */
async function exchange(
  request: http.ClientRequest,
  body: AsyncIterable<Buffer> | null,
  stallMs: number,
): Promise<HttpResponse> {
  let timer: NodeJS.Timeout | undefined
  // One that trickles moves all the time.
  const endIn = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => request.destroy(new AppError('unavailable', 'the server does not answer to the end')), ms)
  }
  try {
    return await new Promise<HttpResponse>((resolve, reject) => {
      let answering = false
      // Interim answers may show that a server is still at work.
      request.on('finish', () => answering || endIn(answerStalls * stallMs))
      request.on('response', response => {
        answering = true
        endIn(stallMs)
        collect(response).then(resolve, reject)
      })
      request.on('error', error => answering || reject(error))
      request.on('close', () => answering || reject(new AppError('unavailable', 'the connection broke')))
      if (!body) request.end()
      else {
        pipeline(body, request).catch((error: unknown) => {
          // A broken connection leaves its word to the answer, which may have come before the break.
          if (error instanceof AppError) reject(error)
        })
      }
    })
  } finally {
    clearTimeout(timer)
    // An answer that came before the body was out leaves a connection on which nothing else can be said.
    if (!request.writableFinished) request.destroy()
  }
}

async function* pieces(
  slice: FileSlice,
  onProgress: (sentBytes: number) => void,
  uploadHttp: UploadHttp,
): AsyncGenerator<Buffer> {
  for (let sentBytes = 0; sentBytes < slice.size; ) {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, slice.size - sentBytes))
    const bytesRead = await readPiece(slice, piece, sentBytes)
    yield piece.subarray(0, bytesRead)
    sentBytes += bytesRead
    uploadHttp.onBytes(bytesRead)
    onProgress(sentBytes)
  }
}

async function readPiece(slice: FileSlice, piece: Buffer, sentBytes: number): Promise<number> {
  try {
    const { bytesRead } = await slice.handle.read(piece, 0, piece.length, slice.start + sentBytes)
    if (bytesRead === 0) throw changedWhileSent() // it became shorter
    if (sentBytes + bytesRead === slice.size) await slice.beforeEnd()
    return bytesRead
  } catch (error) {
    throw errorOfFile(error)
  }
}

async function collect(response: http.IncomingMessage): Promise<HttpResponse> {
  const chunks: Buffer[] = []
  let heldBytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (heldBytes < answerBytesMax) chunks.push(chunk)
    heldBytes += chunk.length
    if (heldBytes > readBytesMax) throw new AppError('unavailable', 'the server answers without end')
  }
  const body = Buffer.concat(chunks).toString('utf8')
  return {
    getStatus: () => response.statusCode ?? 0,
    getHeader: name => {
      const value = response.headers[name.toLowerCase()]
      return Array.isArray(value) ? value.join(', ') : value
    },
    getBody: () => body,
    getUnderlyingObject: () => response,
  }
}
