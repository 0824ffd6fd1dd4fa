/**
 * The steps of a push, run at the same time and joined by bounded queues: read (find and hash), ask (which of these are missing),
 * send. The first that fails for what concerns all ends the others. Asking and sending wait for a server that is away, each by
 * itself: one that answers questions and takes no photo is away for photos.
 */
import { setMaxListeners } from 'node:events'
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import { makeAgreement } from './agreement.js'
import { type ApiOptions, makeApi } from './api.js'
import { ask } from './ask-step.js'
import { makeBoundedQueue } from './bounded-queue.js'
import { makeFeedApi } from './feed-api.js'
import { type Found, galleryFiles, type Root } from './gallery-files.js'
import { openHashMemory } from './hash-memory.js'
import type { Home } from './home.js'
import { makeLedger } from './ledger.js'
import type { Pace } from './pace.js'
import { makePatient } from './patient.js'
import { isNonsense, isPassing } from './problem.js'
import type { PushOptions } from './push-options.js'
import { type ReadGroup, read, readAgain, sizeOf } from './read-step.js'
import type { ResumeStore } from './resume-store.js'
import { type Receipt, sendFile } from './send-file.js'
import { type Job, runJobs, type Sending, type Wish } from './send-step.js'
import type { Tally } from './tally.js'
import type { UploadHttp } from './upload-http.js'
import { backOff } from './wait.js'
import { watchFolders } from './watch.js'

/** Attempts at one request, and at one upload without any byte of it arriving. */
const attemptsMax = 7
/** Two keep the disk busy while one of them computes; more would only take the processor from the uploads. */
const readers = 2
/** Time for a phone to find its link again, or a server to be restarted. */
const awayLimitMs = 5 * 60_000
/** A few photos that break the server one after another are no outage yet. */
const sendsMin = 3
/** Between two looks whether a server is back, in first delays: 20 s by default. */
const awayPauseDelays = 40

export interface Push {
  roots: readonly Root[]
  home: Home
  http: UploadHttp
  pace: Pace
  tally: Tally
  resume: ResumeStore | undefined
}

type Asked = PushOptions & Required<Pick<PushOptions, 'onProgress' | 'concurrency'>>

/** Resolves when every file has its outcome; rejects as `push`. Either way nothing of it goes on, and no file is left without a word. */
export async function runSteps(options: Asked, all: Push): Promise<void> {
  const { roots, tally } = all
  const { stateDir, concurrency, onProgress } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  // Every upload and every wait listens to it: with many at a time that is no leak.
  setMaxListeners(0, signal)
  const onTrouble = (text: string) => onProgress({ kind: 'notice', text })
  const memory = await openHashMemory({ stateDir, roots, onTrouble })
  const found = foundIn(options, all, signal)
  const asking = makeAsking(options, all, signal)
  const { account, sends } = asking
  void account().catch(() => {}) // while the first files are read
  const hashed = makeBoundedQueue<ReadGroup>(limits.checkHashes, signal, sizeOf)
  const fresh = { waiting: 0 }
  const jobs = makeBoundedQueue<Job>(2 * concurrency, signal)
  const sending: Sending = {
    send: (wish, onBytes) => sends.call(() => sendOne(wish, onBytes, options, all, account, signal)),
    ...(options.dryRun && { send: async () => notSent }),
    readAgain: file => readAgain(file, memory, signal),
    ledger: makeLedger(),
    tally,
    restore: options.restore ?? false,
    patient: asking,
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
    const { check, takeOut } = asking
    await ask({ check, ...(!options.dryRun && { takeOut }), hashed, fresh, jobs, sending }, signal)
    jobs.end()
  }
  const sendStep = () => runJobs(jobs)
  try {
    await allOrStop([account, ...times(readers, () => readStep), askStep, ...times(concurrency, () => sendStep)], stop)
  } finally {
    // Whoever reads stops in the middle of a walk, which has watchers to close; one that hangs is not waited for.
    void found.return(undefined).catch(() => {})
    // Where nothing could begin, all is said by why.
    if (asking.began || options.signal?.aborted) tally.leftOpen('was not stored before the push ended')
    await memory.close(tally.totals.foundAll)
  }
}

function foundIn({ gallery = [], watch }: PushOptions, { roots, tally }: Push, signal: AbortSignal) {
  const walk = watch ? watchFolders(roots, signal, { ...watch, failed: tally }) : galleryFiles(roots, signal)
  return chain(gallery, walk)
}

/** The questions of a push, each put as patiently as it deserves. */
function makeAsking(options: Asked, { home, http }: Push, signal: AbortSignal) {
  const { token, firstDelayMs = 500, watch, awayMaxMs = awayLimitMs, onProgress } = options
  const patience = {
    awayMaxMs: watch ? Number.POSITIVE_INFINITY : awayMaxMs,
    pauseMs: awayPauseDelays * firstDelayMs,
    say: (text: string) => onProgress({ kind: 'notice', text }),
    signal,
  }
  const asks = makePatient(patience)
  const sends = makePatient({ ...patience, callsMin: sendsMin })
  const api = (server: string): ApiOptions => ({ server, token, signal, firstDelayMs, onRequest: http.onRequest })
  // A wrong address or token is told at once, with few attempts, rather than after the first files are read.
  const first = (server: string): ApiOptions => ({ ...api(server), attemptsMax: 3 })
  const agreed = makeAgreement(home, first, watch ? { patiently: asks.call } : {})
  let [began, refused] = [false, false]
  const account = async () => {
    try {
      const person = await agreed()
      began = true
      return person
    } catch (error) {
      refused = true
      throw error
    }
  }
  // The server has answered well by then: it said whose token this is.
  const later = (server: string): ApiOptions => {
    return { ...api(server), attemptsMax, isWorthAgain: error => isPassing(error) || isNonsense(error) }
  }
  return {
    account,
    sends,
    /** It was once said that the owner agrees. */
    get began() {
      return began
    },
    get gaveUp() {
      return refused || asks.gaveUp || sends.gaveUp
    },
    async check(sha256: readonly string[]) {
      await account()
      return await asks.call(() => home.at(server => makeApi(later(server)).check(sha256)))
    },
    takeOut: (photos: readonly string[]) =>
      asks.call(() => home.at(server => makeFeedApi(later(server)).restore(photos))),
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
