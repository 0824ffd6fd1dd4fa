/**
 * One decoder process, from the worker's side: started, given one original at a time, and killed as soon as anything about it is
 * not as it should be. It gets nothing of the worker's environment, and reads nothing but the channel.
 */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { AppError } from '../../../src/core/errors.js'
import type { Log } from '../../../src/observe/log.js'
import type { Developed } from '../developed.js'
import { Unreadable } from '../unreadable.js'
import { Broke } from './broke.js'
import { ChannelEnded, type FrameReader, readFrames } from './frames.js'
import { escapeText, parseAnswer, readDeveloped } from './read-answer.js'
import { type SentOriginal, sendOriginal } from './send-original.js'
import { makeStop } from './stop.js'
import { channelFd, memorySignal } from './wire.js'

export interface ProcessOptions {
  /** A JavaScript file that calls `answerPhotos`. */
  program: string
  /** From the last byte of an original to the last of its renditions. */
  timeoutMs: number
  /** Resident memory of the process while it develops a photo. */
  memoryBytes: number
  log: Log
}

export interface DecoderProcess {
  /**
   * One at a time. Rejects with Unreadable, Broke, what the body failed with, the signal's reason, or AppError `unavailable` when the
   * process ended before it had the whole photo. After all but Unreadable it is gone.
   */
  develop(original: SentOriginal, signal: AbortSignal): Promise<Developed>
  isAlive(): boolean
  /** Resolves when it is gone, with the signal or status it ended by. */
  kill(): Promise<string>
}

const startMs = 30_000

/**
 * Two threads for libuv: what sharp does goes on one after the other, and meanwhile something else may have to be done. Two arenas
 * for glibc's malloc: with one for each thread a process stays 80 MB larger.
 */
const environment = { UV_THREADPOOL_SIZE: '2', MALLOC_ARENA_MAX: '2' }
/** JavaScript's own memory, in MiB; pictures are not in it. */
const nodeFlags = ['--max-old-space-size=256']

/** Rejects with AppError `unavailable` when it doesn't come up, and with the signal's reason. */
export async function startDecoderProcess(options: ProcessOptions, signal: AbortSignal): Promise<DecoderProcess> {
  const { channel, isAlive, kill, tell, log } = launch(options)
  const reader = readFrames(channel)
  const stop = makeStop(signal)
  try {
    const late = () => new Error(`not ready after ${startMs} ms`)
    const { is } = parseAnswer(await stop.within(startMs, late, reader.head()))
    if (is !== 'ready') throw new Error(`it answered ${is} before it was asked`)
  } catch (cause) {
    const end = await kill()
    signal.throwIfAborted()
    throw new AppError('unavailable', `A decoder process did not start; it ended by ${end}`, { cause })
  } finally {
    stop.release()
  }
  log.debug('a decoder process is ready')

  const develop = async (original: SentOriginal, signal: AbortSignal): Promise<Developed> => {
    const { timeoutMs, memoryBytes } = options
    const late = () => new Broke(`The picture took longer than ${timeoutMs / 1000} seconds to decode`)
    const stop = makeStop(signal)
    let hasAll = false
    const answering = readOutcome(reader, () => {
      hasAll = true
    })
    // Whatever is wrong with the process ends the sending too.
    answering.catch(stop.abort)
    let outcome: Developed | Unreadable
    try {
      await sendOriginal(channel, original, { timeoutMs, late }, stop)
      outcome = await stop.within(timeoutMs, late, answering)
    } catch (error) {
      const end = await kill()
      if (!(error instanceof ChannelEnded)) throw error
      if (end === memorySignal) throw new Broke(`The picture needed more than ${inMiB(memoryBytes)} MB of memory`)
      if (hasAll) throw new Broke('The decoder crashed on this picture', { cause: error })
      throw new AppError('unavailable', `A decoder process ended by ${end} before it had the photo`, { cause: error })
    } finally {
      stop.release()
      tell()
    }
    if (outcome instanceof Unreadable) throw outcome
    return outcome
  }
  return { develop, isAlive, kill }
}

/** Rejects with Broke for what is no answer, and with ChannelEnded. */
async function readOutcome(reader: FrameReader, onHasAll: () => void): Promise<Developed | Unreadable> {
  try {
    const first = parseAnswer(await reader.head())
    if (first.is !== 'began') throw new Error(`it answered ${first.is} before it began`)
    onHasAll()
    const answer = parseAnswer(await reader.head())
    if (answer.is === 'developed') return await readDeveloped(answer, reader)
    if (answer.is === 'unreadable') {
      return new Unreadable(answer.reason, answer.cause === null ? {} : { cause: new Error(escapeText(answer.cause)) })
    }
    throw new Error(answer.is === 'failed' ? escapeText(answer.error) : `it answered ${answer.is} after it began`)
  } catch (cause) {
    if (cause instanceof ChannelEnded) throw cause
    throw new Broke('The decoder failed on this picture', { cause })
  }
}

/** The process, with what it says on standard error: it goes to the log after each photo, and when it is gone. */
function launch({ program, memoryBytes, log: parentLog }: ProcessOptions) {
  const child = spawn(process.execPath, [...nodeFlags, program, `${process.pid}`, `${memoryBytes}`], {
    cwd: '/',
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const channel = (child.stdio as typeof child.stdio | undefined)?.[channelFd] as Socket | undefined
  if (channel === undefined) {
    // Node gives nothing but an error then, which comes later and would end this process if nobody heard it.
    child.on('error', () => {})
    throw new AppError('unavailable', 'A decoder process did not start: no more files can be opened')
  }
  const log = parentLog.child({ decoder: child.pid })
  // Writing fails when the process is gone; that shows in reading too, which is where it is judged.
  channel.on('error', () => {})

  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-saidCharsMax)
  })
  const tell = (level: 'debug' | 'warn' = 'debug') => {
    if (said !== '') log[level]({ said: escapeText(said) }, 'a decoder process complains')
    said = ''
  }

  let alive = true
  /** The signal or status, or why it never was. */
  const gone = new Promise<string>(resolve => {
    const onEnd = (end: string) => {
      alive = false
      resolve(end)
    }
    child.once('exit', (status, signal) => onEnd(signal ?? `status ${status}`))
    child.once('error', error => {
      onEnd(error.message)
      // It was never connected, so nothing would end it.
      channel.destroy()
    })
  })
  child.once('close', (status, signal) => {
    if (signal !== 'SIGKILL') log.warn({ status, signal }, 'a decoder process ended')
    tell(signal === 'SIGKILL' ? 'debug' : 'warn')
  })

  const kill = async () => {
    child.kill('SIGKILL')
    channel.destroy()
    return await gone
  }
  return { channel, isAlive: () => alive, kill, tell, log }
}

const saidCharsMax = 4_000

function inMiB(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
