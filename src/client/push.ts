/**
 * Sends a gallery: everything in the given folders that the server does not have yet. Three steps run at the same time,
 * joined by bounded queues: read (find and hash), ask (which of these are missing), send. What one file suffers never stops
 * the others; what concerns all of them (the token, a server that is gone, the signal) ends the push. Running it again goes
 * on where it ended, because the server knows what it has. Holds one small record per file, and of file content only what
 * is on its way. Touches the named folders (reading) and the network.
 */
import { setMaxListeners } from 'node:events'
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import { makeApi } from './api.js'
import { makeBoundedQueue } from './bounded-queue.js'
import { type Found, findRoots, galleryFiles, type Root } from './gallery-files.js'
import { type Home, makeHome } from './home.js'
import { ask, type Content, read, send } from './push-steps.js'
import { type HashedFile, sendFile } from './send-file.js'
import { type FailedFile, makeTally, type PushEvent, type PushedFile, type Tally } from './tally.js'
import { makeAgents, type UploadHttp } from './upload-http.js'

export interface PushOptions {
  /** Base address of the API, e.g. `https://us-west-2.photos.example`. */
  server: string
  /** A device token. */
  token: string
  /** Folders, walked to their ends. */
  dirs?: readonly string[]
  /** Single files. */
  files?: readonly string[]
  /** What a walk of your own has found, besides. */
  gallery?: Iterable<Found>
  /** Uploads at a time, 1–64; default 4. */
  concurrency?: number
  /** Ends the push at once; what is stored by then stays. */
  signal?: AbortSignal
  /** Must not throw. */
  onProgress?: (event: PushEvent) => void
  /** Delay before a second attempt at anything, doubled for each further one; default 500. */
  firstDelayMs?: number
  /** A connection on which nothing moves for this long is given up and tried anew; default 60,000. */
  stallMs?: number
  random?: () => number
}

export interface PushResult {
  stored: number
  /** Contents that were there by the time they came, and further files of the same content. */
  duplicates: number
  /** Files that did not have to be sent: the server said it has them. */
  alreadyThere: number
  failed: readonly FailedFile[]
  /** Entries that are not pictures or videos. */
  skipped: number
  /** Bytes of file content that went out, those sent again included. */
  bytesSent: number
  requests: number
  seconds: number
  /** One entry per picture or video, in the order of their outcomes. */
  files: readonly PushedFile[]
}

/** Attempts at one request, and at one upload without any byte of it arriving. */
const attemptsMax = 7
const delayMaxMs = 8_000
/** Two keep the disk busy while one of them computes; more would only take the processor from the uploads. */
const readers = 2

/**
 * Resolves when every file has its outcome. Rejects with an AppError for what concerns the whole push: `not_found` (a named
 * folder), `unauthenticated`, `unavailable` (the server), `misdirected`; or with the signal's reason.
 */
export async function push(options: PushOptions): Promise<PushResult> {
  const startedMs = performance.now()
  const { onProgress = () => {}, concurrency = 4 } = options
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 64) {
    throw new AppError('invalid', `The concurrency must be a whole number from 1 to 64, not ${concurrency}`)
  }
  const roots = await findRoots([...(options.dirs ?? []), ...(options.files ?? [])])
  const tally = makeTally(onProgress)
  const http: UploadHttp = {
    agents: makeAgents(),
    stallMs: options.stallMs ?? 60_000,
    onRequest: () => {
      tally.totals.requests++
    },
    onBytes: sentBytes => {
      tally.totals.bytesSent += sentBytes
    },
  }
  const home = makeHome(options.server, (server, region) => onProgress({ kind: 'moved', server, region }))
  try {
    await runSteps(options, roots, concurrency, home, http, tally)
  } finally {
    http.agents.http.destroy()
    http.agents.https.destroy()
  }
  const { stored, duplicates, alreadyThere, skipped, bytesSent, requests } = tally.totals
  const seconds = (performance.now() - startedMs) / 1000
  const { failures: failed, files } = tally
  return { stored, duplicates, alreadyThere, failed, skipped, bytesSent, requests, seconds, files }
}

async function runSteps(
  options: PushOptions,
  roots: readonly Root[],
  concurrency: number,
  home: Home,
  http: UploadHttp,
  tally: Tally,
): Promise<void> {
  const { token, firstDelayMs = 500, random = Math.random } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  // Every upload and every wait listens to it: with many at a time that is no leak.
  setMaxListeners(0, signal)
  const hashed = makeBoundedQueue<HashedFile>(limits.checkHashes, signal)
  const missing = makeBoundedQueue<Content>(2 * concurrency, signal)

  const api = (server: string) =>
    makeApi({ server, token, signal, firstDelayMs, attemptsMax, onRequest: http.onRequest })
  const found = chain(options.gallery ?? [], galleryFiles(roots, signal))
  const outages = { inARow: 0 }
  const sendOne = (file: HashedFile, onProgress: (bytes: number) => void) => {
    const retryDelaysMs = backOff(firstDelayMs, random)
    return home.at(server => sendFile(file, { server, token, http, signal, retryDelaysMs, onProgress }))
  }

  let reading = readers
  const readStep = async () => {
    await read(found, hashed, tally, signal)
    if (--reading > 0) return
    tally.totals.foundAll = true
    tally.changed()
    hashed.end()
  }
  const askStep = async () => {
    // A wrong address or token is told at once, with few attempts, rather than after the first files are read.
    await home.at(server =>
      makeApi({ server, token, signal, firstDelayMs, attemptsMax: 3, onRequest: http.onRequest }).me(),
    )
    await ask(hashed, missing, sha256 => home.at(server => api(server).check(sha256)), tally)
    missing.end()
  }
  const sendStep = () => send(missing, sendOne, outages, tally)

  await allOrStop([...times(readers, () => readStep), askStep, ...times(concurrency, () => sendStep)], stop)
}

async function* chain(...walks: (Iterable<Found> | AsyncIterable<Found>)[]): AsyncGenerator<Found> {
  for (const walk of walks) yield* walk
}

/** Runs the steps together; the first that fails stops the others, and all have ended when this rejects with its error. */
async function allOrStop(steps: readonly (() => Promise<void>)[], stop: AbortController): Promise<void> {
  await Promise.allSettled(
    steps.map(async step => {
      try {
        await step()
      } catch (error) {
        if (!stop.signal.aborted) stop.abort(error)
      }
    }),
  )
  stop.signal.throwIfAborted()
}

/** Delays before the second, third… attempt, each its nominal length ± half, so that many clients do not come back at once. */
function backOff(firstDelayMs: number, random: () => number): number[] {
  return times(attemptsMax - 1, attempt => Math.min(delayMaxMs, firstDelayMs * 2 ** attempt) * (0.5 + random()))
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
