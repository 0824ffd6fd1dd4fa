/**
 * Bytes of one request into the bucket. What arrived before a break is durable there before the offset that counts it is
 * recorded, and only then told. Steps are decided by upload.ts; this does them.
 */
import { addAbortSignal, type Readable } from 'node:stream'
import { AppError } from '../core/errors.js'
import type { Finish } from './finish.js'
import type { HeldBytes } from './held-bytes.js'
import type { Hold } from './holds.js'
import type { PutAway } from './put-away.js'
import { isSmall, nextStep } from './upload.js'

export interface AppendDeps {
  putAway: PutAway
  heldBytes: HeldBytes
  finish: Finish
  /** A body that brings no byte for this long while one is waited for is ended. */
  stallMs: number
}

/** The request's bytes couldn't be read to their end; what came is kept. Its cause says why. */
export class BodyBroken extends Error {
  override readonly name = 'BodyBroken'
}

export type Append = (hold: Hold, body: Readable) => Promise<void>

/**
 * Reads `body` to its end and leaves `hold.upload` as it then is: `done`, or open with its new offset. Rejects with
 * BodyBroken when the body broke off, `too_large` when it brings more than the upload's length (what this request still held is
 * dropped), and with the bucket's or database's error when bytes could not be made durable.
 */
export function makeAppend({ putAway, heldBytes, finish, stallMs }: AppendDeps): Append {
  const finishWith = async (hold: Hold, chunks: readonly Buffer[]) => {
    if (isSmall(hold.upload)) {
      hold.upload = await finish.small(hold, [...(await putAway.readPieces(hold)), ...chunks])
      return
    }
    if (hold.upload.state === 'open') await putAway.sendPart(hold, chunks, true)
    hold.upload = await finish.large(hold)
  }

  return async (hold, body) => {
    let chunks: Buffer[] = []
    let chunkBytes = 0
    const forget = () => {
      heldBytes.release(chunkBytes)
      chunks = []
      chunkBytes = 0
    }
    const flush = async (pressed: boolean) => {
      const step = nextStep(hold.upload, chunkBytes, pressed)
      if (step === 'part') await putAway.sendPart(hold, chunks, false)
      if (step === 'piece') await putAway.stagePiece(hold, chunks)
      if (step === 'part' || step === 'piece') forget()
      return step
    }
    const reading = readChunks(body, hold.signal, stallMs)
    try {
      let broken: unknown
      for (;;) {
        const next = await reading.next().catch(error => {
          broken = error ?? new Error('the body broke off')
        })
        if (!next || next.done) break
        const chunk = next.value
        if (hold.upload.offsetBytes + chunkBytes + chunk.byteLength > hold.upload.sizeBytes) {
          throw new AppError('too_large', 'The request brings more bytes than the upload announced')
        }
        chunks.push(chunk)
        chunkBytes += chunk.byteLength
        await flush(heldBytes.add(chunk.byteLength))
      }
      if ((await flush(true)) === 'finish') await finishWith(hold, chunks)
      else if (broken) throw new BodyBroken('The request broke off', { cause: broken })
    } finally {
      forget()
      await reading.return()
    }
  }
}

/**
 * Ends with an error when `signal` aborts, or when no byte comes for `stallMs` while one is waited for; both end the connection
 * too. Whoever stops early leaves the body open, since the answer still has to go out on its connection.
 */
async function* readChunks(body: Readable, signal: AbortSignal, stallMs: number): AsyncGenerator<Buffer, void> {
  const stall = new AbortController()
  addAbortSignal(AbortSignal.any([signal, stall.signal]), body)
  const chunks = body.iterator({ destroyOnReturn: false })
  try {
    for (;;) {
      const timer = setTimeout(() => stall.abort(new Error('no byte came for too long')), stallMs)
      const next = await chunks.next().finally(() => clearTimeout(timer))
      if (next.done) return
      yield next.value as Buffer
    }
  } finally {
    await chunks.return?.()
  }
}
