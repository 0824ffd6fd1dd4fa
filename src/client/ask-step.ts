/**
 * The middle step of a push: asks the server in batches what it misses, and makes jobs of that. Photos that are there go no
 * further, nor do those that their owner deleted, unless they are wanted back: one in the trash is taken out of it, one that
 * is gone for good is sent again. Rejects only for what concerns the whole push.
 */
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import type { Api } from './api.js'
import { type BoundedQueue, makeBoundedQueue } from './bounded-queue.js'
import { isFresh, type ReadGroup } from './read-step.js'
import {
  type Answers,
  beginParts,
  beginPhoto,
  concernsAll,
  type Entry,
  endingIfKnown,
  type Job,
  photoAfterAnother,
  type Sending,
  sendParts,
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

/** Questions under way at once: on a long link the next goes out while the answer to one is on its way. */
const asksAtOnce = 3

/** A batch, and what the server says of it; undefined when that question failed for itself, which is told by then. */
interface Asked {
  batch: readonly ReadGroup[]
  answers: Promise<Answers | undefined>
}

export async function ask(asking: Asking, signal: AbortSignal): Promise<void> {
  // What is being put and what is being placed are besides.
  const asked = makeBoundedQueue<Asked>(asksAtOnce - 2, signal)
  await Promise.all([putQuestions(asking, asked), placeAnswers(asking, asked)])
}

/** In the order of asking, so that of the same content in two batches the first decides. */
async function placeAnswers(asking: Asking, asked: BoundedQueue<Asked>): Promise<void> {
  for (let next = await asked.take(); next; next = await asked.take()) {
    const answers = await next.answers
    if (answers) for (const group of partsFirst(next.batch)) await place(group, answers, asking)
  }
}

async function putQuestions(asking: Asking, asked: BoundedQueue<Asked>): Promise<void> {
  const { hashed, fresh, sending } = asking
  const { ledger } = sending
  for (let round = 0; ; ) {
    const enough = batchSizes[round] ?? limits.checkHashes
    const batch = await hashed.takeBatch(limits.checkHashes, batchAgeMs, ageMs => {
      if (fresh.waiting === 0) return ageMs >= rememberedAgeMs
      return fresh.waiting >= enough || ageMs >= batchAgeMs
    })
    if (batch.length === 0) return asked.end()
    const freshOnes = batch.filter(isFresh).length
    fresh.waiting -= freshOnes
    if (freshOnes > 0) round++
    const questions = new Set<string>()
    for (const { whole, parts } of batch) {
      const isOpen = (sha256: string) => !ledger.known(sha256) && !ledger.isUnderWay(sha256)
      if (isOpen(whole.sha256)) questions.add(whole.sha256)
      for (const { role, file } of parts) if (role === 'sidecar' || isOpen(file.sha256)) questions.add(file.sha256)
    }
    const answers = answersFor(batch, [...questions], asking)
    answers.catch(() => {}) // it is for whoever places them
    await asked.put({ batch, answers })
  }
}

/** What befalls one question is told of the files that it was about, and the rest goes on; undefined then. */
async function answersFor(
  batch: readonly ReadGroup[],
  questions: readonly string[],
  asking: Asking,
): Promise<Answers | undefined> {
  const { sending } = asking
  try {
    return await takeBack(batch, await askFor(questions, asking), questions, asking)
  } catch (error) {
    if (!(error instanceof AppError) || concernsAll(error, sending)) throw error
    for (const { whole, parts } of batch) {
      for (const file of [whole, ...parts.map(part => part.file)]) sending.tally.failed(file, error.message, false)
    }
    return undefined
  }
}

/** Those with parts before others: a copy of a part that lies alone in another folder then waits for its photo. */
function partsFirst(batch: readonly ReadGroup[]): ReadGroup[] {
  const hasParts = ({ parts }: ReadGroup) => parts.some(({ role }) => role !== 'sidecar')
  return [...batch.filter(hasParts), ...batch.filter(group => !hasParts(group))]
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
    if (there) ledger.settle(sha256, 'there', there.photo, there.partOf ?? there.photo)
    else if (deleted && !restore) ledger.settle(sha256, 'deleted', deleted.photo)
    ending = endingIfKnown(group.whole, sending)
  }
  if (!ending) return await jobs.put(beginPhoto(group, answers, sending))
  const begun = beginParts(group, answers, sending)
  const wishes = settleParts(group, ending, answers, sending)
  const job = () => sendParts(wishes, begun, sending)
  await (wishes.length > 0 ? jobs.put(job) : job())
}
