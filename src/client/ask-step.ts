/**
 * The middle step of a push: asks the server in batches what it misses, and makes jobs of that. Photos that are there go no
 * further, nor do those that their owner deleted, unless they are wanted back: one in the trash is taken out of it, one that
 * is gone for good is sent again. Rejects only for what concerns the whole push.
 */
import { limits } from '../core/limits.js'
import type { Api } from './api.js'
import type { BoundedQueue } from './bounded-queue.js'
import { isFresh, type ReadGroup } from './read-step.js'
import {
  type Answers,
  type Entry,
  endingIfKnown,
  type Job,
  photoAfterAnother,
  type Sending,
  sendParts,
  sendPhoto,
  settleParts,
} from './send-step.js'

export interface Asking {
  check: Api['check']
  /** Takes photos out of the trash; not there where nothing is to be changed. */
  takeOut?: (photos: readonly string[]) => Promise<unknown>
  hashed: BoundedQueue<ReadGroup>
  fresh: { waiting: number }
  jobs: BoundedQueue<Job>
  sending: Sending
}

/** How many photos that were just read are asked about in one request: few at first, so that sending starts early. */
const batchSizes = [8, 40, 200, 1_000, limits.checkHashes]
/** A batch that isn't full is asked after this long. */
const batchAgeMs = 1_000
/** What is remembered comes fast and is mostly there: such batches may fill, so that there are few. */
const rememberedAgeMs = 5_000

export async function ask(asking: Asking): Promise<void> {
  const { hashed, fresh, sending } = asking
  const { ledger } = sending
  for (let round = 0; ; ) {
    const enough = batchSizes[round] ?? limits.checkHashes
    const batch = await hashed.takeBatch(limits.checkHashes, batchAgeMs, ageMs => {
      if (fresh.waiting === 0) return ageMs >= rememberedAgeMs
      return fresh.waiting >= enough || ageMs >= batchAgeMs
    })
    if (batch.length === 0) return
    const freshOnes = batch.filter(isFresh).length
    fresh.waiting -= freshOnes
    if (freshOnes > 0) round++
    const questions = new Set<string>()
    for (const { whole, parts } of batch) {
      const isOpen = (sha256: string) => !ledger.known(sha256) && !ledger.isUnderWay(sha256)
      if (isOpen(whole.sha256)) questions.add(whole.sha256)
      for (const { role, file } of parts) if (role === 'sidecar' || isOpen(file.sha256)) questions.add(file.sha256)
    }
    const answers = await takeBack(batch, await askFor([...questions], asking), [...questions], asking)
    for (const group of batch) await place(group, answers, asking)
  }
}

async function askFor(questions: readonly string[], { check }: Asking): Promise<Answers> {
  const answer = questions.length > 0 ? await check(questions) : { here: [], deleted: [] }
  const here = new Map<string, Entry[]>()
  for (const entry of answer.here) {
    const entries = here.get(entry.sha256)
    if (entries) entries.push(entry)
    else here.set(entry.sha256, [entry])
  }
  return { here, deleted: new Map(answer.deleted.map(entry => [entry.sha256, entry])) }
}

/** Wanted photos that lie in the trash come out of it with their parts. What is there now, the server is asked once more. */
async function takeBack(
  batch: readonly ReadGroup[],
  answers: Answers,
  questions: readonly string[],
  asking: Asking,
): Promise<Answers> {
  const { sending, takeOut } = asking
  if (!sending.restore || !takeOut) return answers
  const inTrash = new Map<string, string>()
  for (const { sha256 } of batch.map(({ whole }) => whole)) {
    const found = answers.deleted.get(sha256)
    if (found?.inTrash && !answers.here.has(sha256)) inTrash.set(sha256, found.photo)
  }
  if (inTrash.size === 0) return answers
  await takeOut([...inTrash.values()])
  const after = await askFor(questions, asking)
  sending.tally.tookOutOfTrash([...inTrash.keys()].filter(sha256 => after.here.has(sha256)).length)
  return after
}

/** Gives a photo its outcome, or makes a job of it, or lets it wait for another of the same content. */
async function place(group: ReadGroup, answers: Answers, { jobs, sending }: Asking): Promise<void> {
  const { ledger, restore } = sending
  const { sha256 } = group.whole
  if (!ledger.known(sha256) && ledger.isUnderWay(sha256)) {
    return ledger.wait(sha256, () => photoAfterAnother(group, answers, sending))
  }
  let ending = endingIfKnown(group.whole, sending)
  if (!ending) {
    const there = answers.here.get(sha256)?.find(({ role }) => role !== 'sidecar')
    const deleted = answers.deleted.get(sha256)
    if (there) ledger.settle(sha256, 'there', there.photo)
    else if (deleted && !restore) ledger.settle(sha256, 'deleted', deleted.photo)
    ending = endingIfKnown(group.whole, sending)
    // Its parts belong to the photo that it is a part of there.
    if (there?.partOf) ending = { kind: 'here', photo: there.partOf }
  }
  if (!ending) {
    ledger.begin(sha256)
    return await jobs.put(() => sendPhoto(group, answers, sending))
  }
  const wishes = settleParts(group, ending, answers, sending)
  if (wishes.length > 0) await jobs.put(() => sendParts(wishes, sending))
}
