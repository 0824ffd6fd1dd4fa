/**
 * The engine of uploads: what every front (tus, IETF) does with them, whichever way its requests say it. It knows no HTTP.
 * Someone else's upload does not exist (`not_found`); one that was terminated or has expired is `gone`.
 */
import { Readable } from 'node:stream'
import type { Caller } from '../accounts/caller.js'
import type { Clock } from '../core/clock.js'
import { AppError, isAppError } from '../core/errors.js'
import { isId, type NewId } from '../core/ids.js'
import { limits } from '../core/limits.js'
import type { Database } from '../db/database.js'
import type { Signals } from '../queue/signals.js'
import type { Bucket } from '../storage/bucket.js'
import { BodyBroken, makeAppend } from './append.js'
import { makeFinish } from './finish.js'
import { makeHeldBytes } from './held-bytes.js'
import { type Hold, makeHolds, movedOn } from './holds.js'
import { parseMetadata, readFileFacts } from './protocol.js'
import { makePutAway } from './put-away.js'
import type { Upload } from './upload.js'
import { findUpload, insertUpload, openTotals } from './uploads-sql.js'

export interface Creation {
  sizeBytes: number
  /** Upload-Metadata as it came. */
  metadata: string
}

/** The bytes of one request. */
export interface Body {
  stream: Readable
  /** What Content-Length says; undefined when it doesn't. */
  announcedBytes?: number | undefined
}

export interface Engine {
  /** Makes an upload and appends `body` to it when there is one. */
  create(caller: Caller, creation: Creation, body?: Body): Promise<Upload>
  /** Appends at `offset`; `conflict` (with the fact `offset`) when the upload is elsewhere. A `done` one is returned as it is, so a repeated last request gets its receipt. */
  append(caller: Caller, id: string, offset: number, body: Body): Promise<Upload>
  /** The upload and where it is. Ends a request that still writes to it, since its client has come back; finishes one whose finish was cut short. */
  find(caller: Caller, id: string): Promise<Upload>
  terminate(caller: Caller, id: string): Promise<void>
  /** For the sweeper: finishes an upload whose bytes are all durable. Resolves also when there is nothing to do. */
  resumeFinish(id: string): Promise<void>
  /** For the sweeper: ends an upload and has its bytes removed. */
  expire(id: string): Promise<void>
  /** Bytes of bodies held in memory now. */
  heldBytes(): number
  close(): void
}

export interface EngineDeps {
  db: Database
  bucket: Bucket
  signals: Signals
  clock: Clock
  newId: NewId
  /** See append.ts. */
  stallMs?: number
}

export async function makeEngine(deps: EngineDeps): Promise<Engine> {
  const { db, bucket, signals, clock, newId, stallMs = limits.uploadStallMs } = deps
  const heldBytes = makeHeldBytes(limits.heldBytesPerProcess)
  const holds = await makeHolds({ db, signals, clock, newId })
  const finish = makeFinish({ db, bucket, signals, clock })
  const append = makeAppend({ putAway: makePutAway({ db, bucket, clock }), heldBytes, finish, stallMs })

  /** Works under a hold and gives it back, whatever happens. */
  const under = async (hold: Hold, work: () => Promise<void>): Promise<Upload> => {
    let clean = false
    try {
      await work()
      clean = true
    } catch (error) {
      // In neither case did a call to the bucket fail.
      clean = error instanceof BodyBroken || isAppError(error, 'too_large')
      const told = asTold(error)
      // Nothing can come of it any more. If it can't be ended now it expires.
      if (isAppError(told, 'gone')) await finish.end(hold.upload.id).catch(() => {})
      throw told
    } finally {
      // One that can't be let go of now is fenced off by its next holder.
      await hold.release(clean ? 'free' : 'unsure').catch(() => {})
    }
    return hold.upload
  }

  const mine = async (caller: Caller, id: string): Promise<Upload> => {
    const upload = isId(id) ? await findUpload(db, id) : undefined
    if (!upload || upload.person !== caller.person || upload.epoch !== caller.epoch) {
      throw new AppError('not_found', 'There is no such upload')
    }
    return going(upload)
  }

  const going = (upload: Upload): Upload => {
    if (upload.state === 'ended' || (upload.state !== 'done' && upload.expiresAt < clock.now())) {
      throw new AppError('gone', 'This upload has ended. Start again with a new one')
    }
    return upload
  }

  const finishIfCutShort = async (upload: Upload): Promise<Upload> => {
    if (upload.state !== 'finishing') return upload
    const hold = await holds.take(upload)
    return under(hold, async () => {
      hold.upload = await finish.large(hold)
    })
  }

  /** A new upload, held by us, within the person's limits. */
  const open = async (caller: Caller, { sizeBytes, metadata }: Creation): Promise<Hold> => {
    const facts = readFileFacts(parseMetadata(metadata))
    const totals = await openTotals(db, caller.person)
    if (totals.count >= limits.openUploadsPerPerson || totals.bytes + sizeBytes > limits.openBytesPerPerson) {
      const sentence = 'Too many uploads are open. Finish or end some of them first'
      throw new AppError('too_many', sentence, { retryAfterSeconds: 60 })
    }
    const { person, epoch, device } = caller
    const now = clock.now()
    const expiresAt = new Date(now.getTime() + limits.uploadLifetimeMs)
    const row = { id: newId(), photo: newId(), person, epoch, device, sizeBytes, metadata, ...facts, expiresAt }
    return holds.adopt(await insertUpload(db, row, now))
  }

  return {
    create: async (caller, creation, body) => {
      const { sizeBytes } = creation
      if (sizeBytes > limits.uploadSizeBytes) {
        throw new AppError('too_large', `A file may have ${limits.uploadSizeBytes} bytes at most`)
      }
      requireFits(0, sizeBytes, body)
      const hold = await open(caller, creation)
      try {
        return await under(hold, () =>
          body || sizeBytes === 0 ? append(hold, body?.stream ?? Readable.from([])) : Promise.resolve(),
        )
      } catch (error) {
        // Created it is: a body that broke off is told by HEAD, and only an error of ours refuses the creation.
        if (error instanceof BodyBroken) return hold.upload
        // Nobody hears where it is, so nobody will go on with it. If it can't be ended now it expires.
        await finish.end(hold.upload.id).catch(() => {})
        throw error
      }
    },
    append: async (caller, id, offset, body) => {
      const seen = await mine(caller, id)
      if (seen.state === 'done' && offset === seen.sizeBytes) {
        requireFits(offset, seen.sizeBytes, body)
        return seen
      }
      // While another writes to it the offset may still reach what this request says; it never goes back.
      const mayBeThere = seen.hold === 'held' && offset > seen.offsetBytes && offset <= seen.sizeBytes
      if (offset !== seen.offsetBytes && !mayBeThere) throw movedOn(seen)
      requireFits(offset, seen.sizeBytes, body)
      // A request that broke off before its turn came must not end one that goes on.
      if (body.stream.destroyed) throw new BodyBroken('The request broke off')
      const current = going(await holds.interrupt(seen))
      if (current.state === 'done' && offset === current.sizeBytes) return current
      if (offset !== current.offsetBytes) throw movedOn(current)
      const hold = await holds.take(current)
      return under(hold, () => append(hold, body.stream))
    },
    find: async (caller, id) => {
      const upload = going(await holds.interrupt(await mine(caller, id)))
      return finishIfCutShort(upload).catch(error => {
        // Another request was about to finish it, and has.
        if (isAppError(error, 'conflict')) return mine(caller, id)
        throw error
      })
    },
    terminate: async (caller, id) => {
      const seen = await holds.interrupt(await mine(caller, id))
      await finish.end(seen.id)
    },
    resumeFinish: async id => {
      const upload = await findUpload(db, id)
      if (upload) await finishIfCutShort(await holds.interrupt(upload))
    },
    expire: id => finish.end(id),
    heldBytes: () => heldBytes.total,
    close: holds.close,
  }
}

function requireFits(offset: number, sizeBytes: number, body: Body | undefined): void {
  if (body?.announcedBytes === undefined || offset + body.announcedBytes <= sizeBytes) return
  throw new AppError(
    'too_large',
    `The request brings ${body.announcedBytes} bytes, and the upload has room for ${sizeBytes - offset}`,
  )
}

/** What fails at the bucket while bytes are put away is no fault of who sends them, whatever the bucket calls it. */
function asTold(error: unknown): unknown {
  if (!isAppError(error)) return error
  if (error.kind === 'not_found') {
    return new AppError('gone', 'Bytes of this upload are lost. Start again with a new one', { cause: error })
  }
  if (error.kind !== 'forbidden' && error.kind !== 'invalid' && error.kind !== 'conflict') return error
  return new AppError('unavailable', 'The file could not be stored now. Try again', {
    cause: error,
    retryAfterSeconds: 5,
  })
}
