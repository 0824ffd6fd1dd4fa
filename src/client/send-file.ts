/**
 * Sends one file of this machine over tus 1.0 and brings its receipt. Guarantees: what the server completes is the version
 * that was hashed, still at its place: a file that changed, was replaced or is gone by the time its last bytes would go out is
 * withdrawn. Everything else is as transfer.ts says. Touches the file (reading), the network, and the store of begun uploads.
 */
import type { Stats } from 'node:fs'
import { type FileHandle, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { changedWhileSent, errorOfFile } from './file-errors.js'
import type { GalleryFile } from './gallery-files.js'
import { type HashedContent, sameVersion, versionOf } from './hash-file.js'
import { openForReading } from './open-file.js'
import { type Receipt, type TransferOptions, transfer } from './transfer.js'
import { type FileSlice, makeHttpStack, makeUploadHttp, type OwnUploadHttp, type UploadHttp } from './upload-http.js'

export type { Receipt } from './transfer.js'

export interface HashedFile extends GalleryFile, HashedContent {}

export interface SendOptions extends TransferOptions {
  /** Connections that several sendings share; see `makeUploadHttp`. Without it each has its own. */
  http?: UploadHttp
}

/**
 * Rejects with an AppError: of the file (`conflict` changed or a link by now, `invalid` unreadable or gone), of the server (its own reason, e.g.
 * `unsupported_media`, `too_large`), or `unavailable` when all attempts are used up; or with the signal's reason.
 */
export async function sendFile(file: HashedFile, options: SendOptions): Promise<Receipt> {
  const { http, own } = httpOf(options)
  let handle: FileHandle | undefined
  try {
    handle = await openForReading(file.path, file.within)
    const opened = handle
    const { ino, dev } = await opened.stat()
    const stillSame = async () => {
      const [open, there] = await Promise.all([opened.stat(), stat(file.path)])
      if (!isVersion(open, file) || there.ino !== ino || there.dev !== dev) throw changedWhileSent()
    }
    await stillSame()
    const { sizeBytes, modifiedMs, sha256, mediaType } = file
    const original = { fileName: basename(file.path), sizeBytes, modifiedMs, sha256, mediaType, stillSame }
    const slice = (start: number, end: number): FileSlice => ({
      handle: opened,
      start,
      size: end - start,
      beforeEnd: stillSame,
    })
    return await transfer({ ...original, slice, httpStack: makeHttpStack(http, options.signal) }, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw errorOfFile(error)
  } finally {
    await handle?.close()
    own?.close()
  }
}

function httpOf({ http }: SendOptions): { http: UploadHttp; own?: OwnUploadHttp } {
  if (http) return { http }
  const own = makeUploadHttp()
  return { http: own, own }
}

const isVersion = (facts: Stats, file: HashedFile): boolean => sameVersion(versionOf(facts), file)
