/** The environment of a service on Redis and S3, with a bucket of its own: two services never share one, and neither do two test files. */
import { randomBytes } from 'node:crypto'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import type { RedisServer } from './redis.js'
import { s3Client, useS3 } from './services.js'

export async function redisAndS3(redis: RedisServer): Promise<Record<string, string>> {
  const [s3] = useS3()
  const bucket = `photosync-${randomBytes(6).toString('hex')}`
  const client = s3Client(s3)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  return {
    REDIS_URL: redis.url,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_BUCKET: bucket,
    S3_ACCESS_KEY_ID: s3.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
  }
}
