/**
 * A handset as the faults test plays it: it asks where its upload is and goes on from there, until it is stored. On the way its
 * connections break, hang and overlap, and now and then it sends too much or ends the upload and starts again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../src/upload/contract.js'
import type { Upload } from '../../src/upload/upload.js'
import type { Random } from './random.js'
import type { BodyKind } from './sent-body.js'
import { openTransfer, type Sending, type Transfer, type TransferOptions } from './transfer.js'

export interface File {
  content: Buffer
  /** Of Upload-Metadata. */
  metadata: string
  /** The metadata announces other bytes. */
  isWrong: boolean
}

export interface Handset {
  /** One exchange with the server. */
  step(calm: boolean): Promise<void>
  /** stored: it was told so. refused: the bytes aren't what was announced. */
  readonly outcome: 'stored' | 'refused' | undefined
  /** The upload that it was told is done. */
  readonly receipt: Upload | undefined
  /** Of the file, as it is now. */
  readonly content: Buffer
  /** Requests that it has stopped waiting for. */
  settled(): Promise<void>
}

/** How one sends its file; drawn once for each. */
export interface Habits {
  /** Bytes in one request. */
  chunkBytes: number
  /** The length is said at once, by a later request, or only by the end of the last body. */
  length: 'known' | 'later' | 'last'
  /** Of requests, the share that has one. */
  checksums: number
  /** Its file changes as long as none of it was told to be there. It sends one request after the other. */
  isFickle: boolean
}

export function drawHabits(sizeBytes: number, random: Random): Habits {
  const pieces = random.pick([1, 1, 1, 1, 1, random.between(2, 9)])
  // So many that the engine puts them together on the way.
  const isCrumbling = sizeBytes > 100 && sizeBytes < 6_000 && random.chance(0.05)
  return {
    chunkBytes: Math.ceil(sizeBytes / (isCrumbling ? random.between(66, 80) : pieces)),
    length: random.pick(['known', 'known', 'known', 'later', 'last']),
    checksums: random.pick([0, 0, 0.6]),
    isFickle: random.chance(0.15),
  }
}

/** How many exchanges one may need on a bad day. */
export const requestsMaxOf = ({ chunkBytes }: Habits, sizeBytes: number): number =>
  40 + 2 * Math.ceil(sizeBytes / Math.max(chunkBytes, 1))

export interface SenderOptions extends TransferOptions {
  /** Another process each time. */
  engine: () => Engine
  habits: Habits
  /** Whether it ends an upload now and then, to start again. */
  isEnding?: boolean
}

export interface Sender {
  readonly transfer: Transfer
  step(calm: boolean): Promise<void>
  settled(): Promise<void>
}

/** What a handset does with one upload. */
export function sender({ engine, habits, isEnding = true, ...options }: SenderOptions): Sender {
  const { random } = options
  const sizeBytes = options.content.length
  const transfer = openTransfer(options)
  // Else its hash was announced.
  const isFickle = habits.isFickle && options.metadata === ''
  const left = new Set<Promise<unknown>>()

  /** A request whose outcome the handset doesn't wait for, though it may still hear of it. */
  const leave = (running: Promise<void>) => {
    const task = running.finally(() => left.delete(task))
    left.add(task)
    // Its failures are heard by `settled`.
    task.catch(() => {})
  }

  const drawKind = (isSized: boolean): BodyKind => {
    const kind = random.pick<BodyKind>(['whole', 'whole', 'whole', 'cut', 'cut', 'hang', 'short', 'excess'])
    // Of a file whose length nobody knows nothing is too much.
    return kind === 'excess' && !isSized ? 'whole' : kind
  }

  const draw = (from: number, isSized: boolean): Sending => {
    const upTo = Math.min(from + Math.max(habits.chunkBytes, 1), sizeBytes)
    const isEnd = upTo === sizeBytes
    const kind = drawKind(isSized && isEnd)
    const isLast = isEnd && kind !== 'short' && (habits.length === 'last' || random.chance(0.2))
    return {
      upTo,
      kind,
      isAnnounced: kind !== 'short' && random.chance(0.5),
      ...(kind !== 'short' &&
        random.chance(habits.checksums) && { checksum: random.chance(0.2) && upTo > from ? 'wrong' : 'right' }),
      // `short` and `excess` would say a wrong one.
      isLast: isLast && kind !== 'excess',
      saysLength: habits.length === 'later' && (isEnd || random.chance(0.3)),
    }
  }
  const calmly = (): Sending => ({ isLast: habits.length === 'last', saysLength: !transfer.isSized })

  const create = (calm: boolean) => {
    const isSized = habits.length === 'known'
    const sends = sizeBytes > 0 && random.chance(0.7) && !isFickle
    const sending = calm ? { isLast: !isSized } : draw(0, isSized)
    return transfer.create(engine(), isSized, sends || (!isSized && calm) ? sending : undefined)
  }

  const step = async (calm: boolean) => {
    if (transfer.id === undefined) return create(calm)
    if (!calm && isEnding && random.chance(0.03)) return transfer.terminate(engine())
    // Mostly a handset knows where it is; after a break it asks.
    if (calm || random.chance(0.6)) await transfer.find(engine())
    if (isFickle && !calm && transfer.toldBytes === 0 && (await transfer.find(engine()))) transfer.change()
    if (transfer.outcome !== undefined || transfer.id === undefined) return
    const sending = calm ? calmly() : draw(transfer.toldBytes, transfer.isSized)
    const overlaps = !calm && !isFickle && random.chance(0.35)
    if (!overlaps) return transfer.append(engine(), sending)
    leave(transfer.append(engine(), sending))
    await sleep(random.between(0, 15))
  }

  return {
    transfer,
    step: async calm => {
      await step(calm)
      if (transfer.receipt && random.chance(0.5)) await transfer.repeatLast(engine())
    },
    settled: async () => {
      transfer.breakOff()
      while (left.size > 0) await Promise.all(left)
    },
  }
}

export type HandsetOptions = Omit<SenderOptions, keyof File> & { file: File }

/** One that sends its file as one upload. */
export function handset({ file, ...options }: HandsetOptions): Handset {
  const { transfer, step, settled } = sender({ ...options, ...file })
  return {
    step,
    settled,
    get content() {
      return transfer.content
    },
    get outcome() {
      return transfer.outcome
    },
    get receipt() {
      return transfer.receipt
    },
  }
}
