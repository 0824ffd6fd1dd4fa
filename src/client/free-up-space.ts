/**
 * Frees the space of pictures that the server has for certain. A file goes only when the server says of its very content,
 * read anew from this disk, that a worker read it again from the bucket with every part of its photo, and found all of it
 * whole; when the same holds for every file that lies beside it as a part of the photo; when the owner agreed; and when at
 * the last moment it is still the file that was read and the server's word is not older than a minute. Whatever goes wrong
 * leaves files where they are, and a clock that is wrong makes no file old: of this machine's and the server's the earlier one
 * counts. Removes files in the given folders, never a folder or a link, and touches the network.
 */
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import { makeAgreement } from './agreement.js'
import { makeApi } from './api.js'
import {
  type Answers,
  answersOf,
  findGroups,
  type Group,
  type HashedLocalFile,
  judge,
  type LocalFile,
  readGroup,
  type StayingFile,
} from './free-up-plan.js'
import { findRoots, type Root } from './gallery-files.js'
import { makeHome } from './home.js'
import { isSame, removeIfSame } from './removable-file.js'

export interface FreeUpOptions {
  server: string
  token: string
  dirs: readonly string[]
  /** By the time of the file's last change, as the disk has it, and the earlier one of this machine's clock and the server's. */
  olderThanMs: number
  /** Asked once, when it is known what may go and that is something; anything but true removes nothing. */
  confirm: (plan: FreeUpPlan) => Promise<boolean>
  signal?: AbortSignal
  /** Must not throw. */
  onEvent?: (event: FreeUpEvent) => void
  now?: () => Date
  /** How old an answer of the server may be when a file goes; default 60,000, and more is not taken. */
  answerAgeMaxMs?: number
  /** Delay before a second attempt at a request, doubled for each further one; default 500. */
  firstDelayMs?: number
}

export interface FreeUpPlan {
  readonly goes: readonly { readonly file: string; readonly sizeBytes: number }[]
  readonly bytes: number
  readonly stays: readonly StayingFile[]
}

export interface FreeUpResult {
  readonly plan: FreeUpPlan
  readonly confirmed: boolean
  readonly removed: number
  readonly bytes: number
  /** Those of the plan, and those that turned out to stay. */
  readonly stays: readonly StayingFile[]
  /** Could not be removed though nothing spoke against it. */
  readonly failed: readonly { readonly file: string; readonly reason: string }[]
}

export type FreeUpEvent =
  | { readonly kind: 'read'; readonly files: number; readonly bytes: number }
  | { readonly kind: 'removed'; readonly file: string; readonly sizeBytes: number }
  | { readonly kind: 'moved'; readonly server: string; readonly region: string | undefined }
  /** This machine's clock is that much later than the server's, or earlier: more than a day. */
  | { readonly kind: 'clocks'; readonly aheadMs: number }

/** Files asked about at a time while removing: few enough to be removed long before the answer is old. */
const chunkFiles = 500
const answerAgeLimitMs = 60_000
/** Clocks that differ by more are told of. */
const clocksApartMs = 24 * 3600_000

interface Server {
  ask: Ask
  /** What time it is, by the earlier one of its clock and this machine's. Rejects as `ask`. */
  earlierNow(): Promise<Date>
}

type Ask = (sha256: readonly string[]) => Promise<Answers>

/** Rejects with an AppError for what concerns all (a folder, the token, the server), or with the signal's reason. */
export async function freeUpSpace(options: FreeUpOptions): Promise<FreeUpResult> {
  const { ask, earlierNow } = makeServer(options)
  const roots = await findFolders(options.dirs)
  const olderThan = new Date((await earlierNow()).getTime() - options.olderThanMs)
  const { groups, stays } = await readAll(roots, olderThan, options)
  const goes: Group<HashedLocalFile>[] = []
  for (const chunk of chunksOf(groups, limits.checkHashes)) {
    const answers = await ask(hashesOf(chunk))
    for (const group of chunk) {
      const staying = judge(group, answers)
      if (staying.length === 0) goes.push(group)
      else stays.push(...staying)
    }
  }
  const files = goes.flat()
  const plan: FreeUpPlan = {
    goes: files.map(({ name, sizeBytes }) => ({ file: name, sizeBytes })),
    bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    stays: [...stays],
  }
  const tally: Tally = { removed: 0, bytes: 0, stays, failed: [] }
  const confirmed = files.length > 0 && (await options.confirm(plan)) === true
  if (confirmed) await removeAll(goes, ask, options, tally)
  return { plan, confirmed, ...tally }
}

function makeServer(options: FreeUpOptions): Server {
  const { server, token, signal, firstDelayMs, onEvent = () => {}, now = () => new Date() } = options
  const home = makeHome(server, (named, region) => onEvent({ kind: 'moved', server: named, region }))
  const more = { ...(signal && { signal }), ...(firstDelayMs !== undefined && { firstDelayMs }) }
  let aheadMs = 0
  const onServerTime = (serverMs: number) => {
    aheadMs = now().getTime() - serverMs
  }
  const api = (at: string) => ({ server: at, token, onServerTime, ...more })
  const agreed = makeAgreement(home, api)
  return {
    async ask(sha256) {
      await agreed() // hashes say what is on this disk
      return answersOf(await home.at(at => makeApi(api(at)).check(sha256)))
    },
    async earlierNow() {
      await agreed()
      if (Math.abs(aheadMs) > clocksApartMs) onEvent({ kind: 'clocks', aheadMs })
      return new Date(now().getTime() - Math.max(0, aheadMs))
    },
  }
}

async function findFolders(dirs: readonly string[]): Promise<Root[]> {
  const roots = await findRoots(dirs)
  const file = roots.find(({ isFolder }) => !isFolder)
  if (file) throw new AppError('invalid', `${file.path} is not a folder: name a folder of pictures`)
  return roots
}

async function readAll(roots: readonly Root[], olderThan: Date, { signal, onEvent = () => {} }: FreeUpOptions) {
  const groups: Group<HashedLocalFile>[] = []
  const stays: StayingFile[] = []
  const seen = new Set<string>()
  let files = 0
  let bytes = 0
  for (const root of roots) {
    const found = await findGroups(root, signal)
    stays.push(...found.unreadable)
    for (const group of found.groups) {
      signal?.throwIfAborted()
      const read = await readGroup(group, olderThan, signal)
      if ('stays' in read) stays.push(...read.stays)
      else if (!read.hashed.some(file => seen.has(placeOf(file)))) {
        for (const file of read.hashed) seen.add(placeOf(file)) // folders may be named twice, or one inside of another
        groups.push(read.hashed)
        files += read.hashed.length
        bytes += read.hashed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
        onEvent({ kind: 'read', files, bytes })
      }
    }
  }
  return { groups, stays }
}

const placeOf = ({ state }: HashedLocalFile): string => `${state.dev} ${state.ino}`

interface Tally {
  removed: number
  bytes: number
  readonly stays: StayingFile[]
  readonly failed: { file: string; reason: string }[]
}

async function removeAll(
  groups: readonly Group<HashedLocalFile>[],
  ask: Ask,
  options: FreeUpOptions,
  tally: Tally,
): Promise<void> {
  const { signal, onEvent = () => {}, answerAgeMaxMs = answerAgeLimitMs } = options
  for (const chunk of chunksOf(groups, chunkFiles)) {
    // Anew, since the owner may have thought about it for long.
    let answer = await datedAnswer(ask, chunk)
    for (const group of chunk) {
      if (ageMs(answer) > Math.min(answerAgeMaxMs, answerAgeLimitMs)) answer = await datedAnswer(ask, chunk)
      signal?.throwIfAborted()
      const staying = judge(group, answer.answers)
      if (staying.length > 0) tally.stays.push(...staying)
      else await removeGroup(group, tally, onEvent)
    }
  }
}

/** All of its files or, when one of them is not what it was, none. One that cannot be removed keeps those after it. */
async function removeGroup(
  group: Group<HashedLocalFile>,
  tally: Tally,
  onEvent: (event: FreeUpEvent) => void,
): Promise<void> {
  let wrong: HashedLocalFile | undefined
  try {
    for (const file of group) {
      wrong = file
      if (!(await isSame(file))) {
        tally.stays.push(...stayingBecause(group, file))
        return
      }
    }
    for (const [index, file] of group.entries()) {
      wrong = file
      if (!(await removeIfSame(file))) {
        tally.stays.push(...stayingBecause(group.slice(index), file))
        return
      }
      tally.removed++
      tally.bytes += file.sizeBytes
      onEvent({ kind: 'removed', file: file.name, sizeBytes: file.sizeBytes })
    }
  } catch (error) {
    if (wrong) tally.failed.push({ file: wrong.name, reason: removalReason(error) })
  }
}

const stayingBecause = (group: Group, changed: LocalFile): StayingFile[] =>
  group.map(file => ({ file: file.name, reason: file === changed ? 'changed' : 'part' }))

const removalReasons: Readonly<Record<string, string>> = {
  EACCES: 'may not be removed (permission denied)',
  EPERM: 'may not be removed (permission denied)',
  EROFS: 'is on a disk that can only be read',
  EBUSY: 'is in use by another program',
}

function removalReason(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  if (code === undefined) throw error
  return removalReasons[code] ?? `cannot be removed (${code})`
}

interface DatedAnswer {
  readonly answers: Answers
  readonly askedMs: readonly [wall: number, monotonic: number]
}

async function datedAnswer(ask: Ask, groups: readonly Group<HashedLocalFile>[]): Promise<DatedAnswer> {
  const askedMs = [Date.now(), performance.now()] as const
  return { answers: await ask(hashesOf(groups)), askedMs }
}

/** By the clock that can be set and by the one that stands still while the machine sleeps: whichever says more. */
function ageMs({ askedMs: [wall, monotonic] }: DatedAnswer): number {
  const byWall = Date.now() - wall
  return Math.max(byWall < 0 ? Number.POSITIVE_INFINITY : byWall, performance.now() - monotonic)
}

const hashesOf = (groups: readonly Group<HashedLocalFile>[]): string[] => [
  ...new Set(groups.flat().map(({ sha256 }) => sha256)),
]

/** Whole groups, together at most `filesMax` files; a group of more than that stands alone. */
function* chunksOf<F extends readonly unknown[]>(groups: readonly F[], filesMax: number): Generator<F[]> {
  let chunk: F[] = []
  let files = 0
  for (const group of groups) {
    if (chunk.length > 0 && files + group.length > filesMax) {
      yield chunk
      chunk = []
      files = 0
    }
    chunk.push(group)
    files += group.length
  }
  if (chunk.length > 0) yield chunk
}
