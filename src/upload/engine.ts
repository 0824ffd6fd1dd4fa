/** The engine of uploads; contract.ts says what it promises, the modules around it do the work. It knows no HTTP. */
import { Readable } from 'node:stream'
import type { Caller } from '../accounts/caller.js'
import type { Clock } from '../core/clock.js'
import { AppError, isAppError } from '../core/errors.js'
import { isId, type NewId } from '../core/ids.js'
import { limits } from '../core/limits.js'
import type { Database } from '../db/database.js'
import { requireWhole } from '../library/parts-sql.js'
import type { Signals } from '../queue/signals.js'
import type { Bucket } from '../storage/bucket.js'
import { BodyBroken, makeAppend } from './append.js'
import { blamelessBucket } from './blameless-bucket.js'
import { makeAssembly, requireComplete } from './concatenate.js'
import type { AppendFacts, Body, Engine } from './contract.js'
import { makeFinish } from './finish.js'
import { openHeld } from './held.js'
import { type Hold, makeHolds, movedOn } from './holds.js'
import { makeKept } from './kept.js'
import { makeMemory } from './memory.js'
import { parseMetadata, readFileFacts } from './protocol.js'
import { makePutAway } from './put-away.js'
import { makeRebuilding } from './rebuilding.js'
import { isInParts, isWaitingForUs, sumOf, type Upload } from './upload.js'
import {
  extendLives,
  findFinal,
  findUpload,
  findUploads,
  insertUpload,
  type NewUpload,
  takeFree,
} from './uploads-sql.js'

export interface EngineDeps {
  db: Database
  bucket: Bucket
  signals: Signals
  clock: Clock
  newId: NewId
  /** See append.ts. */
  stallMs?: number
  /** Memory for bodies; default: limits.heldBytesPerProcess. */
  memoryBytes?: number
}

export async function makeEngine(deps: EngineDeps): Promise<Engine> {
  const { db, signals, clock, newId, stallMs = limits.uploadStallMs, memoryBytes = limits.heldBytesPerProcess } = deps
  const bucket = blamelessBucket(deps.bucket)
  const memory = makeMemory(memoryBytes)
  const kept = makeKept()
  const holds = await makeHolds({ db, bucket, signals, clock, newId })
  const putAway = makePutAway({ db, bucket, clock, rebuilding: makeRebuilding(limits.rebuiltBytesPerProcess) })
  const finish = makeFinish({ db, bucket, signals, clock, putAway })
  const append = makeAppend({ putAway, memory, kept, finish, stallMs })
  const assembly = makeAssembly({ db, bucket, append, finish })

  /** Works under a hold and gives it back, whatever happens. */
  const under = async (hold: Hold, work: () => Promise<void>): Promise<Upload> => {
    let clean = false
    try {
      await work()
      clean = true
    } catch (error) {
      // In none of these did a call to the bucket fail.
      clean = error instanceof BodyBroken || (isAppError(error) && faultsOfBodies.has(error.kind))
      if (!isAppError(error, 'not_found')) throw error
      // Nothing can come of it any more, unless a newer request has put its parts together. If it can't be ended now it expires.
      const { id, holder } = hold.upload
      if (!(await finish.end(id, { holder }).catch(() => true))) throw overtaken(error)
      throw new AppError('gone', 'Bytes of this upload are lost. Start again with a new one', { cause: error })
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

  const finishHeld = async (hold: Hold): Promise<void> => {
    const { upload } = hold
    if (upload.state === 'finishing' && isInParts(upload)) return finish.large(hold)
    if (upload.kind === 'final') return assembly.run(hold)
    const held = openHeld(memory, upload.offsetBytes, { hashed: false })
    return finish.all(hold, held, upload.lastFrom ?? upload.offsetBytes)
  }

  const finishIfCutShort = async (upload: Upload): Promise<Upload> => {
    if (!isWaitingForUs(upload)) return upload
    const hold = await holds.take(upload).catch(error => {
      if (!isAppError(error, 'conflict')) throw error
    })
    if (hold) return under(hold, () => finishHeld(hold))
    // Another request has moved it on: to its end, mostly.
    const now = await findUpload(db, upload.id)
    if (!now || isWaitingForUs(now)) throw overtaken(undefined)
    return going(now)
  }

  /** A new upload within the person's limits. */
  const insert = async (caller: Caller, facts: Partial<NewUpload> & { metadata: string }): Promise<Upload> => {
    const now = clock.now()
    const said = readFileFacts(parseMetadata(facts.metadata))
    // The commit looks again; by then the bytes have been sent.
    if (said.partOf !== null && facts.kind !== 'partial') await requireWhole(db, caller, said.partOf)
    const upload = await insertUpload(
      db,
      {
        id: newId(),
        photo: newId(),
        person: caller.person,
        epoch: caller.epoch,
        device: caller.device,
        kind: 'whole',
        state: 'open',
        sizeBytes: null,
        concat: null,
        sources: [],
        hold: 'held',
        expiresAt: new Date(now.getTime() + limits.uploadLifetimeMs),
        ...said,
        ...facts,
      },
      now,
    )
    if (upload) return upload
    const sentence = 'Too many uploads are open. Finish or end some of them first'
    throw new AppError('too_many', sentence, { retryAfterSeconds: 60 })
  }

  const create: Engine['create'] = async (caller, creation, body, onCreated) => {
    const { sizeBytes = null, metadata, sha256, kind = 'whole' } = creation
    requireAllowed(sizeBytes)
    requireFits(0, sizeBytes, body)
    const hasWork = body !== undefined || sizeBytes === 0
    const announced = sha256 && { sha256: sameHash(readFileFacts(parseMetadata(metadata)).sha256, sha256) }
    const upload = await insert(caller, { sizeBytes, metadata, kind, hold: hasWork ? 'held' : 'free', ...announced })
    onCreated?.(upload)
    if (!hasWork) return upload
    const hold = holds.adopt(upload)
    try {
      return await under(hold, () => append(hold, body ?? { stream: Readable.from([]) }))
    } catch (error) {
      // Created it is: a body that broke off is told by HEAD, and only an error of ours refuses the creation.
      if (error instanceof BodyBroken) return hold.recorded
      // Nobody has heard where it is, so nobody will go on with it. If it can't be ended now it expires.
      if (!onCreated) await finish.end(upload.id).catch(() => {})
      throw error
    }
  }

  const concatenate: Engine['concatenate'] = async (caller, { metadata, partials, concat }) => {
    const ids = partials.filter(isId)
    const all = await findUploads(db, ids)
    const found = all.filter(({ person, epoch }) => person === caller.person && epoch === caller.epoch)
    const earlier = found.length === partials.length ? await findFinal(db, caller.person, ids) : undefined
    if (earlier) return finishIfCutShort(going(await holds.interrupt(earlier)))
    requireComplete(partials, found)
    const sizeBytes = sumOf(found.map(partial => ({ sizeBytes: partial.sizeBytes ?? 0 })))
    requireAllowed(sizeBytes)
    const facts = { kind: 'final', state: 'finishing', sizeBytes, concat, sources: ids } as const
    const upload = await insert(caller, { metadata, ...facts })
    await extendLives(db, ids, upload.expiresAt)
    const hold = holds.adopt(upload)
    return under(hold, () => assembly.run(hold))
  }

  /** The hold, at that offset; or the upload when it is done already and this is its last request again. */
  const holdAt = async (caller: Caller, id: string, offset: number, body: Body): Promise<Hold | Upload> => {
    const seen = await mine(caller, id)
    if (seen.kind === 'final') throw new AppError('forbidden', 'A concatenated upload takes no more bytes')
    if (isLastAgain(seen, offset, body)) return seen
    // While another writes to it the offset may still reach what this request says; it never goes back.
    const mayBeThere = seen.hold === 'held' && offset > seen.offsetBytes && offset <= (seen.sizeBytes ?? offset)
    if (offset !== seen.offsetBytes && !mayBeThere) throw movedOn(seen)
    requireFits(offset, seen.sizeBytes, body)
    // A request that broke off before its turn came must not end one that goes on.
    if (body.stream.destroyed) throw new BodyBroken('The request broke off')
    const current = going(await holds.interrupt(seen))
    if (isLastAgain(current, offset, body)) return current
    if (offset !== current.offsetBytes) throw movedOn(current)
    return holds.take(current)
  }

  /** What is said of the whole file only now, checked against what is known of it. */
  const learn = (upload: Upload, offset: number, body: Body, facts: AppendFacts): Upload => {
    const { sizeBytes = null } = facts
    requireAllowed(sizeBytes)
    if (sizeBytes !== null && upload.sizeBytes !== null && sizeBytes !== upload.sizeBytes) {
      throw new AppError('invalid', `The upload has ${upload.sizeBytes} bytes, and its length can't change`, {
        facts: { sizeBytes: upload.sizeBytes },
      })
    }
    if (sizeBytes !== null && sizeBytes < offset) {
      throw new AppError('invalid', `The upload is at byte ${offset} already and can't be ${sizeBytes} bytes long`)
    }
    requireFits(offset, upload.sizeBytes ?? sizeBytes, body)
    const sha256 = facts.sha256 ? sameHash(upload.sha256, facts.sha256) : upload.sha256
    return { ...upload, sizeBytes: upload.sizeBytes ?? sizeBytes, sha256 }
  }

  return {
    create,
    append: async (caller, id, offset, body, facts = {}) => {
      const { stream, announcedBytes: bodyBytes } = body
      const { sizeBytes } = facts
      const mayTake = facts.sha256 === undefined && isId(id) && !stream.destroyed
      const taken = mayTake && (await takeFree(db, caller, { id, offset, bodyBytes, sizeBytes }, clock.now()))
      const found = taken ? holds.adopt(taken) : await holdAt(caller, id, offset, body)
      if (!('release' in found)) return found
      return under(found, async () => {
        found.upload = learn(found.upload, offset, body, facts)
        await append(found, body)
      })
    },
    concatenate: async (caller, request) => {
      try {
        return await concatenate(caller, request)
      } catch (error) {
        // The same request came twice at once, and the other one's file has these bytes now.
        const ids = request.partials.filter(isId)
        const other = isAppError(error, 'gone') ? await findFinal(db, caller.person, ids) : undefined
        if (other?.state !== 'done') throw error
        return other
      }
    },
    find: async (caller, id) => {
      const upload = going(await holds.interrupt(await mine(caller, id)))
      return finishIfCutShort(upload)
    },
    terminate: async (caller, id) => {
      const seen = await holds.interrupt(await mine(caller, id))
      kept.forget(seen.id)
      await finish.end(seen.id, { alsoStored: true })
    },
    resumeFinish: async id => {
      const upload = await findUpload(db, id)
      if (upload) await finishIfCutShort(await holds.interrupt(upload))
    },
    expire: async id => {
      const upload = await findUpload(db, id)
      // Whoever still writes to it ends first. What is being put together will be stored.
      if (upload?.hold === 'held') await holds.interrupt(upload)
      await finish.end(id)
    },
    heldBytes: () => memory.takenBytes - memory.keptBytes(),
    close: holds.close,
  }
}

const overtaken = (cause: unknown): AppError =>
  new AppError('held', 'A newer request took this upload over', { cause, retryAfterSeconds: 1 })

/** What a client brought wrongly. */
const faultsOfBodies: ReadonlySet<AppError['kind']> = new Set(['too_large', 'checksum_mismatch', 'invalid'])

function requireAllowed(sizeBytes: number | null): void {
  if ((sizeBytes ?? 0) <= limits.uploadSizeBytes) return
  throw new AppError('too_large', `A file may have ${limits.uploadSizeBytes} bytes at most`)
}

function requireFits(offset: number, sizeBytes: number | null, body: Body | undefined): void {
  const roomBytes = (sizeBytes ?? limits.uploadSizeBytes) - offset
  if (body?.announcedBytes === undefined || body.announcedBytes <= roomBytes) return
  throw new AppError(
    'too_large',
    `The request brings ${body.announcedBytes} bytes, and the upload has room for ${roomBytes}`,
  )
}

/** The request that ended the upload, once more: its answer was lost. */
function isLastAgain({ state, sizeBytes, lastFrom }: Upload, offset: number, { announcedBytes }: Body): boolean {
  if (state !== 'done') return false
  const isSameEnd = announcedBytes === undefined || offset + announcedBytes === sizeBytes
  return isSameEnd && (offset === sizeBytes || offset === lastFrom)
}

function sameHash(known: Buffer | null, said: Buffer): Buffer {
  if (known === null || known.equals(said)) return said
  throw new AppError('invalid', 'Two different SHA-256 were announced for this file')
}
