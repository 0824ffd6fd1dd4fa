/**
 * Sends a gallery: everything in the given folders that the server does not have yet. What one file suffers never stops the
 * others; what concerns all of them (the token, a server that is gone, the signal) ends the push, and then too is told what
 * became of each file that was found. Running it again goes on where it ended, because the server knows what it has. Until the
 * server says that the owner agreed to it, nothing of the gallery goes out, not a hash. Holds of each file about a hundred
 * bytes, and of file content only what is on its way. Touches the named folders (reading), the state folder if one is given,
 * and the network.
 */
import { join } from 'node:path'
import { AppError } from '../core/errors.js'
import { findRoots } from './gallery-files.js'
import { makeHome } from './home.js'
import { makePace } from './pace.js'
import type { PushResult } from './push-events.js'
import type { PushOptions } from './push-options.js'
import { runSteps } from './push-steps.js'
import { makeResumeFolder } from './resume-folder.js'
import { makeTally, resultOf, type Tally } from './tally.js'
import { makeUploadHttp } from './upload-http.js'

const concurrencyMax = 64
/** Too many for a moment cost less than a slow beginning on a long link. */
const startAt = 12

/**
 * Resolves when every file has its outcome. Rejects with an AppError for what concerns the whole push: `not_found` (a named
 * folder), `unauthenticated`, `forbidden` (the owner has not agreed), `unavailable` or `too_many` (the server, for long),
 * `misdirected`; or with the signal's reason. A watch ends by its signal and resolves. What had been done by then is in the
 * `end` event.
 */
export async function push(options: PushOptions): Promise<PushResult> {
  const startedMs = performance.now()
  const { onProgress = () => {}, concurrency = concurrencyMax } = options
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > concurrencyMax) {
    throw new AppError('invalid', `The concurrency must be a whole number from 1 to 64, not ${concurrency}`)
  }
  const tally = makeTally(onProgress, { isQuestion: options.dryRun === true, comeAgain: options.watch !== undefined })
  const result = (): PushResult => ({ ...resultOf(tally), seconds: (performance.now() - startedMs) / 1000 })
  try {
    await pushRoots({ ...options, onProgress, concurrency }, tally)
  } catch (error) {
    if (!options.watch || !options.signal?.aborted) {
      onProgress({ kind: 'end', result: result(), error })
      throw error
    }
  }
  const done = result()
  onProgress({ kind: 'end', result: done })
  return done
}

type Asked = PushOptions & Required<Pick<PushOptions, 'onProgress' | 'concurrency'>>

async function pushRoots(options: Asked, tally: Tally): Promise<void> {
  const { onProgress, concurrency, stateDir } = options
  const roots = await findRoots([...(options.dirs ?? []), ...(options.files ?? [])])
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
  const resume = options.resume ?? (stateDir === undefined ? undefined : makeResumeFolder(join(stateDir, 'uploads')))
  try {
    await runSteps(options, { roots, home, http, pace, tally, resume })
  } finally {
    http.close()
  }
}
