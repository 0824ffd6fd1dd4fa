/**
 * The way of one original over tus 1.0, the same in Node and in browsers: what is said of it, when to try again, when to begin
 * anew, when to give up, and its receipt. A small file goes out with its creation, in one request, unless connections break;
 * everything else goes on after a break where the server says it is, also in a program that starts later, when there is a store
 * of begun uploads. No upload goes on after its signal aborted; what came until then stays on the server.
 */
import { DetailedError, type HttpStack, Upload, type UploadOptions } from 'tus-js-client'
import { AppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import type { PartRole } from '../core/part-roles.js'
import { addressOf } from './api.js'
import type { Pace } from './pace.js'
import { errorOfAnswer, errorOfNetwork, isAway, isPassing } from './problem.js'
import { isOf, nameOfBegun, type ResumeStore } from './resume-store.js'
import { offsetTold, requireOwnAddress } from './told-of-upload.js'
import { backOff, wait } from './wait.js'

/** Proof that the server has committed the photo. */
export interface Receipt {
  readonly photo: string
  /** The person had this content already. */
  readonly duplicate: boolean
  /** The person had it and deleted it, and it stays so: it was sent with `ifDeleted: 'keep'`. */
  readonly deleted: boolean
}

export interface TransferOptions {
  /** Base address of the region's API, e.g. `https://us-west-2.photos.example`. */
  server: string
  /** A device token. */
  token: string
  /** Ends the transfer at once. */
  signal?: AbortSignal
  /** Milliseconds before the second, third… attempt; counted anew whenever bytes arrived. Default: six, from 500 to 8,000. */
  retryDelaysMs?: readonly number[]
  /** Bytes of this file that are on their way or there; goes back after a break. Must not throw. */
  onProgress?: (bytes: number) => void
  /** Makes it a part of this photo, which is there already: its motion half, an edit of it, words about it. */
  partOf?: { readonly photo: string; readonly role: PartRole }
  /** What happens to a content that its owner deleted: `keep` it deleted (default), or `restore` it. */
  ifDeleted?: 'keep' | 'restore'
  /** Where begun uploads are remembered; without one, an upload that is cut off by the end of the program begins anew. */
  resume?: ResumeStore
  /** Whose the uploads are, when one store serves several people; the person's id, say. */
  account?: string
  /** Told of what goes wrong and is tried again, e.g. a `Pace`: `lost` a connection broke, `refused` the server wants less. */
  pace?: Pick<Pace, 'trouble' | 'isShaky'>
}

/** What is sent, and how its platform reads and sends it. */
export interface Original {
  /** Without its path. */
  readonly fileName: string
  readonly mediaType: string
  readonly sizeBytes: number
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
  /** Lower-case hex. */
  readonly sha256: string
  readonly httpStack: HttpStack
  /** What `httpStack` sends as these bytes; it has `size`. */
  slice(start: number, end: number): { readonly size: number }
  /** Rejects with an AppError when it is not what was hashed any more. */
  stillSame(): Promise<void>
}

/** How often an upload whose server forgot it, or got other bytes than were read, is begun anew. */
const startsMax = 3
/**
 * Up to so many bytes a file goes out with its creation, in one request: on a long link the round trip that this spares is most of what
 * it takes, but a break loses all of it. Less while connections break; what one took along is not sent so again if it is larger than that.
 */
const inOneBytes = 1024 * 1024
const inOneShakyBytes = 256 * 1024
const never = new AbortController().signal

/**
 * Rejects with an AppError: of the file, as `stillSame` and the reading of it say; of the server (its own reason, e.g.
 * `unsupported_media`, `too_large`, `misdirected`, or `invalid` for what no server should say); or `unavailable` when all attempts
 * are used up; or with the signal's reason.
 */
export async function transfer(original: Original, options: TransferOptions): Promise<Receipt> {
  const { server, account = '', resume, ifDeleted = 'keep', partOf, signal = never } = options
  const name = nameOfBegun({ server, account, ifDeleted, partOf, ...facts(original) })
  let writing: Promise<void> | undefined
  const remember = (address: string) => {
    writing = resume?.put(name, address).catch(() => undefined) // it is worth bytes, not the upload
  }
  const noted = await resume?.get(name)
  let address = noted !== undefined && isOf(server, noted) ? noted : undefined
  for (let start = 1; ; start++) {
    const ended = await attempt(original, { ...options, ifDeleted, signal }, address, remember)
    await writing
    signal.throwIfAborted()
    if (!ended.unfinished) await resume?.remove(name)
    if (ended.receipt) return ended.receipt
    if (!ended.anew || start >= startsMax) throw ended.error
    address = undefined
    await original.stillSame()
  }
}

const facts = ({ sha256, sizeBytes }: Original) => ({ sha256, sizeBytes })

interface Ended {
  receipt?: Receipt
  error?: unknown
  /** Another upload of the same file can do better. */
  anew?: boolean
  /** It can be gone on with later. */
  unfinished?: boolean
  /** The server does not have it, or will not speak of it. */
  lost?: boolean
}

type AttemptOptions = TransferOptions & { signal: AbortSignal; ifDeleted: 'keep' | 'restore' }

/** One upload, from its creation or from where it is, to its end. */
function attempt(
  original: Original,
  options: AttemptOptions,
  address: string | undefined,
  remember: (address: string) => void,
): Promise<Ended> {
  const { server, token, signal, onProgress = () => {}, retryDelaysMs = backOff() } = options
  return new Promise(resolve => {
    let retryAfterSeconds = 0
    let highest = 0
    const end = (ended: Ended) => {
      signal.removeEventListener('abort', stop)
      resolve(ended)
    }
    const upload = new Upload(original as unknown as Blob /* only ever seen by the fileReader below */, {
      ...sourceOptions(original, options),
      endpoint: address === undefined ? addressOf(server, 'v1/uploads') : null,
      uploadUrl: address ?? null,
      headers: { Authorization: `Bearer ${token}` },
      retryDelays: [...retryDelaysMs],
      onProgress,
      onUploadUrlAvailable: () => {
        // Without an endpoint tus-js-client resumes or fails; with one it begins at zero whenever HEAD meets a passing fault.
        upload.options.endpoint = null
        const address = upload.url ?? ''
        upload.url = null // until it is known to be the server's own, nothing goes there
        requireOwnAddress(server, address)
        upload.url = address
        if (upload.url && !upload.options.uploadDataDuringCreation) remember(upload.url)
      },
      onBeforeRequest: async () => {
        if (retryAfterSeconds > 0) await wait(retryAfterSeconds * 1000, signal)
        retryAfterSeconds = 0
      },
      onAfterResponse: (request, response) => {
        if (response.getStatus() >= 300) return
        const method = request.getMethod()
        const sent = method === 'PATCH' || (method === 'POST' && upload.options.uploadDataDuringCreation === true)
        const from = request.getHeader('Upload-Offset')
        const [offset, length] = [response.getHeader('Upload-Offset'), response.getHeader('Upload-Length')]
        const { sizeBytes } = original
        highest = offsetTold({ server, sizeBytes, method, sent, from, offset, length, highest }) ?? highest
      },
      onShouldRetry: error => {
        const reason = reasonOf(error, server)
        if (!error.originalResponse) upload.options.uploadDataDuringCreation &&= original.sizeBytes <= inOneShakyBytes
        if (isPassing(reason) && reason.kind !== 'held')
          options.pace?.trouble(error.originalResponse ? 'refused' : 'lost')
        // A retry that is under way when the signal aborts would begin all the same.
        const again = !signal.aborted && (isPassing(reason) || movedOn(error, options))
        if (isPassing(reason)) retryAfterSeconds = reason.retryAfterSeconds ?? 0
        return again
      },
      onSuccess: ({ lastResponse }) => {
        const receipt = receiptOf(name => lastResponse.getHeader(name))
        if (receipt) end({ receipt })
        else end({ error: new AppError('invalid', `${server} gave no receipt for it`) })
      },
      onError: error => {
        if (signal.aborted) return
        const ended = afterFailure(error, upload, options)
        if (ended.unfinished || ended.lost || !upload.url) end(ended)
        else void withdraw(upload).finally(() => end(ended))
      },
    })
    const stop = () => {
      void upload.abort()
      end({ unfinished: true })
    }
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    upload.start()
  })
}

/** What is sent and what is said about it. Nothing of the path but the file's own name leaves the machine. */
function sourceOptions(original: Original, { partOf, ifDeleted, pace }: AttemptOptions): UploadOptions {
  const { sizeBytes, sha256 } = original
  const inOne = pace?.isShaky ? inOneShakyBytes : inOneBytes
  return {
    metadata: {
      filename: fittingName(original.fileName),
      filetype: original.mediaType,
      ...modifiedOf(original),
      sha256,
      ifDeleted,
      ...(partOf && { partOf: partOf.photo, role: partOf.role }),
    },
    uploadSize: sizeBytes,
    uploadDataDuringCreation: sizeBytes > 0 && sizeBytes <= inOne,
    httpStack: original.httpStack,
    // What begun uploads are found by is kept by `transfer`, with what else makes two of them the same.
    fingerprint: async () => sha256,
    storeFingerprintForResuming: false,
    fileReader: {
      openFile: async () => ({
        size: sizeBytes,
        slice: async (start: number, end: number) => ({
          value: original.slice(start, Math.min(end, sizeBytes)),
          done: end >= sizeBytes,
        }),
        close: () => {}, // whoever opened it closes it
      }),
    },
  }
}

/** File systems hold times that no calendar has, or that only some have: such a time is left out. */
function modifiedOf({ modifiedMs }: Original): { modified?: string } {
  const date = new Date(modifiedMs)
  const year = date.getUTCFullYear()
  return year >= 0 && year <= 9999 ? { modified: date.toISOString() } : {}
}

/** An upload that moved on without us: its offset is asked for, and sending goes on there. A refused part is another 409. */
function movedOn(error: DetailedError, { partOf }: AttemptOptions): boolean {
  const { originalResponse: answer, originalRequest: request } = error
  if (answer?.getStatus() !== 409 || request.getMethod() === 'POST') return false
  return partOf === undefined || Boolean(answer.getHeader('Upload-Offset'))
}

/** What the failure of an upload, all attempts used up, means for its file. */
function afterFailure(failure: Error, upload: Upload, options: AttemptOptions): Ended {
  const { server } = options
  const error = reasonOf(failure, server)
  const detailed = failure instanceof DetailedError ? failure : undefined
  const answer = detailed?.originalResponse
  const anew = { anew: true, error }
  if (error.kind === 'checksum_mismatch') return anew
  // Of the file itself, said by whoever reads it; or of an answer to HEAD that is about another upload.
  if (!answer) return error.kind === 'gone' ? anew : { error, unfinished: error.kind === 'unavailable' }
  if (!upload.url) return { error }
  if (detailed && movedOn(detailed, options)) {
    const sentence = `${server} and this program do not agree on how much of it arrived: try again later`
    return { anew: true, error: new AppError('conflict', sentence, { cause: error }) }
  }
  // An answer to HEAD has no body, so that only a new request learns where somebody moved to.
  const lost = ['not_found', 'gone', 'misdirected'].includes(error.kind)
  if (lost) return { error, lost, anew: typeof error.facts.apiUrl !== 'string' }
  return { error, unfinished: isAway(error) || error.kind === 'held' || error.kind === 'unauthenticated' }
}

function receiptOf(header: (name: string) => string | undefined | null): Receipt | undefined {
  const photo = header('Photosync-Photo')
  if (!photo) return undefined
  return {
    photo,
    duplicate: header('Photosync-Duplicate') === '?1',
    deleted: header('Photosync-Deleted') === '?1',
  }
}

function reasonOf(error: Error, server: string): AppError {
  if (!(error instanceof DetailedError)) return errorOfNetwork(error, server)
  const { originalResponse: answer, causingError } = error
  // The DetailedError itself is no cause to keep: it holds the request, and with it the token.
  if (!answer) return errorOfNetwork(causingError ?? undefined, server)
  const status = answer.getStatus()
  return errorOfAnswer({ server, status, body: answer.getBody(), header: name => answer.getHeader(name) }, Date.now())
}

/** Best effort, once: the server removes what is left by itself when the upload expires. */
async function withdraw(upload: Upload): Promise<void> {
  upload.options.retryDelays = null
  await upload.abort(true).catch(() => undefined)
}

const utf8 = new TextEncoder()

/** A name the server takes, at most `limits.fileNameBytes` of UTF-8: a longer one loses from its middle, never its ending. */
function fittingName(name: string): string {
  const dot = name.lastIndexOf('.')
  const ending = name.slice(dot)
  let stem = [...name.slice(0, dot)]
  while (utf8.encode(stem.join('') + ending).length > limits.fileNameBytes && stem.length > 0) stem = stem.slice(0, -1)
  return stem.join('') + ending
}
