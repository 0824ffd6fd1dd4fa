/**
 * The job of a new photo: reads the original once, hashes it again (→ verified), has it decoded apart from everything else, puts the
 * renditions away, and records it all in one step. May run twice: the renditions' keys and bytes are the same each time.
 */
import type { Clock } from '../../src/core/clock.js'
import { isAppError } from '../../src/core/errors.js'
import { originalKey, renditionKey, renditionPrefix } from '../../src/core/keys.js'
import { limits } from '../../src/core/limits.js'
import { recipe } from '../../src/core/renditions.js'
import type { Database } from '../../src/db/database.js'
import { recordSidecar } from '../../src/library/sidecars-sql.js'
import {
  beginAttempt,
  countBreak,
  endAttempt,
  recordReady,
  recordVerdict,
  type Verdict,
  type Work,
} from '../../src/library/work-sql.js'
import type { Log } from '../../src/observe/log.js'
import { type Bucket, bytes } from '../../src/storage/bucket.js'
import type { Handler } from '../run.js'
import type { Develop } from './develop.js'
import type { Developed } from './developed.js'
import { Broke } from './isolated/broke.js'
import { type Original, openOriginal } from './original.js'
import { readSidecar, sidecarMediaType } from './sidecar.js'
import { sniff } from './sniff.js'
import { Unreadable } from './unreadable.js'

export interface ThumbnailDeps {
  db: Database
  bucket: Bucket
  clock: Clock
  log: Log
  develop: Develop
  /** Tells that a worker has something for people to see. */
  onChange: (person: string) => Promise<void>
  /** Tells operators that an original is not what was stored. */
  onDamaged: () => void
}

/** What reading an original came to: what was found in it, or why that can't be told. */
interface Looked<Found> {
  outcome: Found | Unreadable | Broke
  isRight: boolean
  mediaType: string
}

export function makeThumbnailJob(deps: ThumbnailDeps): Handler<'thumbnail'> {
  const { db, bucket, clock, log, develop, onChange, onDamaged } = deps

  /** Resolves with whether it was said of the photo: not of one that was deleted meanwhile. */
  const giveUp = async (work: Work, verdict: Verdict): Promise<boolean> => {
    const isSaid = await recordVerdict(db, work, verdict, clock.now())
    if (isSaid) await onChange(work.person)
    return isSaid
  }

  /** undefined: the object is not there. */
  const open = async (work: Work, signal: AbortSignal): Promise<Original | undefined> => {
    const found = await bucket.get(originalKey(work, work.id), { signal }).catch(error => {
      if (!isAppError(error, 'not_found')) throw error
      return undefined
    })
    return found && openOriginal(found.body, found.sizeBytes)
  }

  const look = async <Found>(
    work: Work,
    signal: AbortSignal,
    read: (original: Original) => Promise<Found>,
  ): Promise<Looked<Found> | undefined> => {
    const original = await open(work, signal)
    if (!original) return undefined
    try {
      const outcome = await read(original).catch((error: unknown) => {
        if (error instanceof Unreadable || error instanceof Broke) return error
        throw error
      })
      // What broke may have been fed wrong bytes: that is looked at before it is blamed.
      const isRight = outcome instanceof Broke || (await original.finish()).equals(work.sha256)
      return { outcome, isRight, mediaType: sniff(original.head).mediaType }
    } finally {
      original.drop()
    }
  }

  const quarantineLost = async (work: Work, isMissing: boolean) => {
    const reason = isMissing
      ? 'The stored file is missing'
      : 'The stored file is damaged: its bytes are not those that were sent'
    const isSaid = await giveUp(work, { state: 'quarantined', reason, verified: false, lost: true, mediaType: null })
    // The original of a photo that was deleted meanwhile is nobody's loss.
    if (!isSaid) return
    log.error({ photo: work.id, missing: isMissing }, 'a stored original is not what was stored')
    onDamaged()
  }

  const quarantineBroken = async (
    work: Work,
    { reason }: { reason: string },
    known: Pick<Verdict, 'mediaType' | 'verified'>,
  ) => {
    log.warn({ photo: work.id, reason }, 'a photo is put in quarantine')
    await giveUp(work, { ...known, state: 'quarantined', reason, lost: false })
  }

  /** Nobody asks for the renditions of an older recipe any more. */
  const removeOlder = async (work: Work, signal: AbortSignal) => {
    const kept = renditionKey(work, work.id, recipe, '')
    await removeRenditions(work, key => !key.startsWith(kept), signal)
  }

  const removeRenditions = async (work: Work, unwanted: (key: string) => boolean, signal: AbortSignal) => {
    const keys: string[] = []
    for await (const { key } of bucket.list(renditionPrefix(work, work.id), { signal }))
      if (unwanted(key)) keys.push(key)
    await bucket.delete(keys, { signal })
  }

  const keep = async (work: Work, developed: Developed, signal: AbortSignal) => {
    await Promise.all(
      developed.renditions.map(({ name, mediaType, bytes: picture }) =>
        bucket.put(renditionKey(work, work.id, recipe, name), bytes(picture), { mediaType, signal }),
      ),
    )
    const renditions = developed.renditions.map(({ name }) => name)
    const isThere = await recordReady(db, work, { ...developed, renditions, recipe }, clock.now())
    // It was deleted meanwhile, and what was removed with it may not have been all.
    if (!isThere) return removeRenditions(work, () => true, signal)
    if (work.recipe !== null && Math.abs(work.recipe) !== recipe) await removeOlder(work, signal)
    await onChange(work.person)
  }

  /** Looks at the hash alone. undefined: the object is not there. */
  const isIntact = async (work: Work, signal: AbortSignal): Promise<boolean | undefined> => {
    const original = await open(work, signal)
    return original && (await original.finish()).equals(work.sha256)
  }

  /** It is a hard word to say of a photo, so it takes two looks. */
  const lookAgain = async (work: Work, signal: AbortSignal) => {
    const isRight = await isIntact(work, signal)
    if (isRight) throw new Error('the original was read wrongly, and then rightly')
    await quarantineLost(work, isRight === undefined)
  }

  const attempt = async (work: Work, signal: AbortSignal): Promise<void> => {
    const looked = await look(work, signal, original => develop(original, { now: clock.now(), signal }))
    if (!looked?.isRight) return lookAgain(work, signal)
    const { outcome, mediaType } = looked
    if (outcome instanceof Broke) {
      if ((await countBreak(db, work.id)) < limits.photoBreaks) throw outcome
      // Damage in the bucket breaks decoders too, and then somebody has to hear of it.
      if (!(await isIntact(work, signal))) return lookAgain(work, signal)
      return quarantineBroken(work, outcome, { mediaType, verified: true })
    }
    if (outcome instanceof Unreadable) {
      const { reason } = outcome
      await giveUp(work, { state: 'unreadable', reason, verified: true, lost: false, mediaType })
      return
    }
    await keep(work, outcome, signal)
  }

  /** It has no picture, and so no renditions; what it says goes to its photo. */
  const attemptSidecar = async (work: Work, signal: AbortSignal): Promise<void> => {
    const looked = await look(work, signal, original => readSidecar(original, { now: clock.now() }))
    if (!looked?.isRight) return lookAgain(work, signal)
    const { outcome, mediaType } = looked
    if (outcome instanceof Broke) throw outcome
    if (outcome instanceof Unreadable) {
      await giveUp(work, { state: 'unreadable', reason: outcome.reason, verified: true, lost: false, mediaType })
      return
    }
    const isThere = await recordSidecar(db, work, { facts: outcome, mediaType: sidecarMediaType, recipe }, clock.now())
    if (isThere) await onChange(work.person)
  }

  return async ({ photo }, signal) => {
    const work = await beginAttempt(db, photo, recipe)
    if (!work) return
    if (work.attempts > limits.photoAttempts) {
      const reason = `Looking at the file ended in a failure ${limits.photoAttempts} times`
      return quarantineBroken(work, { reason }, { mediaType: null, verified: false })
    }
    try {
      await (work.role === 'sidecar' ? attemptSidecar(work, signal) : attempt(work, signal))
    } catch (error) {
      // What fails outside of the photo is no attempt of the photo; one that broke is counted already.
      if (!(error instanceof Broke)) await endAttempt(db, work.id)
      throw error
    }
  }
}
