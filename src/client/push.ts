/**
 * Sends a gallery: everything in the given folders that the server does not have yet. Three steps run at the same time,
 * joined by bounded queues: read (find and hash), ask (which of these are missing), send. What one file suffers never stops
 * the others; what concerns all of them (the token, a server that is gone, the signal) ends the push. Running it again goes
 * on where it ended, because the server knows what it has. Until the server says that the owner agreed to it, nothing of the
 * gallery goes out, not a hash. Holds of each file about a hundred bytes, and of file content only what is on its way. Touches
 * the named folders (reading), the state folder if one is given, and the network.
 */
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import { makeAgreement } from './agreement.js'
import { type ApiOptions, makeApi } from './api.js'
import { ask } from './ask-step.js'
import { makeBoundedQueue } from './bounded-queue.js'
import { makeFeedApi } from './feed-api.js'
import { type Found, findRoots, galleryFiles, type Root } from './gallery-files.js'
import { openHashMemory } from './hash-memory.js'
import { type Home, makeHome } from './home.js'
import { makeLedger } from './ledger.js'
import { makePace, type Pace } from './pace.js'
import { makePatient } from './patient.js'
import { type ReadGroup, read, readAgain, sizeOf } from './read-step.js'
import { makeResumeFolder } from './resume-folder.js'
import type { ResumeStore } from './resume-store.js'
import { type Receipt, sendFile } from './send-file.js'
import { type Job, runJobs, type Sending, type Wish } from './send-step.js'
import { type FailedFile, makeTally, type PushEvent, type Tally } from './tally.js'
import { makeUploadHttp, type UploadHttp } from './upload-http.js'
import { backOff } from './wait.js'
import { type WatchOptions, watchFolders } from './watch.js'

export interface PushOptions {
  /** Base address of the API, e.g. `https://us-west-2.photos.example`. */
  server: string
  /** A device token. */
  token: string
  /** Folders, walked to their ends. */
  dirs?: readonly string[]
  /** Single files. */
  files?: readonly string[]
  /** Goes on with what comes into the folders, whatever the server does meanwhile; resolves when the signal aborts. */
  watch?: Omit<WatchOptions, 'isOpen'>
  /** What a walk of your own finds, besides. */
  gallery?: Iterable<Found> | AsyncIterable<Found>
  /** Uploads at a time at most, 1–64; without it as many as bring throughput. */
  concurrency?: number
  /** Photos that their owner deleted are sent again, or taken out of the trash; without it they stay deleted. */
  restore?: boolean
  /** Only asks what is missing: nothing is sent and nothing changed. */
  dryRun?: boolean
  /**
   * A folder where is remembered what files hold, so that unchanged ones are not read again, and which uploads were begun, so
   * that a later push goes on with them. Made if it isn't there.
   */
  stateDir?: string
  /** Where begun uploads are remembered instead. */
  resume?: ResumeStore
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
  /** Of these, taken out of the trash because of `restore`. */
  restored: number
  /** Files whose content their owner deleted, and which therefore were not sent. */
  deleted: number
  /** With `dryRun`: files that would have been sent, and their bytes. */
  missing: number
  missingBytes: number
  /** The first ten thousand of `failures`. */
  failed: readonly FailedFile[]
  /** Files that were not stored. */
  failures: number
  /** Of these, files that the server does not keep (their kind, their size). */
  refused: number
  /** Entries that are nothing to send. */
  skipped: number
  skippedBecause: Readonly<Record<string, number>>
  /** Bytes of file content that went out, those sent again included. */
  bytesSent: number
  requests: number
  seconds: number
}

/** Attempts at one request, and at one upload without any byte of it arriving. */
const attemptsMax = 7
/** Two keep the disk busy while one of them computes; more would only take the processor from the uploads. */
const readers = 2
const concurrencyMax = 64
/** Too many for a moment cost less than a slow beginning on a long link. */
const startAt = 12
/** Files in a row that the server was away for. */
const outagesMax = 3

/**
 * Resolves when every file has its outcome. Rejects with an AppError for what concerns the whole push: `not_found` (a named
 * folder), `unauthenticated`, `forbidden` (the owner has not agreed), `unavailable` (the server), `misdirected`; or with the
 * signal's reason.
 */
export async function push(options: PushOptions): Promise<PushResult> {
  const startedMs = performance.now()
  const { onProgress = () => {}, concurrency = concurrencyMax } = options
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > concurrencyMax) {
    throw new AppError('invalid', `The concurrency must be a whole number from 1 to 64, not ${concurrency}`)
  }
  const roots = await findRoots([...(options.dirs ?? []), ...(options.files ?? [])])
  const tally = makeTally(onProgress, { isQuestion: options.dryRun === true, comeAgain: options.watch !== undefined })
  const pace = makePace({ min: Math.min(2, concurrency), start: Math.min(startAt, concurrency), max: concurrency })
  const http = makeUploadHttp({
    stallMs: options.stallMs ?? 60_000,
    onRequest: () => {
      tally.totals.requests++
    },
    onBytes: sentBytes => {
      tally.totals.bytesSent += sentBytes
      pace.moved(sentBytes)
    },
  })
  const home = makeHome(options.server, (server, region) => onProgress({ kind: 'moved', server, region }))
  const { stateDir } = options
  const resume = options.resume ?? (stateDir === undefined ? undefined : makeResumeFolder(join(stateDir, 'uploads')))
  try {
    await runSteps(options, { roots, concurrency, home, http, pace, tally, resume })
  } catch (error) {
    if (!options.watch || !options.signal?.aborted) throw error
  } finally {
    http.close()
  }
  return { ...resultOf(tally), seconds: (performance.now() - startedMs) / 1000 }
}

function resultOf(tally: Tally): Omit<PushResult, 'seconds'> {
  const { totals, refused, skippedBecause } = tally
  const failed = [...tally.failures]
  const { stored, duplicates, alreadyThere, restored, deleted, missing, missingBytes, skipped } = totals
  const { failed: failures, bytesSent, requests } = totals
  return {
    ...{
      stored,
      duplicates,
      alreadyThere,
      restored,
      deleted,
      missing,
      missingBytes,
      failed,
      failures,
      refused,
      skipped,
    },
    ...{ skippedBecause: Object.fromEntries(skippedBecause), bytesSent, requests },
  }
}

interface Push {
  roots: readonly Root[]
  concurrency: number
  home: Home
  http: UploadHttp
  pace: Pace
  tally: Tally
  resume: ResumeStore | undefined
}

async function runSteps(options: PushOptions, all: Push): Promise<void> {
  const { token, stateDir, firstDelayMs = 500, restore = false, dryRun = false, onProgress } = options
  const { roots, concurrency, home, http, tally } = all
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  // Every upload and every wait listens to it: with many at a time that is no leak.
  setMaxListeners(0, signal)
  const hashed = makeBoundedQueue<ReadGroup>(limits.checkHashes, signal, sizeOf)
  const fresh = { waiting: 0 }
  const jobs = makeBoundedQueue<Job>(2 * concurrency, signal)
  const onTrouble = (text: string) => onProgress?.({ kind: 'notice', text })
  const memory = await openHashMemory({ stateDir, roots, onTrouble })

  const api = (server: string, most = attemptsMax): ApiOptions => {
    return { server, token, signal, firstDelayMs, attemptsMax: most, onRequest: http.onRequest }
  }
  const watching = options.watch && { ...options.watch, isOpen: tally.isOpen }
  const walk = watching ? watchFolders(roots, signal, watching) : galleryFiles(roots, signal)
  const found = chain(options.gallery ?? [], walk)
  const patiently = watching ? makePatient(onTrouble, signal) : <T>(call: () => Promise<T>) => call()
  // A wrong address or token is told at once, with few attempts, rather than after the first files are read.
  const account = makeAgreement(home, server => api(server, 3))
  void account().catch(() => {}) // while the first files are read
  const sending: Sending = {
    send: dryRun ? async () => notSent : (wish, onBytes) => sendOne(wish, onBytes, options, all, account, signal),
    readAgain: file => readAgain(file, memory, signal),
    ledger: makeLedger(),
    tally,
    restore,
    outages: { inARow: 0, max: watching ? Number.POSITIVE_INFINITY : outagesMax },
  }

  let reading = readers
  const readStep = async () => {
    await read({ found, hashed, memory, fresh, tally, signal })
    if (--reading > 0) return
    tally.totals.foundAll = true
    tally.changed()
    hashed.end()
  }
  const askStep = async () => {
    const check = async (sha256: readonly string[]) => {
      await account()
      return patiently(() => home.at(server => makeApi(api(server)).check(sha256)))
    }
    const takeOut = (photos: readonly string[]) =>
      patiently(() => home.at(server => makeFeedApi(api(server)).restore(photos)))
    await ask({ check, ...(!dryRun && { takeOut }), hashed, fresh, jobs, sending })
    jobs.end()
  }
  const sendStep = () => runJobs(jobs)
  try {
    await allOrStop([account, ...times(readers, () => readStep), askStep, ...times(concurrency, () => sendStep)], stop)
  } finally {
    await memory.close(tally.totals.foundAll)
  }
}

const notSent: Receipt = { photo: '', duplicate: false, deleted: false }

async function sendOne(
  { file, role, partOf }: Wish,
  onProgress: (bytes: number) => void,
  { token, restore, firstDelayMs = 500, random = Math.random }: PushOptions,
  { home, http, pace, resume }: Push,
  account: () => Promise<string>,
  signal: AbortSignal,
): Promise<Receipt> {
  await pace.acquire(signal, file.sizeBytes)
  let outcome: Parameters<Pace['release']>[0] = 'failed'
  try {
    const person = await account()
    const receipt = await home.at(server =>
      sendFile(file, {
        ...{ server, token, http, signal, onProgress, pace, account: person },
        retryDelaysMs: backOff({ attemptsMax, firstDelayMs, random }),
        ifDeleted: restore ? 'restore' : 'keep',
        ...(resume && { resume }),
        ...(role && partOf && { partOf: { photo: partOf, role } }),
      }),
    )
    outcome = 'done'
    return receipt
  } catch (error) {
    if (error instanceof AppError && error.kind === 'unavailable') outcome = 'lost'
    if (error instanceof AppError && error.kind === 'too_many') outcome = 'refused'
    throw error
  } finally {
    pace.release(outcome, outcome === 'done' ? file.sizeBytes : 0)
  }
}

async function* chain(...walks: (Iterable<Found> | AsyncIterable<Found>)[]): AsyncGenerator<Found> {
  for (const walk of walks) yield* walk
}

/** Runs the steps together; the first that fails stops the others, and all have ended when this rejects with its error. */
async function allOrStop(steps: readonly (() => Promise<unknown>)[], stop: AbortController): Promise<void> {
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

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
