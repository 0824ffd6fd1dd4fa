/**
 * The three steps of a push, each a function that runs until its input ends: read → ask → send. They share nothing but the
 * queues between them and the tally. Each rejects only for what concerns the whole push.
 */
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import type { Api } from './api.js'
import type { BoundedQueue } from './bounded-queue.js'
import { errorOfFile } from './file-errors.js'
import type { Found } from './gallery-files.js'
import { hashFile } from './hash-file.js'
import type { HashedFile, Receipt } from './send-file.js'
import type { Tally } from './tally.js'

/** One content and the files that hold it. It is sent once; whoever else holds it shares the outcome. */
export interface Content {
  readonly sha256: string
  state: 'asking' | 'sending' | 'sent' | 'already-there' | 'failed'
  /** Known once it is there. */
  photo: string
  /** Files without an outcome yet; the first is the one to send. */
  waiting: HashedFile[]
}

/** How many hashes are asked in one request: few at first, so that sending starts early. */
const batchSizes = [8, 40, 200, 1_000, limits.checkHashes]
/** A batch that isn't full is asked after this long. */
const batchAgeMs = 1_000
/** Files in a row for which the server stayed away, all attempts used up, until it counts as gone. */
const outagesMax = 3

/** Hashes what it finds. Several of these may share one `found`. */
export async function read(
  found: AsyncIterator<Found>,
  hashed: BoundedQueue<HashedFile>,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const { totals } = tally
  for (let next = await found.next(); !next.done; next = await found.next()) {
    const item = next.value
    if (item.kind === 'skipped') {
      totals.skipped++
      tally.changed()
      continue
    }
    totals.files++
    if (item.kind === 'unreadable') {
      tally.unreadable(item.name, item.reason)
      continue
    }
    try {
      const content = await hashFile(item.file.path, signal)
      totals.bytes += content.sizeBytes
      await hashed.put({ ...item.file, ...content })
    } catch (error) {
      signal.throwIfAborted()
      tally.unreadable(item.file.name, errorOfFile(error).message)
    }
  }
}

/** Asks the server in batches and passes on what it misses, each content once. */
export async function ask(
  hashed: BoundedQueue<HashedFile>,
  missing: BoundedQueue<Content>,
  check: Api['check'],
  tally: Tally,
): Promise<void> {
  const contents = new Map<string, Content>()
  for (let round = 0; ; round++) {
    const batch = await hashed.takeBatch(batchSizes[round] ?? limits.checkHashes, batchAgeMs)
    if (batch.length === 0) break
    const fresh: Content[] = []
    for (const file of batch) {
      const known = contents.get(file.sha256)
      if (!known) {
        const content: Content = { sha256: file.sha256, state: 'asking', photo: '', waiting: [file] }
        contents.set(file.sha256, content)
        fresh.push(content)
      } else if (join(known, file, tally)) await missing.put(known)
    }
    if (fresh.length === 0) continue
    const { here } = await check(fresh.map(({ sha256 }) => sha256))
    const photos = new Map(here.map(({ sha256, photo }) => [sha256, photo]))
    for (const content of fresh) {
      const photo = photos.get(content.sha256)
      content.state = photo === undefined ? 'sending' : 'already-there'
      if (photo === undefined) await missing.put(content)
      else settle(content, photo, 'already-there', tally)
    }
  }
}

/** Sends what is missing. Several of these may share one queue; `outages` is what they count together. */
export async function send(
  missing: BoundedQueue<Content>,
  sendOne: (file: HashedFile, onProgress: (bytes: number) => void) => Promise<Receipt>,
  outages: { inARow: number },
  tally: Tally,
): Promise<void> {
  for (let content = await missing.take(); content; content = await missing.take()) {
    for (let file = content.waiting.shift(); file; file = content.waiting.shift()) {
      const follow = tally.follow()
      try {
        const { photo, duplicate } = await sendOne(file, follow)
        follow(0)
        outages.inARow = 0
        tally.succeeded(file, duplicate ? 'duplicate' : 'stored', photo)
        content.state = 'sent'
        settle(content, photo, 'duplicate', tally)
      } catch (error) {
        follow(0)
        if (!(error instanceof AppError)) throw error
        tally.failedToSend(file, error)
        outages.inARow = error.kind === 'unavailable' ? outages.inARow + 1 : 0
        if (concernsAll(error) || outages.inARow >= outagesMax) throw error
      }
    }
    if (content.state === 'sending') content.state = 'failed'
  }
}

/** Gives a file the outcome of its content, or lets it wait for it. True when the content is to be sent (again). */
function join(content: Content, file: HashedFile, tally: Tally): boolean {
  if (content.state === 'sent') tally.succeeded(file, 'duplicate', content.photo)
  else if (content.state === 'already-there') tally.succeeded(file, 'already-there', content.photo)
  else content.waiting.push(file)
  if (content.state !== 'failed') return false
  content.state = 'sending'
  return true
}

function settle(content: Content, photo: string, outcome: 'duplicate' | 'already-there', tally: Tally): void {
  content.photo = photo
  for (const file of content.waiting.splice(0)) tally.succeeded(file, outcome, photo)
}

/** Whether what befell one file will befall each. */
function concernsAll({ kind }: AppError): boolean {
  return kind === 'unauthenticated' || kind === 'forbidden' || kind === 'misdirected'
}
