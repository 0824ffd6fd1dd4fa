/**
 * The job of a new photo: reads the original once, hashes it again (→ verified), makes the renditions, reads what the photo
 * says of itself, and records it all in one step. May run twice: the renditions' keys and bytes are the same each time.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Clock } from '../../src/core/clock.js'
import { isAppError } from '../../src/core/errors.js'
import { originalKey, renditionKey } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import { recipe } from '../../src/core/renditions.js'
import type { Database } from '../../src/db/database.js'
import {
  beginAttempt,
  forgetAttempt,
  recordReady,
  recordUnreadable,
  type Verdict,
  type Work,
} from '../../src/library/work-sql.js'
import type { Log } from '../../src/observe/log.js'
import { type Bucket, bytes } from '../../src/storage/bucket.js'
import type { Handler } from '../run.js'
import { assertPicture, type Rendered, renderPhoto } from './render.js'
import { sniff } from './sniff.js'
import { Unreadable } from './unreadable.js'

export interface ThumbnailDeps {
  db: Database
  bucket: Bucket
  clock: Clock
  log: Log
  /** Tells that a worker has something for people to see. */
  onChange: (person: string) => Promise<void>
}

/** What is known of an original after it was read to its end. */
interface Original {
  /** The bytes, or undefined where the first of them tell that there is nothing to render. */
  bytes: Buffer | undefined
  head: Buffer
  sha256: Buffer
}

export function makeThumbnailJob({ db, bucket, clock, log, onChange }: ThumbnailDeps): Handler<'thumbnail'> {
  const giveUp = async (work: Work, verdict: Verdict) => {
    await blameless(work, () => recordUnreadable(db, work, verdict, clock.now()))
    await onChange(work.person)
  }

  /** What fails outside the photo is no attempt of the photo. */
  const blameless = async <T>(work: Work, step: () => Promise<T>): Promise<T> => {
    try {
      return await step()
    } catch (error) {
      await forgetAttempt(db, work.id)
      throw error
    }
  }

  return async ({ photo }, signal) => {
    const work = await beginAttempt(db, photo, recipe)
    if (!work) return
    if (work.attempts > limits.photoAttempts) {
      const reason = `The picture could not be processed in ${limits.photoAttempts} attempts`
      await giveUp(work, { reason, verified: false, lost: false, mediaType: null })
      return
    }
    const read = () => blameless(work, () => readOriginal(bucket, work, signal))
    const isRight = (found: Original | undefined) => found?.sha256.equals(work.sha256) === true
    let original = await read()
    // It is a hard word to say of a photo, so it takes two looks.
    if (!isRight(original)) original = await read()
    if (!original || !isRight(original)) {
      log.error({ photo, missing: !original }, 'a stored original is not what was stored')
      const reason = original
        ? 'The stored file is damaged: its bytes are not those that were sent'
        : 'The stored file is missing'
      await giveUp(work, { reason, verified: false, lost: true, mediaType: null })
      return
    }
    const { head } = original
    let rendered: Rendered
    try {
      if (!original.bytes) throw refusal(head)
      rendered = await renderPhoto(original.bytes, { signal, now: clock.now() })
    } catch (error) {
      // Whoever told us to end did so for reasons of their own; a photo that takes too long ends by the renderer's own limit.
      if (signal.aborted) return await blameless(work, () => Promise.reject(error))
      if (!(error instanceof Unreadable)) throw error
      await giveUp(work, { reason: error.reason, verified: true, lost: false, mediaType: sniff(head).mediaType })
      return
    }
    await blameless(work, async () => {
      for (const { name, mediaType, bytes: picture } of rendered.renditions) {
        await bucket.put(renditionKey(work, photo, recipe, name), bytes(picture), { mediaType, signal })
      }
      await recordReady(db, work, { ...rendered, recipe }, clock.now())
    })
    await onChange(work.person)
  }
}

/** Above this nothing that is rendered here is a camera's picture; it is hashed as it passes and not kept in memory. */
const pictureBytesMax = 256 * 1024 * 1024

/** undefined: the object is not there. */
async function readOriginal(bucket: Bucket, work: Work, signal: AbortSignal): Promise<Original | undefined> {
  try {
    const { body } = await bucket.get(originalKey(work, work.id), { signal })
    return await collect(body)
  } catch (error) {
    if (isAppError(error, 'not_found')) return undefined
    throw error
  }
}

async function collect(body: Readable): Promise<Original> {
  const hash = createHash('sha256')
  let chunks: Buffer[] = []
  let head: Buffer = Buffer.alloc(0)
  let sizeBytes = 0
  let keep = true
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk)
    sizeBytes += chunk.byteLength
    if (keep) chunks.push(chunk)
    if (head.byteLength < 4_096) head = Buffer.concat([head, chunk]).subarray(0, 4_096)
    if (keep && ((sizeBytes >= 4_096 && isRefused(head)) || sizeBytes > pictureBytesMax)) {
      keep = false
      chunks = []
    }
  }
  return { bytes: keep ? Buffer.concat(chunks) : undefined, head, sha256: hash.digest() }
}

function isRefused(head: Buffer): boolean {
  try {
    assertPicture(head)
    return false
  } catch {
    return true
  }
}

function refusal(head: Buffer): Unreadable {
  try {
    assertPicture(head)
    return new Unreadable(`The file is larger than ${pictureBytesMax / 1024 / 1024} MiB, the most that is rendered`)
  } catch (error) {
    return error as Unreadable
  }
}
