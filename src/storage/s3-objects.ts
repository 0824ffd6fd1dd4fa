/** The S3 bucket's calls for whole objects. One call is one request, but for listings and large deletes. */
import type { IncomingMessage } from 'node:http'
import { DeleteObjectCommand, DeleteObjectsCommand, HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { AppError, isAppError } from '../core/errors.js'
import { endOnAbort, relay } from './body.js'
import type { Bucket, ObjectFacts } from './bucket.js'
import { alreadyThere, checkKey, checkPrefix, checkRange } from './checks.js'
import { drained } from './http-exchange.js'
import { sendBody } from './s3-body.js'
import { request, type S3Place } from './s3-call.js'
import { deleteError, s3Error, statusOf } from './s3-errors.js'

/** DeleteObjects takes no more. */
const deleteKeysMax = 1_000

type ObjectCalls = Pick<Bucket, 'put' | 'get' | 'head' | 'delete' | 'list'>

export function s3Objects(place: S3Place): ObjectCalls {
  const { client, bucket } = place
  const calls: ObjectCalls = {
    async put(key, body, { sha256, ifAbsent, mediaType, signal } = {}) {
      checkKey(key)
      const headers = {
        'content-type': mediaType ?? 'application/octet-stream',
        ...(ifAbsent && { 'if-none-match': '*' }),
        // A service that knows the header checks it and keeps it with the object; some take it without a look.
        ...(sha256 !== undefined && { 'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64') }),
      }
      try {
        await sendBody(body, { sha256, signal }, sending =>
          request(signal, async () => drained(await place.send({ method: 'PUT', key, headers, ...sending, signal }))),
        )
      } catch (error) {
        // 409 says only that another call was at work on the key: whether it left an object is to be seen.
        const isRace = ifAbsent && isAppError(error) && statusOf(error.cause) === 409
        if (isRace && (await calls.head(key, signal ? { signal } : {}))) throw alreadyThere(error)
        throw error
      }
    },

    async get(key, { range, signal } = {}) {
      checkKey(key)
      if (range) checkRange(range)
      const headers = range && { range: `bytes=${range.start}-${range.end ?? ''}` }
      const answer = await request(signal, () =>
        place.send({ method: 'GET', key, ...(headers && { headers }), signal }),
      )
      const sizeBytes = wholeSize(answer, range !== undefined)
      if (sizeBytes === undefined) {
        answer.destroy()
        throw new AppError('unavailable', "The S3 service didn't answer the range that was asked for")
      }
      // A connection that breaks in the middle is `unavailable` to the body's reader.
      return { sizeBytes, body: endOnAbort(relay(answer, { translate: s3Error }), signal) }
    },

    async head(key, { signal } = {}) {
      checkKey(key)
      try {
        const command = new HeadObjectCommand({ Bucket: bucket, Key: key })
        return factsOf(key, await request(signal, options => client.send(command, options)))
      } catch (error) {
        if (isAppError(error) && statusOf(error.cause) === 404) return undefined
        throw error
      }
    },

    async delete(keys, { signal } = {}) {
      for (const key of keys) checkKey(key)
      for (let at = 0; at < keys.length; at += deleteKeysMax) {
        await deleteBatch(place, keys.slice(at, at + deleteKeysMax), signal)
      }
    },

    list: (prefix, { signal } = {}) => listObjects(place, prefix, signal),
  }
  return calls
}

async function deleteBatch({ client, bucket }: S3Place, keys: readonly string[], signal?: AbortSignal): Promise<void> {
  const [first] = keys
  if (keys.length === 1 && first !== undefined) {
    const command = new DeleteObjectCommand({ Bucket: bucket, Key: first })
    await request(signal, options => client.send(command, options))
    return
  }
  const Objects = keys.map(Key => ({ Key }))
  const command = new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } })
  const { Errors = [] } = await request(signal, options => client.send(command, options))
  const failed = Errors.find(({ Code }) => Code !== 'NoSuchKey')
  if (failed) throw deleteError(failed.Code)
}

async function* listObjects(
  { client, bucket }: S3Place,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<ObjectFacts> {
  checkPrefix(prefix)
  let ContinuationToken: string | undefined
  do {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken })
    const page = await request(signal, options => client.send(command, options))
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      signal?.throwIfAborted()
      if (Key !== undefined) yield factsOf(Key, { ContentLength: Size, LastModified })
    }
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
  } while (ContinuationToken !== undefined)
}

function factsOf(
  key: string,
  { ContentLength, LastModified }: { ContentLength?: number | undefined; LastModified?: Date | undefined },
): ObjectFacts {
  if (ContentLength === undefined || !LastModified) {
    throw new AppError('unavailable', "The S3 service answered without an object's size or time")
  }
  return { key, sizeBytes: ContentLength, modifiedAt: LastModified }
}

/** Of `bytes 0-9/100` the 100 (RFC 9110 §14.4); undefined when a range was asked for and not given. */
function wholeSize({ headers }: IncomingMessage, isRange: boolean): number | undefined {
  const text = isRange ? /^bytes \d+-\d+\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1] : headers['content-length']
  return text === undefined ? undefined : Number(text)
}
