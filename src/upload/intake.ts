/**
 * Reads the body of one request into memory, and says when something must be done. Reading stops meanwhile, so that a client's bytes
 * wait in its connection and not here. A body that brings no byte for too long while one is waited for is ended, and so is one
 * whose upload a newer request wants.
 */
import type { Readable } from 'node:stream'
import type { Checksum } from './contract.js'
import type { Held } from './held.js'
import { type RunningChecksum, startChecksum } from './request-checksum.js'

/**
 * `full`: as many bytes as were asked for are held. `pressed`: memory is short. `ended`: the whole body is here. `broken`: no more of
 * it will come. `excess`: it brings more than it may.
 */
export type Stop = 'full' | 'pressed' | 'ended' | 'broken' | 'excess'

export interface Intake {
  /** Reads on until `roomBytes` more are held. `leftBytes`: how many more the body may bring at all. */
  fill(roomBytes: number, leftBytes: number): Promise<Stop>
  /** Of everything this body brought. */
  readonly checksum: RunningChecksum | undefined
  /** Why the body broke. */
  readonly cause: unknown
  /** Leaves the body as it is, paused: the answer still goes out on its connection. */
  close(): void
}

export interface IntakeOptions {
  held: Held
  /** Ends the body. */
  signal: AbortSignal
  stallMs: number
  checksum?: Checksum | undefined
  announcedBytes?: number | undefined
}

export function openIntake(
  body: Readable,
  { held, signal, stallMs, checksum: wanted, announcedBytes = Number.POSITIVE_INFINITY }: IntakeOptions,
): Intake {
  const checksum = wanted && startChecksum(wanted)
  let settle: ((why: Stop) => void) | undefined
  let roomBytes = 0
  let leftBytes = 0
  /** Of this body, as far as it was announced. */
  let comingBytes = announcedBytes
  /** Came, and is not held yet. */
  let rest: Buffer | undefined
  let isEnded = body.readableEnded
  let isBroken = body.destroyed && !isEnded
  let cause: unknown
  let stopWaiting: (() => void) | undefined
  const stall = setTimeout(() => settle && !stopWaiting && breakOff(new Error('no byte came for too long')), stallMs)

  const stop = (why: Stop) => {
    const tell = settle
    if (!tell) return
    settle = undefined
    stopWaiting?.()
    stopWaiting = undefined
    held.become('busy')
    body.pause()
    tell(why)
  }

  const readOn = () => {
    stall.refresh()
    body.resume()
  }

  const take = (chunk: Buffer) => {
    if (chunk.byteLength > leftBytes) return stop('excess')
    const fitting = chunk.byteLength > roomBytes ? chunk.subarray(0, roomBytes) : chunk
    held.write(fitting)
    checksum?.update(fitting)
    roomBytes -= fitting.byteLength
    leftBytes -= fitting.byteLength
    comingBytes -= fitting.byteLength
    rest = fitting.byteLength < chunk.byteLength ? chunk.subarray(fitting.byteLength) : undefined
    if (roomBytes === 0 && leftBytes > 0) return stop('full')
    goOn()
  }

  const goOn = () => {
    if (isEnded) return stop('ended')
    if (isBroken) return stop('broken')
    // One that has all its bytes gives its memory back soon.
    stopWaiting = leftBytes > 0 && comingBytes > 0 ? held.waitForRoom(onRoom) : undefined
    if (stopWaiting) body.pause()
    else if (body.isPaused()) readOn()
  }

  const onRoom = () => {
    stopWaiting = undefined
    // Not at once: the memory is given back in the middle of somebody else's work.
    process.nextTick(() => settle && !stopWaiting && goOn())
  }

  const onData = (chunk: Buffer) => {
    stall.refresh()
    // What comes while nobody reads was on its way before the pause.
    if (!settle || rest) rest = rest ? Buffer.concat([rest, chunk]) : chunk
    else take(chunk)
  }
  const onEnd = () => {
    isEnded = true
    if (!rest) stop('ended')
  }
  const onBreak = (error?: unknown) => {
    if (isEnded) return
    isBroken = true
    cause ??= error ?? new Error('the connection broke')
    stop('broken')
  }
  /** Not every stream says so at once when it is destroyed. */
  const breakOff = (reason: Error) => {
    body.destroy(reason)
    onBreak(reason)
  }
  const onAbort = () => breakOff(signal.reason)

  body.on('data', onData).on('end', onEnd).on('error', onBreak).on('close', onBreak)
  body.pause()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()

  return {
    checksum,
    get cause() {
      return cause
    },
    fill: (room, left) =>
      new Promise(resolve => {
        settle = resolve
        roomBytes = room
        leftBytes = left
        held.become('receiving', () => {
          if (held.sizeBytes > 0) stop('pressed')
          return held.sizeBytes > 0
        })
        if (rest) take(rest)
        else goOn()
      }),
    close: () => {
      clearTimeout(stall)
      stopWaiting?.()
      signal.removeEventListener('abort', onAbort)
      body.off('data', onData).off('end', onEnd).off('close', onBreak)
      body.pause()
    },
  }
}
