/**
 * The least that S3 asks of a PUT: AWS Signature Version 4 in the Authorization header, the body unsigned, so that it can be
 * streamed. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac } from 'node:crypto'
import type { S3Bucket } from '../../support/provided.js'

/** Headers for a PUT of `path` (already URI-encoded), besides Content-Length. */
export function signPut({ endpoint, region, accessKeyId, secretAccessKey }: S3Bucket, path: string, now: Date) {
  const { host } = new URL(endpoint)
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '')
  const day = time.slice(0, 8)
  const payload = 'UNSIGNED-PAYLOAD'
  const names = 'host;x-amz-content-sha256;x-amz-date'
  const canonical = `PUT\n${path}\n\nhost:${host}\nx-amz-content-sha256:${payload}\nx-amz-date:${time}\n\n${names}\n${payload}`
  const scope = `${day}/${region}/s3/aws4_request`
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  const signature = hmac(key, text).toString('hex')
  return {
    Host: host,
    'x-amz-content-sha256': payload,
    'x-amz-date': time,
    Authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  }
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
