/**
 * Decodes pictures in processes of their own, so that a native library that crashes, hangs or swallows memory takes one photo's
 * attempt with it and nothing else. One photo at a time in each; processes are started when they are first needed, kept, and
 * replaced once they end. They hold no credentials, and end when this process does, however that ends.
 */
import { join } from 'node:path'
import { AppError } from '../../../src/core/errors.js'
import { limits } from '../../../src/core/limits.js'
import { packageFolder } from '../../../src/core/package-folder.js'
import type { Log } from '../../../src/observe/log.js'
import type { Developed } from '../developed.js'
import { Broke } from './broke.js'
import { type DecoderProcess, startDecoderProcess } from './decoder-process.js'
import { makeTurns } from './turns.js'

export interface DevelopOptions {
  /** Of the whole body: neither less nor more is taken. */
  sizeBytes: number
  /** Dates far ahead of it are not believed. */
  now: Date
  signal: AbortSignal
}

export interface Decoder {
  /**
   * Waits for its turn, streams the body to a process, and resolves with what became of it. The body is read only then, and not
   * gathered here; when this rejects it may have been read in part, and a read of it may still be under way.
   *
   * Rejects with Unreadable (a verdict on the file); Broke (one failed attempt at it); what the body failed with, or AppError
   * `checksum_mismatch` when it isn't `sizeBytes` long; the signal's reason; AppError `unavailable` when no process could be had,
   * which is no fault of the photo.
   */
  develop(body: AsyncIterable<Uint8Array>, options: DevelopOptions): Promise<Developed>
  /** Ends the processes; whatever is under way or waiting rejects with AppError `unavailable`, as does all that comes after. */
  close(): Promise<void>
}

export interface DecoderOptions {
  /** How many pictures are decoded at once. */
  processes: number
  /** From the last byte of an original to the last of its renditions. Default: limits.thumbnailMs. */
  timeoutMs?: number
  /** Resident memory of one process. Default: 1.2 GiB. */
  memoryBytes?: number
  /** What a process runs: a file that calls `answerPhotos`. Default: decoder-main, as it was built. */
  program?: string
  log: Log
}

const decoderProgram = join(packageFolder, 'dist/workers/thumbnail/isolated/decoder-main.js')
/** The largest picture of limits.picturePixels takes 0.8 GB as samples, where a decoder must have all of them at once. */
const memoryBytesDefault = 1_229 * 1024 * 1024

export function openDecoder(options: DecoderOptions): Decoder {
  const { processes, log, timeoutMs = limits.thumbnailMs, memoryBytes = memoryBytesDefault } = options
  const { program = decoderProgram } = options
  const turns = makeTurns(processes)
  /** The one used last is used next, so that no more are started than are needed. */
  const idle: DecoderProcess[] = []
  const underWay = new Map<AbortController, Promise<Developed>>()
  let closed: AppError | undefined

  const take = async (signal: AbortSignal): Promise<DecoderProcess> => {
    for (let found = idle.pop(); found; found = idle.pop()) {
      if (found.isAlive()) return found
      await found.kill()
    }
    return await startDecoderProcess({ program, timeoutMs, memoryBytes, log }, signal)
  }

  const inTurn = async (body: AsyncIterable<Uint8Array>, { sizeBytes, now }: DevelopOptions, signal: AbortSignal) => {
    await turns.take(signal)
    try {
      const chosen = await take(signal)
      try {
        return await chosen.develop({ body, sizeBytes, now }, signal)
      } finally {
        if (chosen.isAlive()) idle.push(chosen)
      }
    } finally {
      turns.give()
    }
  }

  return {
    develop: async (body, developOptions) => {
      const { sizeBytes, signal } = developOptions
      if (closed) throw closed
      signal.throwIfAborted()
      // Its bytes alone would be too much.
      if (sizeBytes >= memoryBytes)
        throw new Broke(`The picture needs more than ${Math.floor(memoryBytes / 2 ** 20)} MB of memory`)
      const ending = new AbortController()
      const onAbort = () => ending.abort(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      const developing = inTurn(body, developOptions, ending.signal)
      underWay.set(ending, developing)
      try {
        return await developing
      } finally {
        underWay.delete(ending)
        signal.removeEventListener('abort', onAbort)
      }
    },
    close: async () => {
      closed ??= new AppError('unavailable', 'The decoder is closed')
      for (const ending of underWay.keys()) ending.abort(closed)
      await Promise.allSettled(underWay.values())
      await Promise.all(idle.splice(0).map(process => process.kill()))
    },
  }
}
