/**
 * The last step of a push: sends photos and then their parts, each content once. Whoever holds the same content waits for its
 * end and shares it, or is sent in its place when it failed. A part goes where its photo goes: not without it, and not when
 * its owner deleted it, even if the part is new. Rejects only for what concerns the whole push.
 */
import { AppError } from '../core/errors.js'
import type { PartRole } from '../core/part-roles.js'
import type { CheckAnswer } from './api.js'
import type { BoundedQueue } from './bounded-queue.js'
import { errorOfFile } from './file-errors.js'
import type { Ledger } from './ledger.js'
import type { ReadFile, ReadGroup } from './read-step.js'
import type { Receipt } from './send-file.js'
import { isRefusal, type Tally } from './tally.js'

export interface Wish {
  readonly file: ReadFile
  readonly role?: PartRole
  /** The photo that it is to be a part of. */
  readonly partOf?: string
}

/** How a photo ended, which decides about its parts. */
export type Ending =
  | { readonly kind: 'here'; readonly photo: string }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'failed'; readonly refused: boolean }

export type Entry = Pick<CheckAnswer['here'][number], 'photo' | 'partOf' | 'role'>

/** What the server said of the contents that it was asked about, by hash. */
export interface Answers {
  readonly here: ReadonlyMap<string, readonly Entry[]>
  readonly deleted: ReadonlyMap<string, CheckAnswer['deleted'][number]>
}

export type Job = () => Promise<void>

export interface Sending {
  send: (wish: Wish, onProgress: (bytes: number) => void) => Promise<Receipt>
  readAgain: (file: ReadFile) => Promise<ReadFile>
  ledger: Ledger
  tally: Tally
  /** Contents that their owner deleted are wanted back. */
  restore: boolean
  /** Nothing can be sent any more: the server was waited for in vain, or its first answer was none. */
  patient: { readonly gaveUp: boolean }
}

/** Several of these may share one queue. */
export async function runJobs(jobs: BoundedQueue<Job>): Promise<void> {
  for (let job = await jobs.take(); job; job = await jobs.take()) await job()
}

/** Begins a photo in the ledger with its parts; the job sends it, then its parts, then whoever waited for the same content. */
export function beginPhoto(group: ReadGroup, answers: Answers, sending: Sending): Job {
  const { ledger } = sending
  const { sha256 } = group.whole
  ledger.begin(sha256)
  const begun = beginParts(group, answers, sending)
  return async () => {
    const ending = await transferOne({ file: group.whole }, sending)
    await sendParts(settleParts(group, ending, answers, sending), begun, sending)
    for (const waiter of ledger.end(sha256)) await waiter()
  }
}

/**
 * Settles what the server said of a photo's parts, and begins the others together with it: a copy of one in another folder would
 * go before it otherwise, as a photo of its own. Returns the contents that were begun, for `sendParts` to end.
 */
export function beginParts({ parts }: ReadGroup, answers: Answers, { ledger, restore }: Sending): Set<string> {
  const begun = new Set<string>()
  for (const { role, file } of parts) {
    const { sha256 } = file
    if (role === 'sidecar' || ledger.known(sha256) || ledger.isUnderWay(sha256)) continue
    const there = answers.here.get(sha256)?.find(entry => entry.role !== 'sidecar')
    const deleted = answers.deleted.get(sha256)
    if (there) ledger.settle(sha256, 'there', there.photo, there.partOf ?? there.photo)
    else if (deleted && !restore) ledger.settle(sha256, 'deleted', deleted.photo)
    else {
      ledger.begin(sha256)
      begun.add(sha256)
    }
  }
  return begun
}

/** For a photo whose content another one had under way. */
export async function photoAfterAnother(group: ReadGroup, answers: Answers, sending: Sending): Promise<void> {
  const { ledger } = sending
  const { sha256 } = group.whole
  const ending = endingIfKnown(group.whole, sending)
  if (ending) {
    const begun = beginParts(group, answers, sending)
    return await sendParts(settleParts(group, ending, answers, sending), begun, sending)
  }
  if (ledger.isUnderWay(sha256)) return ledger.wait(sha256, () => photoAfterAnother(group, answers, sending))
  await beginPhoto(group, answers, sending)()
}

/** Gives a file the outcome of its content, when that has ended. What is a part of it there belongs to its whole. */
export function endingIfKnown(
  file: ReadFile,
  { ledger, tally }: Pick<Sending, 'ledger' | 'tally'>,
): Ending | undefined {
  const known = ledger.known(file.sha256)
  if (!known) return undefined
  const { fate, photo, whole } = known
  tally.settled(file, fate === 'sent' ? 'duplicate' : fate === 'there' ? 'already-there' : 'deleted', photo)
  return fate === 'deleted' ? { kind: 'deleted' } : { kind: 'here', photo: whole }
}

/** After `beginParts`: tells of each part what needs no sending; gives the others. */
export function settleParts(group: ReadGroup, ending: Ending, answers: Answers, sending: Sending): Wish[] {
  const { tally } = sending
  const wishes: Wish[] = []
  for (const { role, file } of group.parts) {
    if (role !== 'sidecar') {
      if (endingIfKnown(file, sending)) continue
    } else {
      const here = answers.here.get(file.sha256) ?? []
      const there = here.find(({ partOf }) => ending.kind === 'here' && partOf === ending.photo)
      if (there) {
        tally.settled(file, 'already-there', there.photo)
        continue
      }
    }
    if (ending.kind === 'here') wishes.push({ file, role, partOf: ending.photo })
    else if (ending.kind === 'deleted') tally.settled(file, 'deleted', null)
    else if (ending.refused && role !== 'sidecar') wishes.push({ file, role })
    else tally.failed(file, `was not sent without its photo, ${group.whole.name}`, ending.refused)
  }
  return wishes
}

/** `begun`: contents that were begun for these; whoever waits for one that is not sent after all has their turn in the end. */
export async function sendParts(wishes: readonly Wish[], begun: Set<string>, sending: Sending): Promise<void> {
  for (const wish of wishes) await sendPart(wish, begun, sending)
  for (const sha256 of begun) for (const waiter of sending.ledger.end(sha256)) await waiter()
}

async function sendPart(wish: Wish, begun: Set<string>, sending: Sending): Promise<void> {
  const { ledger } = sending
  const { sha256 } = wish.file
  // Each photo keeps its own sidecar, also of the same bytes.
  if (wish.role === 'sidecar') return void (await transferOne(wish, sending))
  if (endingIfKnown(wish.file, sending)) return
  if (!begun.delete(sha256)) {
    if (ledger.isUnderWay(sha256)) return ledger.wait(sha256, () => sendPart(wish, new Set(), sending))
    ledger.begin(sha256)
  }
  await transferOne(wish, sending)
  for (const waiter of ledger.end(sha256)) await waiter()
}

async function transferOne(wish: Wish, sending: Sending): Promise<Ending> {
  const { send, ledger, tally } = sending
  const { file, role } = wish
  const follow = tally.follow()
  try {
    const { photo, duplicate, deleted } = await send(wish, follow)
    follow(0)
    // Of a duplicate is not known what it is a part of.
    const whole = duplicate ? photo : (wish.partOf ?? photo)
    if (role !== 'sidecar') ledger.settle(file.sha256, deleted ? 'deleted' : 'sent', photo, whole)
    tally.settled(file, deleted ? 'deleted' : duplicate ? 'duplicate' : 'stored', photo)
    return deleted ? { kind: 'deleted' } : { kind: 'here', photo }
  } catch (error) {
    follow(0)
    if (!(error instanceof AppError)) throw error
    const changed = await otherContent(error, wish, sending)
    if (changed) return await transferOne(changed, sending)
    tally.failed(file, error.message, isRefusal(error))
    if (concernsAll(error, sending)) throw error
    return { kind: 'failed', refused: isRefusal(error) }
  }
}

/** A file that was changed so that nothing shows it (same size, time and inode): its bytes are not those that are remembered. */
async function otherContent(error: AppError, wish: Wish, { readAgain }: Sending): Promise<Wish | undefined> {
  if (error.kind !== 'checksum_mismatch' || !wish.file.remembered) return undefined
  try {
    const file = await readAgain(wish.file)
    return file.sha256 === wish.file.sha256 ? undefined : { ...wish, file }
  } catch (unreadable) {
    errorOfFile(unreadable)
    return undefined
  }
}

/** Whether what befell one file will befall each. */
export function concernsAll({ kind }: AppError, { patient }: Pick<Sending, 'patient'>): boolean {
  return kind === 'unauthenticated' || kind === 'forbidden' || kind === 'misdirected' || patient.gaveUp
}
