/**
 * The contract of the place where a region keeps bytes. Implemented on S3 (s3-bucket), on a disk (disk-bucket) and in memory
 * (memory-bucket), decorated by retrying, metered and faulty buckets; every one passes test/conformance/bucket.
 *
 * Guarantees of every implementation
 * - A call that resolved is durable: it survives kill -9 of any process and a power cut, and every later read sees it.
 * - A call that rejected may have happened (`put`, `completeMultipart` and `delete` can succeed without telling). All calls
 *   are idempotent, so whoever isn't sure calls again.
 * - An object appears whole or not at all; a reader of an object that is being replaced sees the old bytes or the new ones.
 * - Once `put` or `uploadPart` has settled, either way, nothing reads the pieces of a body in memory any more: whoever lent the
 *   memory may use it again. Until then they must stay as they are.
 * - Cancelling by the signal rejects with the signal's reason soon, and leaves at most what a rejection leaves.
 * - Errors: AppError `not_found` (get of an absent key; an unknown multipart), `conflict` (ifAbsent and the key exists),
 *   `invalid` (a body whose bytes aren't what `size` or `sha256` said; nothing is kept), `forbidden` (credentials), all permanent; `unavailable` for what may
 *   pass and can be tried again.
 */
import type { Readable } from 'node:stream'

/** Bytes that can be read more than once: a retry must be able to start over. */
export interface Replayable {
  readonly sizeBytes: number
  /** Opens the bytes from the start. Each call gives an independent iteration. An array is bytes in memory, sent as they lie there. */
  open(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

export interface CallOptions {
  signal?: AbortSignal
}

export interface PutOptions extends CallOptions {
  /**
   * Lower-case hex. Bytes that don't have it are `invalid`, and nothing of them is kept. Checked by whoever can do it at the
   * least cost: here as they pass, or by the service that takes them.
   */
  sha256?: string
  /** Rejects with `conflict` if the key exists; of several at once exactly one wins. */
  ifAbsent?: boolean
  mediaType?: string
}

/** Both ends are inclusive, as in HTTP (RFC 9110 §14.1.2); `end` may lie beyond the object. */
export interface ByteRange {
  start: number
  end?: number
}

export interface GetResult {
  /** Of the whole object, also when a range was asked for. */
  sizeBytes: number
  /** The bytes asked for. The caller reads it to its end or destroys it. */
  body: Readable
}

export interface ObjectFacts {
  key: string
  sizeBytes: number
  modifiedAt: Date
}

export interface Part {
  /** 1–10,000, in the order of the bytes. */
  number: number
  /** What uploadPart answered. */
  etag: string
  sizeBytes: number
}

export interface Bucket {
  put(key: string, body: Replayable, options?: PutOptions): Promise<void>
  get(key: string, options?: CallOptions & { range?: ByteRange }): Promise<GetResult>
  /** undefined when the key is absent. */
  head(key: string, options?: CallOptions): Promise<ObjectFacts | undefined>
  /** Absent keys are no error. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>
  /** In key order. Sees every object that existed throughout the listing. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectFacts>

  /** Begins an object that comes in parts; nothing is visible under the key until it is completed. Returns the multipart's id. */
  createMultipart(key: string, options?: CallOptions & { mediaType?: string }): Promise<string>
  /** Each part but the last must be ≥ 5 MiB. The same number again replaces the part. */
  uploadPart(key: string, multipart: string, number: number, body: Replayable, options?: CallOptions): Promise<Part>
  /**
   * Whether `completeMultipart` may leave out parts that were uploaded, as at S3. Where it may not (Ceph), a part that nobody wants
   * has to be replaced by another under its number.
   */
  mayLeaveOutParts(multipart: string): boolean
  /**
   * Makes the object of the parts named, in order. Calling again after success: `not_found` where the service has forgotten
   * the multipart (S3), so whoever isn't sure asks `head` for the key and its size.
   */
  completeMultipart(key: string, multipart: string, parts: readonly Part[], options?: CallOptions): Promise<void>
  /** Removes the parts. An unknown multipart is no error. */
  abortMultipart(key: string, multipart: string, options?: CallOptions): Promise<void>
  /** Multiparts begun and neither completed nor aborted, below a prefix. */
  listMultiparts(
    prefix: string,
    options?: CallOptions,
  ): AsyncIterable<{ key: string; multipart: string; startedAt: Date }>

  /**
   * A URL that lets its bearer GET the object for a while without going through us, or undefined where the bucket has none
   * to give (disk, memory) and the bytes must be streamed.
   */
  signedUrl(
    key: string,
    options: { lifetimeSeconds: number; fileName?: string; mediaType?: string },
  ): Promise<string | undefined>

  /** Proves that the bucket can be reached, written and read; rejects with a sentence that says what to do. */
  check(options?: CallOptions): Promise<void>
  close(): Promise<void>
}

/** Replayable bytes that are in memory, as one piece or several. */
export function bytes(...pieces: readonly Uint8Array[]): Replayable {
  return { sizeBytes: pieces.reduce((sum, piece) => sum + piece.byteLength, 0), open: () => pieces }
}
