/**
 * What every front (tus, IETF) asks of the engine of uploads, whichever way its requests say it. No HTTP in it.
 *
 * Someone else's upload does not exist (`not_found`); one that was terminated or has expired is `gone`. Whatever is refused
 * leaves the upload as it was.
 */
import type { Readable } from 'node:stream'
import type { Caller } from '../accounts/caller.js'
import type { Upload } from './upload.js'

export interface Creation {
  /** undefined: said by a later request, or known when a body that `isLast` has come to its end. */
  sizeBytes?: number | undefined
  /** Upload-Metadata as it came; '' for none. */
  metadata: string
  /** The whole file's, announced outside of the metadata (RFC 9530 Repr-Digest). */
  sha256?: Buffer | undefined
  /** `partial`: never a photo by itself; `concatenate` makes one of several. Default: whole. */
  kind?: 'whole' | 'partial'
}

/** The bytes of one request. */
export interface Body {
  stream: Readable
  /** What Content-Length says; undefined when it doesn't. */
  announcedBytes?: number | undefined
  /** Of exactly these bytes. Nothing of a body that has another one, or that breaks off, is kept: `checksum_mismatch`. */
  checksum?: Checksum | undefined
  /** Its end is the end of the file: so an upload of unknown length gets its length. */
  isLast?: boolean | undefined
}

export const checksumAlgorithms = ['md5', 'sha1', 'sha256', 'sha512', 'crc32'] as const
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number]

export interface Checksum {
  algorithm: ChecksumAlgorithm
  /** Its raw bytes; of crc32 the four bytes in network order. */
  digest: Buffer
}

/** What a request that appends may say besides its bytes. */
export interface AppendFacts {
  /** The upload's length, said only now. `invalid` when it has another one already, or is already past it. */
  sizeBytes?: number | undefined
  /** The whole file's. `invalid` when another one was announced. */
  sha256?: Buffer | undefined
}

export interface Engine {
  /**
   * Makes an upload and appends `body` to it when there is one. `onCreated` is told of it before the body is read, and from then
   * on the upload stays, whatever becomes of the body; without it an upload that fails for our own reasons is ended, since
   * nobody has heard where it is.
   * A body that broke off is no error: what came of it is kept, and the upload says how far it got.
   */
  create(caller: Caller, creation: Creation, body?: Body, onCreated?: (upload: Upload) => void): Promise<Upload>
  /**
   * Appends at `offset`; `conflict` (with the fact `offset`) when the upload is elsewhere. The last request of a `done` upload, sent
   * again, gets the upload as it is and so its receipt. `forbidden` for one that was concatenated.
   */
  append(caller: Caller, id: string, offset: number, body: Body, facts?: AppendFacts): Promise<Upload>
  /**
   * One upload of several partial ones, in this order; `invalid` unless all of them are the caller's, partial and complete. The same
   * partial uploads again: the upload that they became.
   */
  concatenate(
    caller: Caller,
    creation: { metadata: string; partials: readonly string[]; concat: string },
  ): Promise<Upload>
  /** The upload and where it is. Ends a request that still writes to it, since its client has come back; finishes one whose finish was cut short. */
  find(caller: Caller, id: string): Promise<Upload>
  /** Ends it and has its bytes removed. Of one that is stored the photo stays, and only its receipt goes. */
  terminate(caller: Caller, id: string): Promise<void>
  /** For the sweeper: finishes an upload whose bytes are all durable. Resolves also when there is nothing to do. */
  resumeFinish(id: string): Promise<void>
  /** For the sweeper: ends an upload and has its bytes removed. */
  expire(id: string): Promise<void>
  /** Bytes of memory taken by bodies now. */
  heldBytes(): number
  close(): void
}
