/**
 * HEIC and HEIF, which sharp can't decode: by libheif in a thread, one picture after the other. The thread is ended after an idle
 * moment, which gives back the memory of its largest picture; another is begun when there is another picture.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { packageFolder } from '../../../src/core/package-folder.js'
import { Unreadable } from '../unreadable.js'

export interface HeicQuestion {
  readonly original: Uint8Array
  readonly pixelsMax: number
}

export interface Heic {
  /** Eight-bit RGB or RGBA, upright, row by row. */
  readonly samples: Uint8Array<ArrayBuffer>
  readonly width: number
  readonly height: number
  readonly channels: 3 | 4
  readonly icc: Uint8Array | undefined
  /** Colour primaries (ITU-T H.273) where they are named instead of described by a profile. */
  readonly primaries: number | undefined
}

export type HeicAnswer =
  | (Heic & { readonly outcome: 'decoded' })
  | { readonly outcome: 'too large'; readonly width: number; readonly height: number }
  | { readonly outcome: 'beyond limits' | 'unsupported' | 'damaged'; readonly detail: string }

/**
 * Of a HEIC picture. Its samples stand in memory two and a half times while it is decoded, so 64 million take half a gigabyte;
 * phones write 12, 24, 48 and 50.
 */
export const heicPixelsMax = 64_000_000

const idleMs = 5_000

let thread: Worker | undefined
let last: Promise<unknown> = Promise.resolve()
let asked = 0

/** The thread ended under a picture. It says nothing of the picture: another attempt may go well. */
export class HeicBroke extends Error {
  override readonly name = 'HeicBroke'
}

/** Rejects with Unreadable, whose cause holds what libheif said; and with HeicBroke. */
export function decodeHeic(original: Buffer): Promise<Heic> {
  const question = ++asked
  const answered = last.then(async () => verdict(await ask({ original, pixelsMax: heicPixelsMax })))
  last = answered
    .catch(() => {})
    .then(() => {
      // Unreferenced, so that a process that is done doesn't wait for it.
      void sleep(idleMs, undefined, { ref: false }).then(() => (question === asked ? endThread() : undefined))
    })
  return answered
}

async function endThread(): Promise<void> {
  const ending = thread
  thread = undefined
  await ending?.terminate()
}

function verdict(answer: HeicAnswer): Heic {
  if (answer.outcome === 'decoded') return answer
  if (answer.outcome === 'too large') {
    const megapixelsMax = heicPixelsMax / 1e6
    const { width, height } = answer
    throw new Unreadable(`${width} × ${height} pixels are more than the limit of ${megapixelsMax} megapixels for HEIC`)
  }
  const cause = new Error(answer.detail)
  if (answer.outcome === 'beyond limits')
    throw new Unreadable('The HEIC picture is too large or too complex', { cause })
  if (answer.outcome === 'unsupported') {
    throw new Unreadable("The HEIC picture is of a kind that isn't known here", { cause })
  }
  throw new Unreadable("The picture's data is damaged", { cause })
}

async function ask(question: HeicQuestion): Promise<HeicAnswer> {
  thread ??= begin()
  const asked = thread
  asked.ref()
  const found = await new Promise<HeicAnswer>((resolve, reject) => {
    const settled = () => asked.off('message', onAnswer).off('error', onError).off('exit', onExit)
    const onAnswer = (answer: HeicAnswer) => {
      settled()
      resolve(answer)
    }
    const onError = (cause: unknown) => {
      settled()
      thread = undefined
      reject(new HeicBroke('the thread that decodes HEIC broke', { cause }))
    }
    const onExit = (status: number) => onError(new Error(`it ended with status ${status}`))
    asked.on('message', onAnswer).on('error', onError).on('exit', onExit)
    asked.postMessage(question)
  })
  asked.unref()
  // It ends by itself then.
  if (found.outcome !== 'decoded') thread = undefined
  return found
}

function begin(): Worker {
  // A thread begins from a file of JavaScript, also when this runs from its source.
  const begun = new Worker(join(packageFolder, 'dist/workers/thumbnail/picture/heic-thread.js'), { env: {} })
  return begun.on('error', () => {})
}
