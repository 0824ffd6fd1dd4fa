/**
 * Bytes of one request into the bucket. What arrived before a break is durable there before the offset that counts it is
 * recorded, and only then told. Steps are decided by upload.ts; this does them.
 */
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import type { Body } from './contract.js'
import type { Finish } from './finish.js'
import { type Held, openHeld } from './held.js'
import type { Hold } from './holds.js'
import { type Intake, openIntake, type Stop } from './intake.js'
import type { Kept } from './kept.js'
import type { Memory } from './memory.js'
import type { PutAway } from './put-away.js'
import { maySmall, nextStep, roomFor, type Upload } from './upload.js'

export interface AppendDeps {
  putAway: PutAway
  memory: Memory
  kept: Kept
  finish: Finish
  /** A body that brings no byte for this long while one is waited for is ended. */
  stallMs: number
}

/** The request's bytes couldn't be read to their end; what came is kept. Its cause says why. */
export class BodyBroken extends Error {
  override readonly name = 'BodyBroken'
}

export type Append = (
  hold: Hold,
  body: Pick<Body, 'stream' | 'announcedBytes' | 'checksum' | 'isLast'>,
) => Promise<void>

/**
 * Reads the body to its end and leaves `hold.upload` as it then is: `done`, or open with its new offset. Rejects with BodyBroken
 * when the body broke off; with `too_large`, `checksum_mismatch` or `invalid` for a body that isn't what was announced (what this
 * request still held is dropped; of one with a checksum, all); and with the bucket's or database's error when bytes could not be
 * made durable.
 */
export function makeAppend({ putAway, memory, kept, finish, stallMs }: AppendDeps): Append {
  /** Reads until the body ends, and puts away on the way what fills a part or what memory is too short for. */
  const readAll = async (hold: Hold, held: Held, intake: Intake): Promise<Stop> => {
    for (;;) {
      const freshBytes = freshOf(hold.upload, held)
      const leftBytes = (hold.upload.sizeBytes ?? limits.uploadSizeBytes) - hold.upload.offsetBytes - freshBytes
      const why = await intake.fill(roomFor(hold.upload) - freshBytes, leftBytes)
      if (why !== 'full' && why !== 'pressed') return why
      const step = nextStep(hold.upload, freshOf(hold.upload, held), true)
      // All bytes are here, and memory is too short to see whether more would come.
      if (step === 'finish' && why === 'pressed') return 'ended'
      if (step === 'part') await putAway.sendPart(hold, held, { isLast: false })
      if (step === 'piece') await putAway.stagePiece(hold, held)
      if (step !== 'finish') held.clear(hold.upload.offsetBytes, true)
    }
  }

  /** Whether what is held is kept for the next request. */
  const endWith = async (hold: Hold, held: Held, lastFrom: number): Promise<boolean> => {
    const step = nextStep(hold.upload, freshOf(hold.upload, held), true)
    const hasToSettle = hold.unverified && hold.upload !== hold.recorded
    hold.unverified = false
    if (hasToSettle || (step === 'wait' && hasNews(hold))) await putAway.settle(hold)
    if (step === 'finish') {
      await finish.all(hold, held, lastFrom)
      return false
    }
    if (step === 'wait') return false
    const { sizeBytes, sha256, hashState } = hold.upload
    await putAway.stagePiece(hold, held, { sizeBytes, sha256, hashState, release: true })
    const isWorthKeeping = held.startOffset === 0 && maySmall(hold.upload)
    if (isWorthKeeping) kept.keep(hold.upload, held)
    return isWorthKeeping
  }

  return async (hold, { stream, announcedBytes, checksum, isLast }) => {
    const { offsetBytes } = hold.upload
    const held = kept.resume(hold.upload) ?? openHeld(memory, offsetBytes, { hashed: maySmall(hold.upload) })
    const intake = openIntake(stream, { held, signal: hold.signal, stallMs, checksum, announcedBytes })
    hold.unverified = checksum !== undefined
    let isKept = false
    let isPutAway = false
    try {
      const why = await readAll(hold, held, intake)
      if (why === 'excess') throw new AppError('too_large', 'The request brings more bytes than the upload announced')
      if (checksum && why === 'broken') throw broken(intake)
      if (intake.checksum?.matches() === false) {
        throw new AppError(
          'checksum_mismatch',
          'The bytes that arrived do not have the checksum that was sent with them',
        )
      }
      if (isLast && why === 'ended') sayLength(hold, held)
      isKept = await endWith(hold, held, offsetBytes)
      isPutAway = true
      if (why === 'broken' && hold.upload.state !== 'done') throw broken(intake)
    } finally {
      intake.close()
      if (!isKept) held.clear(hold.upload.offsetBytes, isPutAway)
    }
  }
}

function broken({ cause }: Intake): BodyBroken {
  return new BodyBroken('The request broke off', { cause })
}

/** What the request says of the file counts once its body has proved right. */
function hasNews({ upload, recorded }: Hold): boolean {
  return upload.sizeBytes !== recorded.sizeBytes || upload.sha256 !== recorded.sha256
}

/** Held, and not durable yet. */
function freshOf({ offsetBytes }: Upload, held: Held): number {
  return held.startOffset + held.sizeBytes - offsetBytes
}

/** The end of this body is the end of the file. */
function sayLength(hold: Hold, held: Held): void {
  const sizeBytes = held.startOffset + held.sizeBytes
  if (hold.upload.sizeBytes === sizeBytes) return
  if (hold.upload.sizeBytes !== null) {
    throw new AppError(
      'invalid',
      `The request ends the file at ${sizeBytes} bytes, and it was said to have ${hold.upload.sizeBytes}`,
      {
        facts: { sizeBytes: hold.upload.sizeBytes },
      },
    )
  }
  hold.upload = { ...hold.upload, sizeBytes }
}
