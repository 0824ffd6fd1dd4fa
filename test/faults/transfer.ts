/**
 * One upload as its handset knows it: what it was told, and what it may be told next. Every answer is held against the engine's
 * promises; one that breaks them is thrown as BrokenPromise, and everything else that goes wrong is the handset's everyday life.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Caller } from '../../src/accounts/caller.js'
import { type AppError, type ErrorKind, isAppError } from '../../src/core/errors.js'
import type { AppendFacts, Body, Engine } from '../../src/upload/contract.js'
import type { Upload } from '../../src/upload/upload.js'
import type { Random } from './random.js'
import { type BodyKind, excess, sentBody } from './sent-body.js'

/** A told offset that went back, or an answer that no server may give. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

/** The bytes of one request, from where the handset believes the upload to be. */
export interface Sending {
  /** Default: the file's end. */
  upTo?: number
  /** Default: whole. */
  kind?: BodyKind
  /** Content-Length is said. */
  isAnnounced?: boolean
  /** `wrong`: of the right bytes, when others arrive. */
  checksum?: 'right' | 'wrong' | undefined
  /** The file's length is said besides. */
  saysLength?: boolean
  /** Its end is the file's. */
  isLast?: boolean
}

export interface TransferOptions {
  content: Buffer
  metadata: string
  kind?: 'whole' | 'partial'
  /** The metadata announces other bytes. */
  isWrong?: boolean
  caller: Caller
  /** Whether the bucket may have lost what was begun. */
  mayBeLost: () => boolean
  /** Time passes while it waits for its turn. */
  wait: () => void
  random: Random
}

export interface Transfer {
  /** Of the upload that it goes on with; undefined before it was told of one. */
  readonly id: string | undefined
  readonly toldBytes: number
  /** As it is now. */
  readonly content: Buffer
  /** Whether the server was told the length. */
  readonly isSized: boolean
  /** stored: it was told that every byte is in its place. refused: that the bytes aren't what was announced. */
  readonly outcome: 'stored' | 'refused' | undefined
  /** The upload as it was when it was told to be done. */
  readonly receipt: Upload | undefined
  /** One request each; all resolve once it has its answer, or has none. */
  create(engine: Engine, saysLength: boolean, sending?: Sending): Promise<void>
  append(engine: Engine, sending: Sending): Promise<void>
  /** Resolves with whether it was told where the upload is. */
  find(engine: Engine): Promise<boolean>
  terminate(engine: Engine): Promise<void>
  /** The last request once more, as if its answer had been lost. */
  repeatLast(engine: Engine): Promise<void>
  /** Before a byte of it was told to be there, the file becomes another one of the same size. */
  change(): void
  /** Breaks off the requests that still run. */
  breakOff(): void
}

/** What the answer to one request is held against. */
interface Asked {
  /** Told when it began. */
  sinceBytes: number
  wasSized: boolean
  hasWrongChecksum: boolean
  isExcess: boolean
}

export function openTransfer(options: TransferOptions): Transfer {
  const { metadata, kind = 'whole', isWrong = false, caller, mayBeLost, wait, random } = options
  let { content } = options
  let id: string | undefined
  let toldBytes = 0
  let isSized = false
  let isTerminated = false
  let outcome: Transfer['outcome']
  let receipt: Upload | undefined
  const bodies = new Set<Readable>()

  const hear = (upload: Upload, { sinceBytes, wasSized, hasWrongChecksum }: Asked) => {
    if (upload.id !== id) return
    if (upload.offsetBytes < sinceBytes) throw new BrokenPromise(`${upload.offsetBytes} told after ${sinceBytes}`)
    if (wasSized && upload.sizeBytes === null) throw new BrokenPromise('the length was known and is forgotten')
    toldBytes = Math.max(toldBytes, upload.offsetBytes)
    isSized ||= upload.sizeBytes !== null
    if (upload.state === 'done') {
      if (receipt && receipt.storedAs !== upload.storedAs) throw new BrokenPromise('a second receipt differs')
      receipt = upload
      outcome = 'stored'
    } else if (hasWrongChecksum) {
      throw new BrokenPromise('bytes with a wrong checksum were taken')
    } else if (upload.offsetBytes === upload.sizeBytes) {
      throw new BrokenPromise('all bytes were told to be there, and it is not done')
    }
  }

  const startAgain = () => {
    id = undefined
    toldBytes = 0
    isSized = false
    isTerminated = false
  }

  const mayBe: Partial<Record<ErrorKind, (error: AppError, asked: Asked) => boolean>> = {
    unavailable: () => true,
    held: () => {
      wait()
      return true
    },
    too_large: (_, { isExcess }) => isExcess,
    conflict: ({ facts: { offset } }, { sinceBytes }) => typeof offset === 'number' && offset >= sinceBytes,
    gone: () => {
      if (!isTerminated && !isWrong && !mayBeLost()) return false
      startAgain()
      return true
    },
    checksum_mismatch: (_, { hasWrongChecksum }) => {
      // Of both, nobody can tell which was meant; the next answer will say.
      if (isWrong && !hasWrongChecksum) outcome = 'refused'
      return hasWrongChecksum || isWrong
    },
  }

  const request = async (sending: Sending | undefined, work: () => Promise<Upload | undefined>) => {
    const { checksum, kind: bodyKind } = sending ?? {}
    const asked: Asked = {
      sinceBytes: toldBytes,
      wasSized: isSized,
      hasWrongChecksum: checksum === 'wrong',
      isExcess: bodyKind === 'excess',
    }
    const mine = id
    try {
      const upload = await work()
      if (upload) hear(upload, asked)
    } catch (error) {
      if (mine !== id || (error instanceof Error && error.name === 'BodyBroken')) return
      if (!isAppError(error)) throw error
      if (!mayBe[error.kind]?.(error, asked)) {
        throw new BrokenPromise(`answered ${error.kind}: ${error.message}`, { cause: error })
      }
    }
  }

  const bodyOf = (from: number, sending: Sending): Body => {
    const { upTo = content.length, kind: bodyKind = 'whole', isAnnounced = false, isLast, checksum } = sending
    const bytes = content.subarray(from, upTo)
    const sent = checksum === 'wrong' ? damaged(bytes) : bytes
    const stream = sentBody(sent, bodyKind, random.fork(`${random.next()}`))
    bodies.add(stream.once('close', () => bodies.delete(stream)))
    return {
      stream,
      ...(isAnnounced && { announcedBytes: bytes.length + (bodyKind === 'excess' ? excess.length : 0) }),
      ...(isLast && { isLast }),
      ...(checksum && { checksum: { algorithm: 'sha256', digest: sha256Of(bytes) } }),
    }
  }

  return {
    get id() {
      return id
    },
    get toldBytes() {
      return toldBytes
    },
    get isSized() {
      return isSized
    },
    get content() {
      return content
    },
    get outcome() {
      return outcome
    },
    get receipt() {
      return receipt
    },
    create: (engine, saysLength, sending) =>
      request(sending, async () => {
        const creation = { metadata, kind, ...(saysLength && { sizeBytes: content.length }) }
        const upload = await engine.create(caller, creation, sending && bodyOf(0, sending))
        // Another request of this handset was quicker, and is the one it goes on with.
        if (id !== undefined) return undefined
        id = upload.id
        return upload
      }),
    append: (engine, sending) => {
      const mine = id as string
      const offset = toldBytes
      const facts: AppendFacts = sending.saysLength ? { sizeBytes: content.length } : {}
      return request(sending, () => engine.append(caller, mine, offset, bodyOf(offset, sending), facts))
    },
    find: async engine => {
      const mine = id
      let isTold = false
      if (mine === undefined) return false
      await request(undefined, async () => {
        const upload = await engine.find(caller, mine)
        isTold = true
        return upload
      })
      return isTold
    },
    terminate: engine => {
      const mine = id as string
      isTerminated = true
      return request(undefined, async () => {
        await engine.terminate(caller, mine)
        return undefined
      })
    },
    repeatLast: engine => {
      const { id: mine, lastFrom } = receipt as Upload
      const from = lastFrom ?? content.length
      return request(undefined, () => engine.append(caller, mine, from, bodyOf(from, { isAnnounced: true })))
    },
    change: () => {
      if (toldBytes === 0 && outcome === undefined) content = content.map(byte => byte ^ 0xff) as Buffer
    },
    breakOff: () => {
      for (const body of bodies) body.destroy()
    },
  }
}

const sha256Of = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()
const damaged = (bytes: Buffer): Buffer => bytes.map(byte => byte ^ 0x5a) as Buffer
