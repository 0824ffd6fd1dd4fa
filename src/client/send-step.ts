/**
 * The last step of a push: sends photos and then their parts, each content once. Whoever holds the same content waits for its
 * end and shares it, or is sent in its place when it failed. A part goes where its photo goes: not without it, and not when
 * its owner deleted it. Rejects only for what concerns the whole push.
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
  /** Files in a row for which the server stayed away, all attempts used up; and how many it takes until it counts as gone. */
  outages: { inARow: number; max: number }
}

/** Several of these may share one queue. */
export async function runJobs(jobs: BoundedQueue<Job>): Promise<void> {
  for (let job = await jobs.take(); job; job = await jobs.take()) await job()
}

/** Sends a photo that was begun in the ledger, then its parts, then whoever waited for the same content. */
export async function sendPhoto(group: ReadGroup, answers: Answers, sending: Sending): Promise<void> {
  const { ledger } = sending
  const { sha256 } = group.whole
  const ending = await transferOne({ file: group.whole }, sending)
  await sendParts(settleParts(group, ending, answers, sending), sending)
  for (const waiter of ledger.end(sha256)) await waiter()
}

/** For a photo whose content another one had under way. */
export async function photoAfterAnother(group: ReadGroup, answers: Answers, sending: Sending): Promise<void> {
  const { ledger } = sending
  const { sha256 } = group.whole
  const ending = endingIfKnown(group.whole, sending)
  if (ending) return await sendParts(settleParts(group, ending, answers, sending), sending)
  if (ledger.isUnderWay(sha256)) return ledger.wait(sha256, () => photoAfterAnother(group, answers, sending))
  ledger.begin(sha256)
  await sendPhoto(group, answers, sending)
}

/** Gives a file the outcome of its content, when that has ended. */
export function endingIfKnown(
  file: ReadFile,
  { ledger, tally }: Pick<Sending, 'ledger' | 'tally'>,
): Ending | undefined {
  const known = ledger.known(file.sha256)
  if (!known) return undefined
  const { fate, photo } = known
  tally.settled(file, fate === 'sent' ? 'duplicate' : fate === 'there' ? 'already-there' : 'deleted', photo)
  return fate === 'deleted' ? { kind: 'deleted' } : { kind: 'here', photo }
}

/** Tells of each part what needs no sending; gives the others. */
export function settleParts(group: ReadGroup, ending: Ending, answers: Answers, sending: Sending): Wish[] {
  const { ledger, tally, restore } = sending
  const wishes: Wish[] = []
  for (const { role, file } of group.parts) {
    const here = answers.here.get(file.sha256) ?? []
    const there =
      role === 'sidecar'
        ? here.find(({ partOf }) => ending.kind === 'here' && partOf === ending.photo)
        : here.find(entry => entry.role !== 'sidecar')
    if (role !== 'sidecar') {
      const deleted = answers.deleted.get(file.sha256)
      if (there) settleOnce(ledger, file, 'there', there.photo)
      else if (deleted && !restore) settleOnce(ledger, file, 'deleted', deleted.photo)
      if (endingIfKnown(file, sending)) continue
    } else if (there) {
      tally.settled(file, 'already-there', there.photo)
      continue
    }
    if (ending.kind === 'here') wishes.push({ file, role, partOf: ending.photo })
    else if (ending.kind === 'deleted') tally.settled(file, 'deleted', null)
    else if (ending.refused && role !== 'sidecar') wishes.push({ file, role })
    else tally.failed(file, `was not sent without its photo, ${group.whole.name}`, ending.refused)
  }
  return wishes
}

function settleOnce(ledger: Ledger, { sha256 }: ReadFile, fate: 'there' | 'deleted', photo: string): void {
  if (!ledger.known(sha256) && !ledger.isUnderWay(sha256)) ledger.settle(sha256, fate, photo)
}

export async function sendParts(wishes: readonly Wish[], sending: Sending): Promise<void> {
  for (const wish of wishes) await sendPart(wish, sending)
}

async function sendPart(wish: Wish, sending: Sending): Promise<void> {
  const { ledger } = sending
  const { sha256 } = wish.file
  // Each photo keeps its own sidecar, also of the same bytes.
  if (wish.role === 'sidecar') return void (await transferOne(wish, sending))
  if (endingIfKnown(wish.file, sending)) return
  if (ledger.isUnderWay(sha256)) return ledger.wait(sha256, () => sendPart(wish, sending))
  ledger.begin(sha256)
  await transferOne(wish, sending)
  for (const waiter of ledger.end(sha256)) await waiter()
}

async function transferOne(wish: Wish, sending: Sending): Promise<Ending> {
  const { send, ledger, tally, outages } = sending
  const { file, role } = wish
  const follow = tally.follow()
  try {
    const { photo, duplicate, deleted } = await send(wish, follow)
    follow(0)
    outages.inARow = 0
    if (role !== 'sidecar') ledger.settle(file.sha256, deleted ? 'deleted' : 'sent', photo)
    tally.settled(file, deleted ? 'deleted' : duplicate ? 'duplicate' : 'stored', photo)
    return deleted ? { kind: 'deleted' } : { kind: 'here', photo }
  } catch (error) {
    follow(0)
    if (!(error instanceof AppError)) throw error
    const changed = await otherContent(error, wish, sending)
    if (changed) return await transferOne(changed, sending)
    tally.failed(file, error.message, isRefusal(error))
    outages.inARow = error.kind === 'unavailable' ? outages.inARow + 1 : 0
    if (concernsAll(error) || outages.inARow >= outages.max) throw error
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
function concernsAll({ kind }: AppError): boolean {
  return kind === 'unauthenticated' || kind === 'forbidden' || kind === 'misdirected'
}
