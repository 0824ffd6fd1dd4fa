/**
 * Sending bytes by the SDK. A small body is held in memory, checked, and signed with its hash, so that the service checks it
 * again; a large one is streamed, unsigned, and broken off before its last bytes if they prove wrong.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { checkedChunks, collect } from './body.js'
import type { Replayable } from './bucket.js'

/** Held in memory and signed: a small original, and every part of a large one (8 MiB and what its last chunk brought too much). */
const heldBytesMax = 16 * 1024 * 1024

export interface Sending {
  body: Buffer | Readable
  /** Of the body, lower-case hex; undefined when it's streamed. */
  sha256: string | undefined
  /** Aborts with the caller's, and when the body fails: the SDK wouldn't notice the latter. */
  signal: AbortSignal
}

/** Calls `send` with the body in the form it has to take; its bytes' failure wins over what the SDK makes of it. */
export async function sendBody<T>(
  body: Replayable,
  { sha256, signal }: { sha256?: string | undefined; signal?: AbortSignal | undefined },
  send: (sending: Sending) => Promise<T>,
): Promise<T> {
  const ending = new AbortController()
  const onAbort = () => ending.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    if (body.sizeBytes <= heldBytesMax) {
      const held = await collect(body, { sha256, signal })
      return await send({ body: held, sha256: sha256 ?? sha256Of(held), signal: ending.signal })
    }
    return await sendStream(checkedChunks(body, { sha256, signal }), ending, send)
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

async function sendStream<T>(
  chunks: AsyncIterable<Uint8Array>,
  ending: AbortController,
  send: (sending: Sending) => Promise<T>,
): Promise<T> {
  const stream = Readable.from(chunks, { objectMode: false })
  let failure: { reason: unknown } | undefined
  stream.on('error', reason => {
    failure = { reason }
    ending.abort(reason)
  })
  try {
    return await send({ body: stream, sha256: undefined, signal: ending.signal })
  } catch (error) {
    throw failure ? failure.reason : error
  } finally {
    stream.destroy()
  }
}

/** Middleware that signs a request with a hash known already (of step `build`), which spares the SDK hashing the body again. */
export function knownHash(sha256: string | undefined) {
  return <A extends { request: unknown }, R>(next: (args: A) => R) =>
    (args: A): R => {
      if (sha256 !== undefined && hasHeaders(args.request)) args.request.headers['x-amz-content-sha256'] = sha256
      return next(args)
    }
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
