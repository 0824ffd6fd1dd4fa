/**
 * Sends one file over tus 1.0 and brings its receipt. A small file goes out with its creation, in one request; a larger one
 * resumes after a break where the server says it is. Guarantees: what the server completes is the version that was hashed
 * (a file that changed meanwhile is withdrawn before its last byte), and no upload goes on after its signal aborted; an
 * upload that is cut off by the signal stays on the server until it expires. Touches the file (reading) and the network.
 */
import type { FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DetailedError, Upload, type UploadOptions } from 'tus-js-client'
import { AppError, isAppError } from '../core/errors.js'
import { limits } from '../core/limits.js'
import { addressOf } from './api.js'
import { changedWhileSent, errorOfFile } from './file-errors.js'
import type { GalleryFile } from './gallery-files.js'
import { type HashedContent, openForReading, sameVersion, versionOf } from './hash-file.js'
import { errorOfAnswer, errorOfNetwork, isPassing } from './problem.js'
import { type FileSlice, makeHttpStack, type UploadHttp } from './upload-http.js'

export interface HashedFile extends GalleryFile, HashedContent {}

/** Proof that the server has committed the photo. */
export interface Receipt {
  readonly photo: string
  /** The person had this content already. */
  readonly duplicate: boolean
}

export interface SendOptions {
  server: string
  token: string
  http: UploadHttp
  signal: AbortSignal
  /** Milliseconds before the second, third… attempt; counted anew whenever bytes arrived. */
  retryDelaysMs: readonly number[]
  /** Bytes of this file that are on their way or there; goes back after a break. */
  onProgress: (bytes: number) => void
}

/** How often an upload whose server forgot it, or got other bytes than were read, is begun anew. */
const startsMax = 3

/**
 * Rejects with an AppError: of the file (`conflict` changed, `invalid` unreadable), of the server (its own reason, e.g.
 * `unsupported_media`, `too_large`), or `unavailable` when all attempts are used up; or with the signal's reason.
 */
export async function sendFile(file: HashedFile, options: SendOptions): Promise<Receipt> {
  let handle: FileHandle | undefined
  try {
    handle = await openForReading(file.path)
    const opened = handle
    const stillSame = async () => {
      if (!sameVersion(versionOf(await opened.stat()), file)) throw changedWhileSent()
    }
    await stillSame()
    for (let start = 1; ; start++) {
      try {
        return await upload(file, opened, stillSame, options)
      } catch (error) {
        const anew =
          isAppError(error, 'not_found') || isAppError(error, 'gone') || isAppError(error, 'checksum_mismatch')
        if (!anew || start >= startsMax) throw error
        await stillSame()
      }
    }
  } catch (error) {
    options.signal.throwIfAborted()
    throw errorOfFile(error)
  } finally {
    await handle?.close()
  }
}

function upload(
  file: HashedFile,
  handle: FileHandle,
  beforeEnd: () => Promise<void>,
  options: SendOptions,
): Promise<Receipt> {
  const { server, token, signal } = options
  return new Promise((resolve, reject) => {
    let retryAfterSeconds = 0
    const upload = new Upload(handle as unknown as Buffer /* only ever seen by the fileReader below */, {
      ...sourceOptions(file, handle, beforeEnd),
      endpoint: addressOf(server, 'v1/uploads'),
      headers: { Authorization: `Bearer ${token}` },
      httpStack: makeHttpStack(options.http, signal),
      retryDelays: [...options.retryDelaysMs],
      onProgress: options.onProgress,
      onUploadUrlAvailable: () => {
        // Without an endpoint tus-js-client resumes or fails; with one it begins at zero whenever HEAD meets a passing fault.
        upload.options.endpoint = null
      },
      onBeforeRequest: async () => {
        if (retryAfterSeconds > 0) await sleep(retryAfterSeconds * 1000, undefined, { signal })
        retryAfterSeconds = 0
      },
      onShouldRetry: error => {
        const reason = reasonOf(error, server)
        retryAfterSeconds = reason.retryAfterSeconds ?? 0
        return isPassing(reason) || error.originalResponse?.getStatus() === 409
      },
      onSuccess: ({ lastResponse }) => {
        end()
        const photo = lastResponse.getHeader('Photosync-Photo')
        if (photo) resolve({ photo, duplicate: lastResponse.getHeader('Photosync-Duplicate') === '?1' })
        else reject(new AppError('unavailable', `${server} gave no receipt for it`))
      },
      onError: error => {
        end()
        const reason = reasonOf(error, server)
        if (reason.kind === 'conflict' && upload.url) void withdraw(upload).finally(() => reject(reason))
        else reject(reason)
      },
    })
    const stop = () => {
      void upload.abort()
      reject(signal.reason)
    }
    const end = () => signal.removeEventListener('abort', stop)
    signal.throwIfAborted()
    signal.addEventListener('abort', stop, { once: true })
    upload.start()
  })
}

/** What is sent and what is said about it. Nothing of the path but the file's own name leaves the machine. */
function sourceOptions(file: HashedFile, handle: FileHandle, beforeEnd: () => Promise<void>): UploadOptions {
  const { sizeBytes } = file
  return {
    metadata: {
      filename: fittingName(basename(file.path)),
      filetype: file.mediaType,
      modified: new Date(file.modifiedMs).toISOString(),
      sha256: file.sha256,
    },
    uploadSize: sizeBytes,
    uploadDataDuringCreation: sizeBytes > 0 && sizeBytes <= limits.smallUploadBytes,
    // What a store of unfinished uploads would find this one by; none is kept yet.
    fingerprint: async () => file.sha256,
    storeFingerprintForResuming: false,
    fileReader: {
      openFile: async () => ({
        size: sizeBytes,
        slice: async (start: number, end: number) => {
          const value: FileSlice = { handle, start, size: Math.min(end, sizeBytes) - start, beforeEnd }
          return { value, done: end >= sizeBytes }
        },
        close: () => {}, // sendFile opened the file and closes it
      }),
    },
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

/** A name the server takes, at most `limits.fileNameBytes` of UTF-8: a longer one loses from its middle, never its ending. */
function fittingName(name: string): string {
  const dot = name.lastIndexOf('.')
  const ending = name.slice(dot)
  let stem = [...name.slice(0, dot)]
  while (Buffer.byteLength(stem.join('') + ending) > limits.fileNameBytes) stem = stem.slice(0, -1)
  return stem.join('') + ending
}
