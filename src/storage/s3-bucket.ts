/**
 * A bucket on S3, by AWS or by another that speaks it. Durable as the service is. Opens connections to the service and touches
 * nothing else. Retries nothing by itself: that is the retrying bucket's.
 */
import { GetObjectCommand, HeadBucketCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { type NewId, newId as randomId } from '../core/ids.js'
import type { Bucket } from './bucket.js'
import { checkKey } from './checks.js'
import { attachment } from './content-disposition.js'
import { proveBucket } from './probe.js'
import { request } from './s3-call.js'
import { type S3Options, s3Agents, s3Client } from './s3-client.js'
import { checkError } from './s3-errors.js'
import { s3Multiparts } from './s3-multipart.js'
import { s3Objects } from './s3-objects.js'
import { s3Requests } from './s3-requests.js'

export type { S3Options } from './s3-client.js'

export function s3Bucket(options: S3Options & { newId?: NewId }): Bucket {
  const { bucket: name, endpoint, region, newId = randomId } = options
  const agents = s3Agents()
  const client = s3Client(options, agents)
  const place = { client, bucket: name, send: s3Requests(client, name, agents) }

  const bucket: Bucket = {
    ...s3Objects(place),
    ...s3Multiparts(place),

    signedUrl(key, { lifetimeSeconds, fileName, mediaType }) {
      checkKey(key)
      const command = new GetObjectCommand({
        Bucket: name,
        Key: key,
        ResponseContentType: mediaType,
        ResponseContentDisposition: fileName === undefined ? undefined : attachment(fileName),
      })
      return request(undefined, () => getSignedUrl(client, command, { expiresIn: lifetimeSeconds }))
    },

    async check({ signal } = {}) {
      try {
        await request(signal, sending => client.send(new HeadBucketCommand({ Bucket: name }), sending))
        await proveBucket(bucket, newId, signal ? { signal } : {})
      } catch (error) {
        signal?.throwIfAborted()
        throw checkError(error, name, endpoint ?? `AWS S3 in ${region}`)
      }
    },

    async close() {
      client.destroy()
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
  return bucket
}
