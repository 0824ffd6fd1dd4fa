/** The S3 bucket's multiparts. One call is one request, but for the listing. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3'
import { AppError, isAppError } from '../core/errors.js'
import type { Bucket } from './bucket.js'
import { checkKey, checkPartNumber, checkPrefix, partsInOrder } from './checks.js'
import { drained } from './http-exchange.js'
import { sendBody } from './s3-body.js'
import { request, type S3Place } from './s3-call.js'

type MultipartCalls = Pick<
  Bucket,
  'createMultipart' | 'uploadPart' | 'mayLeaveOutParts' | 'completeMultipart' | 'abortMultipart' | 'listMultiparts'
>

/** Of the ids that Ceph gives (MULTIPART_UPLOAD_ID_PREFIX in its rgw_multi.h); S3's have no tilde. */
const cephIdPrefix = '2~'

export function s3Multiparts(place: S3Place): MultipartCalls {
  const { client, bucket } = place
  return {
    async createMultipart(key, { mediaType, signal } = {}) {
      checkKey(key)
      const command = new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ContentType: mediaType })
      const { UploadId } = await request(signal, options => client.send(command, options))
      if (UploadId === undefined) throw new AppError('unavailable', 'The S3 service began a multipart without an id')
      return UploadId
    },

    async uploadPart(key, multipart, number, body, { signal } = {}) {
      checkKey(key)
      checkPartNumber(number)
      const query = { partNumber: String(number), uploadId: multipart }
      const etag = await sendBody(body, { signal }, sending =>
        request(signal, async () => {
          const answer = await place.send({ method: 'PUT', key, query, ...sending, signal })
          await drained(answer)
          return answer.headers.etag
        }),
      )
      if (etag === undefined) throw new AppError('unavailable', 'The S3 service took a part without an ETag')
      return { number, etag, sizeBytes: body.sizeBytes }
    },

    mayLeaveOutParts: multipart => !multipart.startsWith(cephIdPrefix),

    async completeMultipart(key, multipart, parts, { signal } = {}) {
      checkKey(key)
      const Parts = partsInOrder(parts).map(({ number, etag }) => ({ PartNumber: number, ETag: etag }))
      const input = { Bucket: bucket, Key: key, UploadId: multipart, MultipartUpload: { Parts } }
      const command = new CompleteMultipartUploadCommand(input)
      try {
        await request(signal, options => client.send(command, options))
      } catch (error) {
        // Ceph answers 500 for a multipart that it doesn't know (any more).
        if (isAppError(error, 'unavailable')) await mustExist(place, key, multipart, signal)
        throw error
      }
    },

    async abortMultipart(key, multipart, { signal } = {}) {
      checkKey(key)
      try {
        const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: multipart })
        await request(signal, options => client.send(command, options))
      } catch (error) {
        if (!isAppError(error, 'not_found')) throw error
      }
    },

    listMultiparts: (prefix, { signal } = {}) => listMultiparts(place, prefix, signal),
  }
}

async function mustExist(
  { client, bucket }: S3Place,
  key: string,
  multipart: string,
  signal?: AbortSignal,
): Promise<void> {
  const command = new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: multipart, MaxParts: 1 })
  await request(signal, options => client.send(command, options))
}

async function* listMultiparts(
  { client, bucket }: S3Place,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<{ key: string; multipart: string; startedAt: Date }> {
  checkPrefix(prefix)
  let markers: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {}
  while (markers) {
    const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
      Bucket: bucket,
      Prefix: prefix,
      ...markers,
    })
    const page = await request(signal, options => client.send(command, options))
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      signal?.throwIfAborted()
      if (Key !== undefined && UploadId !== undefined && Initiated) {
        yield { key: Key, multipart: UploadId, startedAt: Initiated }
      }
    }
    markers = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined
  }
}
