/**
 * A handset as the faults test plays it: it asks where its upload is and goes on from there, until it is stored. On the way its
 * connections break, hang and overlap, and now and then it sends too much or ends the upload and starts again.
 */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller } from '../../src/accounts/caller.js'
import { type AppError, isAppError } from '../../src/core/errors.js'
import type { Engine } from '../../src/upload/engine.js'
import type { Upload } from '../../src/upload/upload.js'
import type { Random } from './random.js'

export interface File {
  content: Buffer
  /** Of Upload-Metadata. */
  metadata: string
  /** The metadata announces other bytes. */
  isWrong: boolean
}

export interface HandsetOptions {
  file: File
  caller: Caller
  /** Another process each time. */
  engine: () => Engine
  random: Random
}

export interface Handset {
  /** One exchange with the server. */
  step(calm: boolean): Promise<void>
  /** stored: it was told so. refused: the bytes aren't what was announced. */
  readonly outcome: 'stored' | 'refused' | undefined
  /** The upload that it was told is done. */
  readonly receipt: Upload | undefined
  readonly file: File
  /** Requests that it has stopped waiting for. */
  settled(): Promise<void>
}

/** A told offset that went back, or an answer that no server may give. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

export function handset({ file, caller, engine, random }: HandsetOptions): Handset {
  let id: string | undefined
  let toldBytes = 0
  let terminated = false
  let outcome: Handset['outcome']
  let receipt: Upload | undefined
  const left = new Set<Promise<unknown>>()
  const bodies = new Set<Readable>()

  /** What was told by a request that began when `sinceBytes` were told. */
  const hear = (upload: Upload, sinceBytes: number) => {
    if (upload.id !== id) return
    if (upload.offsetBytes < sinceBytes) throw new BrokenPromise(`${upload.offsetBytes} told after ${sinceBytes}`)
    toldBytes = Math.max(toldBytes, upload.offsetBytes)
    if (upload.state === 'done') {
      receipt = upload
      outcome = 'stored'
    } else if (upload.offsetBytes === file.content.length && file.content.length > 0) {
      throw new BrokenPromise('all bytes were told to be there, and it is not stored')
    }
  }

  const startAgain = () => {
    id = undefined
    toldBytes = 0
    terminated = false
  }

  const listen = (error: unknown, sinceBytes: number) => {
    if (!isAppError(error)) {
      if (error instanceof Error && error.name === 'BodyBroken') return
      throw error
    }
    answers[error.kind]?.(error, sinceBytes) ?? refuse(error)
  }
  const refuse = (error: AppError) => {
    throw new BrokenPromise(`answered ${error.kind}: ${error.message}`, { cause: error })
  }
  const goOn = () => true as const
  const answers: Partial<Record<AppError['kind'], (error: AppError, sinceBytes: number) => true>> = {
    unavailable: goOn,
    held: goOn,
    too_large: goOn, // it was sent too much, deliberately
    conflict: ({ facts }, sinceBytes) => {
      if (typeof facts.offset === 'number' && facts.offset < sinceBytes) throw new BrokenPromise('409 told less')
      return true
    },
    gone: error => {
      // Parts can be found missing by a request that was overtaken. If they are, no later one comes to the end either.
      if (left.size > 0 && isAppError(error.cause, 'not_found')) return true
      if (!terminated && !file.isWrong) refuse(error)
      startAgain()
      return true
    },
    checksum_mismatch: () => {
      outcome = 'refused'
      return true
    },
  }

  const request = async (work: (engine: Engine) => Promise<Upload | undefined>) => {
    const sinceBytes = toldBytes
    const mine = id
    try {
      const upload = await work(engine())
      if (upload) hear(upload, sinceBytes)
    } catch (error) {
      if (mine === id) listen(error, sinceBytes)
    }
  }

  /** A request whose outcome the handset doesn't wait for, though it may still hear of it. */
  const leave = (running: Promise<void>) => {
    const task = running.finally(() => left.delete(task))
    left.add(task)
    // Its failures are heard by `settled`.
    task.catch(() => {})
  }

  const bodyFrom = (offset: number, calm: boolean): Readable => {
    const kind = calm ? 'whole' : random.pick(['whole', 'whole', 'cut', 'cut', 'hang', 'short', 'excess'])
    const rest = file.content.subarray(offset)
    const sizeBytes = kind === 'whole' || kind === 'excess' ? rest.length : random.between(0, rest.length)
    const body = Readable.from(
      chunks(rest.subarray(0, sizeBytes), kind, calm ? random.fork('calm') : random.fork(`${random.next()}`)),
      { objectMode: false },
    )
    bodies.add(body.once('close', () => bodies.delete(body)))
    return body
  }

  const create = (calm: boolean) =>
    request(async engine => {
      const body = random.chance(0.7) ? { stream: bodyFrom(0, calm) } : undefined
      const sends = file.content.length > 0 ? body : undefined
      const creation = { sizeBytes: file.content.length, metadata: file.metadata }
      const upload = await engine.create(caller, creation, sends)
      id = upload.id
      return upload
    })

  const append = (calm: boolean) => {
    const upload = id as string
    const offset = toldBytes
    return request(engine => engine.append(caller, upload, offset, { stream: bodyFrom(offset, calm) }))
  }

  const find = () => {
    const upload = id as string
    return request(engine => engine.find(caller, upload))
  }

  return {
    file,
    get outcome() {
      return outcome
    },
    get receipt() {
      return receipt
    },
    async step(calm) {
      if (id === undefined) return create(calm)
      if (!calm && random.chance(0.04)) {
        terminated = true
        const upload = id
        await request(async engine => {
          await engine.terminate(caller, upload)
          return undefined
        })
        return
      }
      // Mostly a handset knows where it is; after a break it asks.
      if (calm || random.chance(0.6)) await find()
      if (outcome !== undefined || id === undefined) return
      const overlaps = !calm && random.chance(0.35)
      if (!overlaps) return append(calm)
      leave(append(calm))
      await sleep(random.between(0, 15))
    },
    async settled() {
      for (const body of bodies) body.destroy()
      while (left.size > 0) await Promise.all(left)
    },
  }
}

async function* chunks(bytes: Buffer, kind: string, random: Random): AsyncGenerator<Buffer> {
  const sizeMax = random.pick([1 + Math.ceil(bytes.length / 3), 64 * 1024, 1 + Math.ceil(bytes.length / 7)])
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(random.between(1, Math.max(sizeMax, Math.ceil(bytes.length / 40))), bytes.length - at)
    yield bytes.subarray(at, at + size)
    at += size
    if (random.chance(0.1)) await sleep(random.between(0, 5))
  }
  if (kind === 'excess') yield Buffer.from('and more than was announced')
  if (kind === 'cut') throw new Error('the connection broke')
  if (kind === 'hang') await sleep(random.between(20, 400)).then(() => Promise.reject(new Error('broke at last')))
}
