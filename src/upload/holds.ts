/**
 * Who writes to an upload. Handsets break off and come back on another connection, often at another process, before the
 * first one is noticed to be dead: the newest request wins. It ends the older one by a signal, gives it a moment to make
 * durable what it has, and then fences it off by the holder's number, which every write names.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../core/clock.js'
import { AppError } from '../core/errors.js'
import type { NewId } from '../core/ids.js'
import type { Database } from '../db/database.js'
import type { Signals } from '../queue/signals.js'
import type { Bucket } from '../storage/bucket.js'
import { receiptOf } from './receipt.js'
import type { Upload } from './upload.js'
import { findUpload, releaseHold, takeHold } from './uploads-sql.js'

/** How long an older request may take to put its bytes away before it is fenced off. */
const graceMs = 2_000
const lookAgainMs = 25
const lookAgainMaxMs = 400
/** How long after its last sign of life a finish under way is left alone. */
const believedMs = 15_000
const attemptsMax = 5

export interface Hold {
  /** As it is now under this hold; whoever holds it keeps it up to date. */
  upload: Upload
  /** As its row is: behind `upload` while a checksum is still to be seen. */
  recorded: Upload
  /** What is put away counts only once the checksum of the request has been seen. */
  unverified: boolean
  /** Aborts when a newer request wants the upload: stop reading, make durable what is here, let go. */
  readonly signal: AbortSignal
  /** `unsure`: calls to the bucket failed, and their effect may still come. */
  release(hold: 'free' | 'unsure'): Promise<void>
}

export interface Holds {
  /** Takes the hold of an upload that `interrupt` returned. `conflict` when it is not there any more; `held` when it can't be had in time. */
  take(seen: Upload): Promise<Hold>
  /** For an upload that was inserted held. */
  adopt(upload: Upload): Hold
  /** Ends whoever has it, waits for them to put their bytes away, and returns the upload as it is then. */
  interrupt(seen: Upload): Promise<Upload>
  close(): void
}

export interface HoldsDeps {
  db: Database
  bucket: Bucket
  signals: Signals
  clock: Clock
  newId: NewId
}

export async function makeHolds({ db, bucket, signals, clock, newId }: HoldsDeps): Promise<Holds> {
  const active = new Map<string, { holder: number; controller: AbortController }>()

  const endLocal = (id: string, holder: number) => {
    const here = active.get(id)
    if (here && here.holder <= holder)
      here.controller.abort(new AppError('held', 'A newer request took this upload over'))
  }
  const unsubscribe = await signals.subscribe('upload', payload => {
    const [id = '', holder = ''] = payload.split(' ')
    endLocal(id, Number(holder))
  })

  const adopt = (upload: Upload): Hold => {
    const controller = new AbortController()
    const mine = { holder: upload.holder, controller }
    active.set(upload.id, mine)
    const hold: Hold = {
      upload,
      recorded: upload,
      unverified: false,
      signal: controller.signal,
      release: async state => {
        if (active.get(upload.id) === mine) active.delete(upload.id)
        // With its last record, mostly.
        if (hold.recorded.hold === 'held') await releaseHold(db, hold.upload, state, clock.now())
      },
    }
    return hold
  }

  const interrupt = async (seen: Upload): Promise<Upload> => {
    if (seen.hold !== 'held') return seen
    // One whose bytes are all durable, and whose holder is putting them together, is waited for and not disturbed.
    const isFinishing = seen.state === 'finishing' && clock.now().getTime() - seen.touchedAt.getTime() < believedMs
    if (!isFinishing) {
      endLocal(seen.id, seen.holder)
      void signals.publish('upload', `${seen.id} ${seen.holder}`)
    }
    let now: Upload | undefined = seen
    const deadlineMs = performance.now() + graceMs
    // Seldomer and seldomer: after a process has died, all of its clients wait here.
    for (let pauseMs = lookAgainMs; performance.now() < deadlineMs; pauseMs = Math.min(2 * pauseMs, lookAgainMaxMs)) {
      now = await findUpload(db, seen.id)
      if (!now) throw new AppError('gone', 'This upload has ended')
      if (now.hold !== 'held' || now.holder !== seen.holder) return now
      await sleep(pauseMs)
    }
    if (!isFinishing) return now
    throw new AppError('held', 'The file is being put together. Ask again in a moment', { retryAfterSeconds: 2 })
  }

  return {
    adopt,
    interrupt,
    take: async seen => {
      let current = seen
      for (let attempt = 1; attempt <= attemptsMax; attempt++) {
        const skipsPart = current.multipart !== null && bucket.mayLeaveOutParts(current.multipart)
        const taken = await takeHold(db, current, { freshPhoto: newId(), skipsPart }, clock.now())
        if (taken) return adopt(taken)
        // Another was quicker.
        current = await interrupt((await findUpload(db, seen.id)) ?? current)
        if (current.offsetBytes !== seen.offsetBytes || current.state !== seen.state) throw movedOn(current)
      }
      throw new AppError('held', 'Another request is writing to this upload. Try again in a moment', {
        retryAfterSeconds: 1,
      })
    },
    close: unsubscribe,
  }
}

export function movedOn(upload: Upload): AppError {
  if (upload.state === 'ended') return new AppError('gone', 'This upload has ended')
  const { offsetBytes: offset } = upload
  return new AppError('conflict', `The upload is at byte ${offset}. Continue from there`, {
    facts: { offset, ...receiptOf(upload) },
  })
}
