/**
 * The form in which bytes go to S3. Those that are in memory, or small enough to be, are sent as they lie there and signed with their
 * hash, so that the service checks them and keeps nothing of others; more than that is streamed, unsigned where nobody
 * knows the hash, and broken off before its last bytes if they prove wrong.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../core/errors.js'
import { checkedChunks, wrongSize } from './body.js'
import type { Replayable } from './bucket.js'
import { isWrongHash } from './s3-errors.js'

/** Held in memory and signed: a small original, and every part of a large one (8 MiB and what its last chunk brought too much). */
const heldBytesMax = 16 * 1024 * 1024

export interface Sending {
  body: readonly Uint8Array[] | AsyncIterable<Uint8Array>
  sizeBytes: number
  /** Of the body, lower-case hex; undefined when nobody knows it before the last byte. */
  sha256: string | undefined
}

interface Known {
  sha256?: string | undefined
  signal?: AbortSignal | undefined
}

/** Calls `send`, whose errors are AppErrors, with the body in the form it has to take. The bytes' own failure wins over its. */
export async function sendBody<T>(
  body: Replayable,
  { sha256, signal }: Known,
  send: (sending: Sending) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const { sizeBytes } = body
  const opened = body.open()
  const source = { sizeBytes, open: () => opened }
  if (Array.isArray(opened) && (sha256 !== undefined || sizeBytes <= heldBytesMax)) {
    requireSize(opened, sizeBytes)
    return sendHeld({ body: opened, sizeBytes, sha256: sha256 ?? hashOf(opened) }, send)
  }
  if (sizeBytes > heldBytesMax) return sendStream(source, { sha256, signal }, send)
  const pieces: Uint8Array[] = []
  let actual = ''
  const onSha256 = (hex: string) => {
    actual = hex
  }
  for await (const piece of checkedChunks(source, { sha256, signal, onSha256 })) pieces.push(piece)
  return sendHeld({ body: pieces, sizeBytes, sha256: actual }, send)
}

interface Held extends Sending {
  body: readonly Uint8Array[]
  sha256: string
}

async function sendHeld<T>(held: Held, send: (sending: Sending) => Promise<T>): Promise<T> {
  try {
    return await send(held)
  } catch (error) {
    // The service got other bytes than announced. Whether they are what is here is worth a look only now.
    if (!isWrongHash(error) || hashOf(held.body) !== held.sha256) throw error
    throw new AppError('unavailable', 'The bytes were damaged on their way to the S3 service; try again', {
      cause: error.cause,
    })
  }
}

async function sendStream<T>(
  source: Replayable,
  { sha256, signal }: Known,
  send: (sending: Sending) => Promise<T>,
): Promise<T> {
  const ending = new AbortController()
  const ended = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal
  let failure: { reason: unknown } | undefined
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* checkedChunks(source, { sha256, signal: ended })
    } catch (reason) {
      failure = { reason }
      throw reason
    }
  }
  try {
    return await send({ body: chunks(), sizeBytes: source.sizeBytes, sha256 })
  } catch (error) {
    throw failure ? failure.reason : error
  } finally {
    // A source that still waits for its next bytes has no one left to send them to.
    ending.abort()
  }
}

function requireSize(pieces: readonly Uint8Array[], sizeBytes: number): void {
  if (pieces.reduce((sum, piece) => sum + piece.byteLength, 0) !== sizeBytes) throw wrongSize(sizeBytes)
}

function hashOf(pieces: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}
